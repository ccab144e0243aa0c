"""From facts to what is found: the rules "hour-integrity" of the day of each service, over columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from qunli.kernel.errors import Refused
from qunli.rules import selectors as rules
from qunli.rules.services import evaluate_columns, parameters
from qunli.service_hours.integrity.checks import ALONE, Facts, facts
from qunli.service_hours.integrity.columns import Array, Attendances

RULES = "hour-integrity"
FIRST_DAY = date(1970, 1, 1)


class Limits(NamedTuple):
    """What the search for facts itself needs of the rules."""

    slack_minutes: int
    largest_ring: int

    @classmethod
    def on(cls, day: date) -> "Limits":
        found = parameters(RULES, on=day)
        return cls(found["travel_slack_minutes"], found["ring_largest"])


@dataclass(frozen=True)
class Found:
    """One record that a rule holds of."""

    record: int
    kind: str
    """Key of the rule."""
    severity: str
    facts: dict[str, Any]
    """What the rule looked at, by the facts' names."""
    others: tuple[int, ...]
    """Other records that it is about."""
    version: int
    """Key of the version of the rules."""


def judge(rows: Attendances, *, limits: Limits) -> list[Found]:
    """Everything that the rules hold of these rows. A day on which no rules count finds nothing."""
    return list(_judged(rows, facts(rows, slack_minutes=limits.slack_minutes, largest_ring=limits.largest_ring)))


def _judged(rows: Attendances, known: Facts) -> Iterator[Found]:
    columns = known.columns()
    for version, day, mask in _versions(rows.day):
        where = np.flatnonzero(mask)
        cut = {name: _cut(column, where) for name, column in columns.items()}
        answers = evaluate_columns(RULES, cut, on=day, missing=False)
        severities = answers.rule_set.results["severity"]
        for rule in answers.rule_set.rules:
            held = np.flatnonzero(answers.rules[rule.key] == 1)
            names = [name for name in (rule.when.names() if rule.when else ()) if name in columns]
            if not len(held):
                continue
            codes = np.broadcast_to(answers.rule_results[rule.key]["severity"].values, (len(where),))[held].tolist()
            for row, code in zip(where[held].tolist(), codes, strict=True):
                seen = {name: _plain(columns[name], row) for name in names}
                yield Found(
                    record=int(rows.record[row]),
                    kind=rule.key,
                    severity=str(severities.type.read(code)),
                    facts=seen,
                    others=_others(known, rule.key, row),
                    version=version,
                )


def _versions(days: Array) -> Iterator[tuple[int, date, Array]]:
    """The versions in force on the days of the rows: key, one of its days, and its rows."""
    by_version: dict[int, tuple[date, list[int]]] = {}
    for number in np.unique(days).tolist():
        day = FIRST_DAY + timedelta(days=number)
        try:
            held = rules.held(RULES, day)
        except Refused:
            continue
        by_version.setdefault(held.pk, (day, []))[1].append(number)
    for version, (day, numbers) in by_version.items():
        yield version, day, np.isin(days, numbers)


def _cut(column: Any, where: Array) -> Any:
    return (column[0][where], column[1][where]) if isinstance(column, tuple) else column[where]


def _plain(column: Any, row: int) -> Any:
    return (column[0] if isinstance(column, tuple) else column)[row].item()


def _others(known: Facts, kind: str, row: int) -> tuple[int, ...]:
    source = {"overlap": known.overlaps, "impossible-travel": known.travelled_from}.get(kind)
    return () if source is None or source[row] == ALONE else (int(source[row]),)
