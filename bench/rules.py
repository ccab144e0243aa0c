"""Rules: 1,000,000 cases in columns, beside the same cases one by one, and whether the answers are the same."""

import time
from datetime import date
from functools import partial
from statistics import median
from typing import Any

from bench import ground
from bench.common import Report, load, timed

SCALE = 1.0
"""1.0 is a million cases; the files are read as they stand, no database is asked."""
ROWS = 1_000_000
ROUNDS = 3
CHECKED = 100_000
"""Cases of each rule set that are also evaluated one by one and compared in full, evenly spread."""
DAY = date(2026, 3, 5)
SEED = 20260305
KNOWN = 0.9
"""Share of the facts that are known: the others make some answers unknown."""
KEYS = ("hour-integrity", "post-eligibility", "hour-confidence")


def run(*, scale: float) -> Report:
    import django

    django.setup()
    from django.conf import settings

    from qunli.rules.reading import read_folder

    reading = read_folder(settings.ROOT / "rulesets")
    if reading.mistakes:
        raise ground.Stop(str(reading.mistakes[0]))
    sets = {rules.key: rules for _file, rules in reading.rule_sets}
    rows = max(1000, int(ROWS * scale))
    report = Report("rules")
    ratios = [_measure(report, sets[key], rows) for key in KEYS]
    report.add("columns to one by one, the least of them", min(ratios), "times", against="cases a second, same run", bound=">= 50")
    report.note(f"{rows:,} cases each, {KNOWN:.0%} of the facts known; both sides give verdict, rules, results and what is missing")
    report.note("with a trace: every comparison with the values that were seen, as a stored decision has it; columns have none")
    report.note(load())
    return report


def _measure(report: Report, rules: Any, rows: int) -> float:
    from qunli.rules.answers import answer
    from qunli.rules.columns import answer_columns

    columns = _columns(rules, rows)
    places = list(range(0, rows, max(1, rows // CHECKED)))
    cases = [_case(rules, columns, row) for row in places]
    bulk, single, bare = [], [], []
    for _round in range(ROUNDS):
        seconds, found = timed(partial(answer_columns, rules, columns, on=DAY))
        bulk.append(rows / seconds)
        part = cases[:: max(1, len(cases) // 5_000)]
        seconds, _answers = timed(lambda part=part: [answer(rules, case, on=DAY) for case in part])  # type: ignore[misc]
        single.append(len(part) / seconds)
        seconds, _answers = timed(lambda part=part: [answer(rules, case, on=DAY, trace=False) for case in part])  # type: ignore[misc]
        bare.append(len(part) / seconds)
    start = time.perf_counter()
    different = _different(rules, found, cases, places)
    checking = time.perf_counter() - start
    ratio = median(bulk) / median(bare)
    name = rules.key
    report.add(
        f"{name}: {rows:,} cases in columns",
        rows / median(bulk),
        "s",
        against=f"{len(rules.facts)} facts, {len(rules.rules)} rules",
    )
    report.add(f"{name}: columns", median(bulk), "cases/s", digits=0)
    report.add(f"{name}: one by one", median(bare), "cases/s", digits=0)
    report.add(f"{name}: one by one with a trace", median(single), "cases/s", digits=0)
    report.add(f"{name}: columns to one by one", ratio, "times", bound=">= 50", digits=1)
    report.add(
        f"{name}: different answers", different, "", against=f"{len(cases):,} cases compared in {checking:.0f} s", bound="== 0"
    )
    return float(ratio)


def _columns(rules: Any, rows: int) -> dict[str, Any]:
    """Each fact drawn near the thresholds of the rules as often as far from them, some unknown."""
    import numpy as np

    from qunli.rules.kinds import Kind

    dice = np.random.default_rng(SEED)
    columns: dict[str, Any] = {}
    for name, fact in rules.facts.items():
        kind = fact.type
        match kind.kind:
            case Kind.BOOLEAN:
                values: Any = dice.random(rows) < 0.8
            case Kind.CHOICE:
                values = dice.integers(0, len(kind.options), rows)
            case Kind.SET:
                values = dice.integers(0, kind.high + 1, rows) & dice.integers(0, kind.high + 1, rows)
            case _:
                near = dice.integers(max(kind.low, -20), min(kind.high, 200) + 1, rows)
                far = dice.integers(kind.low, min(kind.high, 20_000) + 1, rows)
                values = np.where(dice.random(rows) < 0.5, near, far)
        columns[name] = (values, dice.random(rows) < KNOWN)
    return columns


def _case(rules: Any, columns: dict[str, Any], row: int) -> dict[str, Any]:
    """One row as `answer` takes it."""
    return {
        name: rules.facts[name].type.read(int(values[row])) if known[row] else None for name, (values, known) in columns.items()
    }


def _different(rules: Any, found: Any, cases: list[dict[str, Any]], places: list[int]) -> int:
    """Cases in which verdict, rules, results, missing facts or the next question differ."""
    from qunli.rules.answers import answer

    code = {1: "yes", 0: "no", -1: "unknown"}
    verdicts = found.verdicts[places].tolist()
    by_rule = {rule.key: found.rules[rule.key][places].tolist() for rule in rules.rules}
    results = {name: (c.values[places].tolist(), c.known[places].tolist()) for name, c in found.results.items()}
    missing = {name: mask[places].tolist() for name, mask in found.missing.items()}
    asked = found.questions()[places].tolist()
    different = 0
    for at, case in enumerate(cases):
        one = answer(rules, case, on=DAY, trace=False)
        same = one.verdict == code[verdicts[at]]
        same = same and all(each.verdict == code[by_rule[each.key][at]] for each in one.rules)
        for name, (values, known) in results.items():
            value = rules.results[name].type.read(values[at]) if known[at] else None
            same = same and one.results.get(name) == value
        same = same and {name for name, mask in missing.items() if mask[at]} == set(one.missing)
        same = same and (rules.asking_order[asked[at]] if asked[at] >= 0 else None) == one.question
        different += not same
    return different
