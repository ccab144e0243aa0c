"""One by one and in columns: whatever the rule set and whatever is missing, the answers are the same."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qunli.kernel.errors import Refused
from qunli.rules.answers import Answer, answer
from qunli.rules.columns import CHUNK, ColumnAnswers, answer_columns, read_column
from qunli.rules.documents import Document
from qunli.rules.enums import Decides, Verdict
from qunli.rules.parsing import parse
from qunli.rules.rulesets import RuleSet

DAY = date(2026, 3, 5)
WORDS = {"zh": "名", "en": "name"}
OPTIONS = {"options": {"a": WORDS, "b": WORDS, "c": WORDS}}
FACTS: dict[str, dict[str, Any]] = {
    "few": {"type": "integer", "min": -5, "max": 5},
    "many": {"type": "integer", "min": -100_000, "max": 100_000},
    "money": {"type": "decimal", "digits": 2, "min": "-999.99", "max": "999.99"},
    "share": {"type": "decimal", "digits": 4, "min": 0, "max": 2},
    "flag": {"type": "boolean"},
    "mark": {"type": "boolean"},
    "kind": {"type": "choice", **OPTIONS},
    "held": {"type": "set", **OPTIONS},
    "asked": {"type": "set", **OPTIONS},
    "born": {"type": "date"},
    "since": {"type": "date"},
}
CATALOGUE = {name: {**WORDS, "ask": WORDS, "cost": place % 4, **entry} for place, (name, entry) in enumerate(sorted(FACTS.items()))}
NUMBERS = ("few", "many", "money", "share")

dates = st.dates(date(1920, 1, 1), date(2040, 12, 31))
options = st.sampled_from(["a", "b", "c"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "few": st.integers(-5, 5),
    "many": st.integers(-100_000, 100_000) | st.integers(-3, 3),
    "money": st.decimals("-999.99", "999.99", places=2) | st.decimals("-1", "1", places=2),
    "share": st.decimals(0, 2, places=4),
    "flag": st.booleans(),
    "mark": st.booleans(),
    "kind": options,
    "held": st.lists(options, unique=True).map(sorted),
    "asked": st.lists(options, unique=True, max_size=1),
    "born": dates,
    "since": dates,
}
rows = st.fixed_dictionaries({name: st.none() | value for name, value in VALUES.items()})
literals = st.sampled_from(["0", "1", "2", "3", "7", "1.5", "0.05"])
names = st.sampled_from([*NUMBERS, "limit", "mean"])


@st.composite
def formulas(draw: st.DrawFn, depth: int) -> str:
    """Formulas that come to a number."""
    if depth == 0:
        return draw(literals | names)
    one, two = draw(formulas(depth - 1)), draw(formulas(depth - 1))
    shape = draw(
        st.sampled_from(
            [
                "{one}",
                "({one} + {two})",
                "({one} - {two})",
                "({one} * 1.5)",
                "min({one}, {two})",
                "max({one}, {two})",
                "clamp({one}, 0, 100)",
                "floor({one} / max({two}, 1))",
                "ceil({one} / max({two}, 1))",
                "round({one} / max({two}, 1), 2)",
                "round({one}, 1)",
                "({one}) // 3",
                "years(born, on)",
                "months(since, born)",
                "(since - born)",
                "({one} if {test} else {two})",
            ]
        )
    )
    test = draw(st.sampled_from(["flag", "few > 0", "flag and not mark", "money <= few or mark"]))
    return shape.format(one=one, two=two, test=test)


numbers = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    """One comparison."""
    right = draw(st.integers(-5, 5) | formulas(2).map(lambda text: {"formula": text}))
    match draw(st.integers(0, 10)):
        case 0 | 1:
            return {"fact": draw(st.sampled_from(NUMBERS)), draw(numbers): right}
        case 2:
            return {"formula": draw(formulas(2)), draw(numbers): right}
        case 3:
            return {"fact": draw(st.sampled_from(NUMBERS)), "between": [draw(st.integers(-5, 0)), draw(st.integers(0, 5))]}
        case 4:
            return {"fact": draw(st.sampled_from(NUMBERS)), "in": draw(st.lists(st.integers(-3, 3), min_size=1, max_size=3))}
        case 5 | 6:
            return {"fact": draw(st.sampled_from(["flag", "mark"])), draw(st.sampled_from(["eq", "ne"])): draw(st.booleans())}
        case 7:
            return {"fact": "kind", "in": draw(st.lists(options, min_size=1, unique=True))}
        case 8:
            return draw(st.sampled_from([{"fact": "held", "has": "b"}, {"fact": "held", "covers": {"formula": "asked"}}]))
        case 9:
            name, op = draw(st.sampled_from(["born", "since", "on"])), draw(st.sampled_from(["lt", "ge"]))
            return {"fact": name, op: draw(dates).isoformat()}
    return {"fact": draw(st.sampled_from(sorted(FACTS))), "present": True}


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """Comparisons within all, any and not."""
    kind = draw(st.sampled_from(["leaf", "leaf", "all", "any", "not"])) if depth else "leaf"
    if kind == "leaf":
        return draw(leaves())
    if kind == "not":
        return {"not": draw(conditions(depth - 1))}
    return {kind: [draw(conditions(depth - 1)) for _ in range(draw(st.integers(1, 3)))]}


varied = st.fixed_dictionaries(
    {
        "grade": st.integers(0, 1) | formulas(1).map(lambda text: {"formula": f"floor({text})"}),
        "amount": st.sampled_from(["0", "12.50"]) | formulas(1).map(lambda text: {"formula": f"round({text}, 2)"}),
        "letter": options,
    }
)


results = st.sampled_from([{"grade": 1, "amount": "0", "letter": "a"}, {"grade": 2, "amount": "0", "letter": "a"}]) | varied
"""Often the same, so that an unknown rule above a known one may not matter."""


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    decides = draw(st.sampled_from(list(Decides)))
    rules = []
    for place in range(draw(st.integers(1, 5))):
        rule: dict[str, Any] = {"key": f"r{place}", **WORDS, "when": draw(conditions())}
        if decides != Decides.ALL:
            rule["results"] = draw(results)
        rules.append(rule)
    if decides == Decides.FIRST and draw(st.booleans()):
        rules.append({"key": "last", **WORDS, "results": draw(results)})
    data: dict[str, Any] = {
        "key": "random",
        "issuer": "default",
        "title": WORDS,
        "source": WORDS,
        "authority": WORDS,
        "certainty": "design",
        "effective_from": "2020-01-01",
        "decides": str(decides),
        "parameters": {"limit": {**WORDS, "type": "decimal", "digits": 1, "value": draw(st.sampled_from(["0.5", "2.0", "10.0"]))}},
        "values": {
            "mean": {**WORDS, "formula": draw(st.sampled_from(["round((money + few) / 2, 2)", "few * limit", "many // 60"]))}
        },
        "results": {
            "grade": {**WORDS, "type": "integer"},
            "amount": {**WORDS, "type": "decimal", "digits": 2},
            "letter": {**WORDS, "type": "choice", **OPTIONS},
        },
        "rules": rules,
    }
    if decides == Decides.ALL:
        data["outcome"] = draw(results)
    document = Document("random.toml", data)
    found = parse(document, CATALOGUE)
    assert found is not None, document.mistakes
    return found


CODES = {1: Verdict.YES, 0: Verdict.NO, -1: Verdict.UNKNOWN}


def must_agree(rules: RuleSet, cases: list[dict[str, Any]], one_by_one: list[Answer], found: ColumnAnswers) -> None:
    assert [CODES[code] for code in found.verdicts.tolist()] == [each.verdict for each in one_by_one]
    for place, rule in enumerate(rules.rules):
        assert [CODES[c] for c in found.rules[rule.key].tolist()] == [each.rules[place].verdict for each in one_by_one]
        for name in found.rule_results.get(rule.key, {}):
            column = read_column(rules.results[name].type, found.rule_results[rule.key][name])
            assert column == [each.rules[place].results.get(name) for each in one_by_one]
    for name in found.results:
        assert found.result(name) == [each.results.get(name) for each in one_by_one]
    for row, each in enumerate(one_by_one):
        assert {name for name, mask in found.missing.items() if mask[row]} == set(each.missing), cases[row]
    asked = [None if place < 0 else rules.asking_order[place] for place in found.questions().tolist()]
    assert asked == [each.question for each in one_by_one]


@given(rule_sets(), st.lists(rows, min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_columns_say_what_one_by_one_says(rules: RuleSet, cases: list[dict[str, Any]]) -> None:
    columns = {name: [case[name] for case in cases] for name in rules.facts}
    found = answer_columns(rules, columns, on=DAY, size=len(cases))
    must_agree(rules, cases, [answer(rules, case, on=DAY) for case in cases], found)


@given(rule_sets(), rows)
@settings(max_examples=100, deadline=None)
def test_a_settled_answer_stays_whatever_is_learnt(rules: RuleSet, case: dict[str, Any]) -> None:
    """Kleene: facts that come later never turn yes into no; and a fact that is not asked for cannot matter to an `all` set."""
    before = answer(rules, {}, on=DAY)
    after = answer(rules, case, on=DAY)
    for one, other in zip(before.rules, after.rules, strict=True):
        assert one.verdict in (Verdict.UNKNOWN, other.verdict)
    if before.verdict != Verdict.UNKNOWN:
        assert after.verdict == before.verdict


@given(rule_sets(), rows, rows)
@settings(max_examples=100, deadline=None)
def test_what_is_not_missing_does_not_matter(rules: RuleSet, known: dict[str, Any], other: dict[str, Any]) -> None:
    """Whatever is learnt of the facts that an answer does not ask for, it stays the same."""
    before = answer(rules, known, on=DAY)
    learnt = known | {n: other[n] for n in rules.facts if known[n] is None and n not in before.missing}
    after = answer(rules, learnt, on=DAY)
    assert after.verdict == before.verdict
    assert dict(after.results) == dict(before.results)


@given(rule_sets(), rows)
@settings(max_examples=60, deadline=None)
def test_asking_until_nothing_is_missing_settles_it(rules: RuleSet, case: dict[str, Any]) -> None:
    complete = {name: value for name, value in case.items() if value is not None}
    given_facts: dict[str, Any] = {}
    for _step in range(len(rules.facts) + 1):
        found = answer(rules, given_facts, on=DAY)
        if found.question is None or found.question not in complete:
            break
        assert found.question not in given_facts, "asked twice"
        given_facts[found.question] = complete[found.question]
    if found.question is None:
        assert found.verdict != Verdict.UNKNOWN
        assert found.verdict == answer(rules, complete, on=DAY).verdict
        assert dict(found.results) == dict(answer(rules, complete, on=DAY).results)


def ladder(*conditions: dict[str, Any], letters: str) -> RuleSet:
    """A `first` set whose only result is a letter."""
    rules = [
        {"key": f"r{place}", **WORDS, "when": when, "results": {"letter": letter}}
        for place, (when, letter) in enumerate(zip(conditions, letters, strict=True))
    ]
    head = dict.fromkeys(("title", "source", "authority"), WORDS)
    data = {
        **head, "key": "ladder", "issuer": "default", "certainty": "design", "effective_from": "2020-01-01", "decides": "first",
        "results": {"letter": {**WORDS, "type": "choice", **OPTIONS}}, "rules": rules,
    }  # fmt: skip
    found = parse(Document("ladder.toml", data), CATALOGUE)
    assert found is not None
    return found


def test_an_unknown_rule_does_not_matter_when_the_next_says_the_same() -> None:
    yes = {"fact": "mark", "eq": True}
    same = ladder({"fact": "flag", "eq": True}, yes, letters="aa")
    other = ladder({"fact": "flag", "eq": True}, yes, letters="ba")
    case = {"mark": True}
    assert answer(same, case, on=DAY).results == {"letter": "a"}
    assert answer(same, case, on=DAY).missing == ()
    assert answer(other, case, on=DAY).verdict == Verdict.UNKNOWN
    assert answer(other, case, on=DAY).missing == ("flag",)
    for rules in (same, other):
        must_agree(rules, [case], [answer(rules, case, on=DAY)], answer_columns(rules, {"mark": np.array([True])}, on=DAY))


def test_rounding_at_the_half() -> None:
    rules = ladder({"formula": "round(few / 2)", "ge": 2}, {"formula": "floor(few / 2)", "eq": -2}, letters="ab")
    cases = [{"few": value} for value in range(-5, 6)]
    found = answer_columns(rules, {"few": np.arange(-5, 6)}, on=DAY)
    must_agree(rules, cases, [answer(rules, case, on=DAY) for case in cases], found)
    assert found.result("letter") == [None, "b", "b", None, None, None, None, None, "a", "a", "a"]


def test_columns_longer_than_a_chunk_are_joined() -> None:
    rules = ladder({"fact": "few", "ge": 1}, {"fact": "flag", "eq": True}, letters="ab")
    rows = CHUNK + 7
    few, known = np.arange(rows) % 11 - 5, np.arange(rows) % 3 > 0
    found = answer_columns(rules, {"few": few, "flag": (few % 2 == 0, known)}, on=DAY)
    assert found.size == rows
    for row in (0, 1, 4, CHUNK - 1, CHUNK, rows - 1):
        case = {"few": int(few[row]), "flag": bool(few[row] % 2 == 0) if known[row] else None}
        one = answer(rules, case, on=DAY)
        assert CODES[int(found.verdicts[row])] == one.verdict
        assert {name for name, mask in found.missing.items() if mask[row]} == set(one.missing)


def test_a_value_that_does_not_fit_names_its_row() -> None:
    rules = ladder({"fact": "money", "ge": 1}, {"fact": "kind", "eq": "b"}, letters="ab")
    for columns, field, row in (
        ({"money": np.array([1.0, float("nan"), 2.345])}, "money", 2),
        ({"money": [None, "1.00", 5000]}, "money", 2),
        ({"money": np.array([1, 2, 3]), "kind": np.array(["a", "z", "b"])}, "kind", 1),
        ({"money": np.array([1, 2, 3]), "kind": (np.array([0, 1, 3]), np.array([True, True, True]))}, "kind", 2),
    ):
        with pytest.raises(Refused) as refused:
            answer_columns(rules, columns, on=DAY)
        assert (refused.value.field, refused.value.facts) == (field, {"row": row})
