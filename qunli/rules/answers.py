"""One rule set on one case: yes, no or unknown, with the trace that explains it, what is missing, and what to ask next. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from qunli.kernel.errors import Refused
from qunli.rules.conditions import Comparison, Condition, Group, Not
from qunli.rules.enums import Decides, Verdict
from qunli.rules.rulesets import ON, RuleSet
from qunli.rules.terms import Facts, Term

VERDICTS = {True: Verdict.YES, False: Verdict.NO, None: Verdict.UNKNOWN}


@dataclass(frozen=True)
class RuleAnswer:
    """What became of one rule. `trace` is nested as the condition: {"verdict", "items"}; {"verdict", "seen"} for a comparison."""

    key: str
    verdict: Verdict
    results: Mapping[str, Any]
    """The rule's results where it holds; None for one whose facts are missing."""
    trace: Mapping[str, Any] | None

    def data(self) -> dict[str, Any]:
        return {"key": self.key, "verdict": str(self.verdict), "results": dict(self.results), "trace": self.trace}


@dataclass(frozen=True)
class Answer:
    """What a rule set says of a case.

    `verdict`: of an `all` set whether every rule holds; of a `first` set whether a rule applies; of an `each` set whether any does.
    `results`: of the rule that applies (`first`), or the outcome of the set (`all`), as Python has them (int, Decimal, str ...).
    `applied`: keys of the rules that hold; of a `first` set the one that decides.
    `missing`: facts that could still change the answer, the cheapest first; `question` is the one to ask next, None when settled.
    """

    rule_set: RuleSet
    on: date
    verdict: Verdict
    results: Mapping[str, Any]
    applied: tuple[str, ...]
    rules: tuple[RuleAnswer, ...]
    missing: tuple[str, ...]

    @property
    def question(self) -> str | None:
        return self.missing[0] if self.missing else None

    def data(self) -> dict[str, Any]:
        """The answer as plain data, which JSON can hold: what is stored with a decision."""
        rules = self.rule_set
        return {
            "key": rules.key,
            "issuer": rules.issuer,
            "effective_from": rules.effective_from.isoformat(),
            "on": self.on.isoformat(),
            "verdict": str(self.verdict),
            "results": _plain_results(self.results),
            "applied": list(self.applied),
            "rules": [rule.data() | {"results": _plain_results(rule.results)} for rule in self.rules],
            "missing": list(self.missing),
            "question": self.question,
        }


def written(rules: RuleSet, facts: Mapping[str, Any], on: date) -> dict[str, int]:
    """The facts that the rule set uses, as whole numbers; None stands for unknown. Raises Refused at the fact that does not fit."""
    found = {ON: on.toordinal()}
    for name, fact in rules.facts.items():
        value = facts.get(name)
        if value is not None:
            try:
                found[name] = fact.type.write(value)
            except ValueError as error:
                raise Refused(f"{fact.label}：{error}", code="fact", field=name) from None
    return found


def answer(rules: RuleSet, facts: Mapping[str, Any], *, on: date, trace: bool = True) -> Answer:
    """Evaluate a rule set on facts by name (a missing or None fact is unknown). Raises Refused at a fact that does not fit."""
    known = written(rules, facts, on)
    truths = [True if rule.when is None else rule.when.one(known) for rule in rules.rules]
    results = [_results(rule.results, known) if truth else {} for rule, truth in zip(rules.rules, truths, strict=True)]
    decide = {Decides.ALL: _all, Decides.FIRST: _first, Decides.EACH: _each}[rules.decides]
    truth, chosen, applied, missing = decide(rules, known, truths)
    open_facts = set(missing)
    return Answer(
        rule_set=rules,
        on=on,
        verdict=VERDICTS[truth],
        results=_read(rules, chosen),
        applied=applied,
        rules=tuple(
            RuleAnswer(
                key=rule.key,
                verdict=VERDICTS[each],
                results=_read(rules, found),
                trace=traced(rule.when, known) if trace and rule.when is not None else None,
            )
            for rule, each, found in zip(rules.rules, truths, results, strict=True)
        ),
        missing=tuple(name for name in rules.asking_order if name in open_facts),
    )


Decided = tuple[bool | None, Mapping[str, int | None], tuple[str, ...], Iterator[str]]
"""Truth, results, keys of the rules that apply, missing facts."""


def _all(rules: RuleSet, known: Facts, truths: list[bool | None]) -> Decided:
    applied = tuple(rule.key for rule, truth in zip(rules.rules, truths, strict=True) if truth)
    if False in truths:
        return False, {}, applied, iter(())
    if None in truths:
        return None, {}, applied, _open(rules, known, truths)
    return True, _results(rules.outcome, known), applied, _missing_results(rules.outcome, known)


def _each(rules: RuleSet, known: Facts, truths: list[bool | None]) -> Decided:
    applied = tuple(rule.key for rule, truth in zip(rules.rules, truths, strict=True) if truth)
    truth = True if applied else None if None in truths else False

    def missing() -> Iterator[str]:
        yield from _open(rules, known, truths)
        for rule, each in zip(rules.rules, truths, strict=True):
            if each:
                yield from _missing_results(rule.results, known)

    return truth, {}, applied, missing()


def _first(rules: RuleSet, known: Facts, truths: list[bool | None]) -> Decided:
    """From the last rule up: a rule that is unknown changes nothing when what stands below it comes to the same results."""
    truth: bool | None = False
    chosen: Mapping[str, int | None] = {}
    applied: tuple[str, ...] = ()
    asked: list[Iterator[str]] = []
    for rule, holds in zip(reversed(rules.rules), reversed(truths), strict=True):
        if holds is False:
            continue
        found = _results(rule.results, known)
        if holds:
            truth, chosen, applied = True, found, (rule.key,)
            asked = [_missing_results(rule.results, known)]
        elif not (truth and found == chosen and None not in found.values()):
            truth, chosen, applied = None, {}, ()
            asked = [rule.when.missing(known) if rule.when else iter(()), *asked]
    return truth, chosen, applied, (name for names in asked for name in names)


def _open(rules: RuleSet, known: Facts, truths: list[bool | None]) -> Iterator[str]:
    for rule, truth in zip(rules.rules, truths, strict=True):
        if truth is None and rule.when is not None:
            yield from rule.when.missing(known)


def _results(results: Mapping[str, Term], known: Facts) -> dict[str, int | None]:
    return {name: term.one(known) for name, term in results.items()}


def _missing_results(results: Mapping[str, Term], known: Facts) -> Iterator[str]:
    for term in results.values():
        yield from term.missing(known)


def _read(rules: RuleSet, found: Mapping[str, int | None]) -> dict[str, Any]:
    return {name: None if value is None else rules.results[name].type.read(value) for name, value in found.items()}


def _plain_results(results: Mapping[str, Any]) -> dict[str, Any]:
    return {n: value if isinstance(value, bool | int | str | list | None) else str(value) for n, value in results.items()}


def traced(condition: Condition, known: Facts) -> dict[str, Any]:
    """How a condition came out, step by step, with the values that were seen."""
    verdict = str(VERDICTS[condition.one(known)])
    match condition:
        case Group(items=items):
            return {"verdict": verdict, "items": [traced(item, known) for item in items]}
        case Not(item=item):
            return {"verdict": verdict, "items": [traced(item, known)]}
        case Comparison(args=args):
            values = [(arg, arg.one(known)) for arg in args]
            return {"verdict": verdict, "seen": [None if value is None else arg.type.plain(value) for arg, value in values]}
    raise TypeError(type(condition))
