"""The same rule set over columns: many cases at a time, the same answers as one by one (`answers`), which a property test holds.

A column of a fact is a numpy array, or (array, known) where `known` says in which rows the value is known:
integers as integers; decimals as floats (NaN unknown) or integers; booleans as booleans; choices as texts or as places among the
options; sets as one bit an option; dates as datetime64 (NaT unknown). Any other sequence is taken as values, None for unknown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from qunli.kernel.errors import Refused
from qunli.rules.conditions import Truth
from qunli.rules.enums import Decides
from qunli.rules.kinds import Kind, Type
from qunli.rules.rulesets import ON, FactType, RuleSet
from qunli.rules.terms import EPOCH, Column, Frame, Ints, Mask, Term

CHUNK = 65_536
"""Rows that are computed at a time: their columns stay in the processor's cache."""
YES, NO, UNKNOWN = 1, 0, -1
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class ColumnAnswers:
    """Answers by row. Verdicts are 1 yes, 0 no, -1 unknown."""

    rule_set: RuleSet
    verdicts: Codes
    rules: Mapping[str, Codes]
    """The verdict of each rule, by its key."""
    results: Mapping[str, Column]
    """Of the rule that applies (`first`) or of the set (`all`), as whole numbers; known where there is one. Empty for `each`."""
    rule_results: Mapping[str, Mapping[str, Column]]
    """Of each rule of an `each` set."""
    missing: Mapping[str, Mask]
    """Rows in which a fact could still change the answer."""

    @property
    def size(self) -> int:
        return len(self.verdicts)

    def questions(self) -> npt.NDArray[np.int16]:
        """The fact to ask next, as a place in `rule_set.asking_order`; -1 where none is needed."""
        found = np.full(self.size, -1, np.int16)
        for place, name in reversed(list(enumerate(self.rule_set.asking_order))):
            if name in self.missing:
                found[self.missing[name]] = place
        return found

    def result(self, name: str) -> list[Any]:
        """One result as Python's values, None where there is none: for few rows."""
        return read_column(self.rule_set.results[name].type, self.results[name])


def answer_columns(
    rules: RuleSet, columns: Mapping[str, Any], *, on: date | Any, missing: bool = True, size: int | None = None
) -> ColumnAnswers:
    """Evaluate a rule set over columns of facts by name. `on`: one date, or a column of dates.

    `missing=False` leaves out which facts could still change an answer, which takes about as long as the rest.
    Raises Refused at the fact that does not fit, naming the first row (from 0).
    """
    facts = {name: write_column(rules.facts[name], column) for name, column in columns.items() if name in rules.facts}
    sizes = {len(column.values) for column in facts.values()} | ({size} if size is not None else set())
    if not isinstance(on, date):
        facts[ON] = _dates(on)
        sizes.add(len(facts[ON].values))
    if len(sizes) != 1:
        raise ValueError(f"columns of one length are needed, not of {sorted(sizes)}")
    rows = sizes.pop()
    chunks = [_chunk(rules, facts, on, start, min(start + CHUNK, rows), missing) for start in range(0, max(rows, 1), CHUNK)]
    return chunks[0] if len(chunks) == 1 else _joined(rules, chunks)


def _chunk(rules: RuleSet, facts: Mapping[str, Column], on: Any, start: int, end: int, missing: bool) -> ColumnAnswers:
    size = end - start
    cut = {name: Column(c.values[start:end], None if c.known is None else c.known[start:end]) for name, c in facts.items()}
    if isinstance(on, date):
        cut[ON] = Column(np.array(on.toordinal(), np.int64), None)
    frame = Frame(size, cut)
    always = Truth(np.ones(size, np.bool_), np.zeros(size, np.bool_))
    truths = [always if rule.when is None else rule.when.column(frame) for rule in rules.rules]
    decide = {Decides.ALL: _all, Decides.FIRST: _first, Decides.EACH: _each}[rules.decides]
    truth, results, live_rules, live_terms = decide(rules, frame, truths)
    open_facts: dict[str, Mask] = {}
    if missing:
        for rule, live in zip(rules.rules, live_rules, strict=True):
            if rule.when is not None and live.any():
                rule.when.missing_columns(frame, live, open_facts)
        for terms, live in live_terms:
            for term in terms.values():
                term.missing_columns(frame, live, open_facts)
    return ColumnAnswers(
        rule_set=rules,
        verdicts=_codes(truth),
        rules={rule.key: _codes(each) for rule, each in zip(rules.rules, truths, strict=True)},
        results=results,
        rule_results={
            rule.key: {name: _whole(frame, term, each.yes) for name, term in rule.results.items()}
            for rule, each in zip(rules.rules, truths, strict=True)
            if rules.decides == Decides.EACH
        },
        missing={name: mask for name, mask in open_facts.items() if name != ON},
    )


Decided = tuple[Truth, dict[str, Column], list[Mask], list[tuple[Mapping[str, Term], Mask]]]
"""Truth of the set, its results, rows in which each rule's facts matter, and rows in which those of results do."""


def _all(rules: RuleSet, frame: Frame, truths: list[Truth]) -> Decided:
    yes, no = np.ones(frame.size, np.bool_), np.zeros(frame.size, np.bool_)
    for truth in truths:
        yes, no = yes & truth.yes, no | truth.no
    found = Truth(yes, no)
    results = {name: _whole(frame, term, yes) for name, term in rules.outcome.items()}
    return found, results, [found.unknown & truth.unknown for truth in truths], [(rules.outcome, yes)]


def _each(rules: RuleSet, frame: Frame, truths: list[Truth]) -> Decided:
    yes, no = np.zeros(frame.size, np.bool_), np.ones(frame.size, np.bool_)
    for truth in truths:
        yes, no = yes | truth.yes, no & truth.no
    live = [(rule.results, truth.yes) for rule, truth in zip(rules.rules, truths, strict=True)]
    return Truth(yes, no), {}, [truth.unknown for truth in truths], live


def _first(rules: RuleSet, frame: Frame, truths: list[Truth]) -> Decided:
    """From the last rule up, as `answers` does it."""
    yes, no = np.zeros(frame.size, np.bool_), np.ones(frame.size, np.bool_)
    values = {name: np.zeros(frame.size, np.int64) for name in rules.results}
    known = {name: np.zeros(frame.size, np.bool_) for name in rules.results}
    asks: list[Mask] = []
    for rule, truth in zip(reversed(rules.rules), reversed(truths), strict=True):
        unknown = truth.unknown
        columns = {name: rule.results[name].column(frame) for name in rules.results}
        same = unknown & yes
        for name, column in columns.items():
            same &= known[name] & (values[name] == column.values)
            if column.known is not None:
                same &= column.known
        asks.append(unknown & ~same)
        for name, column in columns.items():
            values[name] = np.where(truth.yes, column.values, values[name])
            known[name] = np.where(truth.yes, True if column.known is None else column.known, known[name] & ~asks[-1])
        yes = truth.yes | (yes & ~asks[-1])
        no = no & truth.no
    reached = np.ones(frame.size, np.bool_)
    live_rules, live_terms = [], []
    for rule, truth, asked in zip(rules.rules, truths, reversed(asks), strict=True):
        live_rules.append(reached & asked)
        live_terms.append((rule.results, reached & truth.yes))
        reached = reached & ~truth.yes
    return Truth(yes, no), {name: Column(values[name], known[name] & yes) for name in rules.results}, live_rules, live_terms


def _whole(frame: Frame, term: Term, rows: Mask) -> Column:
    """A result over all rows, known only in `rows`."""
    column = term.column(frame)
    return Column(np.broadcast_to(column.values, (frame.size,)), rows if column.known is None else rows & column.known)


def _codes(truth: Truth) -> Codes:
    return truth.yes.astype(np.int8) - truth.unknown.astype(np.int8)


def _joined(rules: RuleSet, chunks: Sequence[ColumnAnswers]) -> ColumnAnswers:
    names = [name for name in rules.asking_order if any(name in chunk.missing for chunk in chunks)]
    return ColumnAnswers(
        rule_set=rules,
        verdicts=np.concatenate([chunk.verdicts for chunk in chunks]),
        rules={rule.key: np.concatenate([chunk.rules[rule.key] for chunk in chunks]) for rule in rules.rules},
        results={name: _one_column([chunk.results[name] for chunk in chunks]) for name in chunks[0].results},
        rule_results={
            key: {name: _one_column([chunk.rule_results[key][name] for chunk in chunks]) for name in results}
            for key, results in chunks[0].rule_results.items()
        },
        missing={name: np.concatenate([c.missing.get(name, np.zeros(c.size, np.bool_)) for c in chunks]) for name in names},
    )


def _one_column(columns: Sequence[Column]) -> Column:
    known = [np.ones(len(c.values), np.bool_) if c.known is None else c.known for c in columns]
    return Column(np.concatenate([c.values for c in columns]), np.concatenate(known))


# --- From what callers have to whole numbers, and back ------------------------------------------------------------


def write_column(fact: FactType, column: Any) -> Column:
    """A column of a fact as whole numbers. Raises Refused, naming the first row that does not fit."""
    known: Mask | None = None
    if isinstance(column, Column | tuple):
        column, known = column
    if not isinstance(column, np.ndarray):
        return _values(fact, column)
    found = _array(fact.type, column)
    if found.known is not None:
        known = found.known if known is None else known & found.known
    wrong = (found.values < fact.type.low) | (found.values > fact.type.high)
    if known is not None:
        wrong &= known
    if wrong.any():
        _refuse(fact, int(wrong.argmax()), column)
    return Column(found.values if known is None else np.where(known, found.values, 0), known)


def _array(type_: Type, column: npt.NDArray[Any]) -> Column:
    """Values out of bounds stand for what cannot be written; `write_column` finds them."""
    outside = type_.low - 1
    match column.dtype.kind, type_.kind:
        case "M", Kind.DATE:
            return _dates(column)
        case ("b", Kind.BOOLEAN) | ("i" | "u", Kind.CHOICE | Kind.SET | Kind.INTEGER):
            return Column(column.astype(np.int64), None)
        case "i" | "u", Kind.DECIMAL:
            return Column(_scaled_ints(column, type_, outside), None)
        case "f", Kind.DECIMAL | Kind.INTEGER:
            known = ~np.isnan(column)
            scaled = np.where(known, column, 0) * 10.0**type_.digits
            whole = np.rint(scaled)
            exact = (np.abs(scaled - whole) <= 1e-9 * np.maximum(1, np.abs(scaled))) & (np.abs(whole) < 2.0**53)
            return Column(np.where(exact, whole, outside).astype(np.int64), known)
        case "U" | "T", Kind.CHOICE:
            order = np.argsort(np.array(type_.options))
            options = np.array(type_.options)[order]
            place = np.minimum(np.searchsorted(options, column), len(options) - 1)
            return Column(np.where(options[place] == column, order[place], outside).astype(np.int64), None)
    raise TypeError(f"a column of {column.dtype} cannot be a fact of the kind {type_.kind.value}")


def _scaled_ints(column: npt.NDArray[Any], type_: Type, outside: int) -> Ints:
    factor = 10**type_.digits
    fits = (column >= -(-type_.low // factor)) & (column <= type_.high // factor)
    return np.where(fits, column.astype(np.int64) * np.where(fits, factor, 0), outside)


def _dates(column: npt.NDArray[Any]) -> Column:
    known = ~np.isnat(column)
    days = np.where(known, column, np.datetime64(0, "D")).astype("datetime64[D]").astype(np.int64) + EPOCH
    return Column(days, None if known.all() else known)


def _values(fact: FactType, column: Sequence[Any]) -> Column:
    values, known = np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_)
    for row, value in enumerate(column):
        if value is not None:
            try:
                values[row] = fact.type.write(value)
            except ValueError:
                _refuse(fact, row, column)
            known[row] = True
    return Column(values, None if known.all() else known)


def _refuse(fact: FactType, row: int, column: Any) -> None:
    try:
        value = column[row]
        fact.type.write(value.item() if isinstance(value, np.generic) else value)
        reason = _("不在可用的范围里。")
    except ValueError as error:
        reason = str(error)
    facts = {"row": row, "fact": fact.label, "reason": reason}
    raise Refused(_("第 %(row)d 行（从 0 数起）的“%(fact)s”：%(reason)s") % facts, code="fact", field=fact.name, row=row)


def read_column(type_: Type, column: Column) -> list[Any]:
    """A column as Python's values, None where it is not known."""

    def read() -> Iterator[Any]:
        known = column.known
        for row, value in enumerate(column.values.tolist()):
            yield type_.read(value) if known is None or known[row] else None

    return list(read())
