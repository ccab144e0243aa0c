"""Which star the hours of volunteers earn under the rules "volunteer-stars": in columns, the same answer as one by one.

What every version asks, the verified minutes, is a column from the start. What only some versions ask (months of service, no-shows,
a city's own facts) is read for those alone whom it can still make a difference to: the rules themselves say so by "unknown".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from qunli.people.models import Person
from qunli.rules import facts as on_record
from qunli.rules.services import ColumnAnswers, evaluate_columns
from qunli.service_hours.integrity.loading import COUNTED

RULES = "volunteer-stars"
MINUTES = "verified_minutes"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Earned:
    """By place in the people that were asked about."""

    levels: Ints
    """The star; 0 for none, or where the rules do not know enough."""
    facts: Mapping[int, Mapping[str, Any]]
    """By place: what was on record beyond the minutes, where it was looked for."""
    approvals: Ints
    """Which level approves it, as a place among `options`."""
    options: tuple[str, ...]

    def approval(self, place: int) -> str:
        return self.options[int(self.approvals[place])]


def earned(people: Sequence[int] | Ints, minutes: Ints, *, on: date) -> Earned:
    """The star of each of these people with these verified minutes. Raises Refused "no_rules" on a day without rules."""
    found = evaluate_columns(RULES, {MINUTES: minutes}, on=on, missing=False)
    levels, approvals = _levels(found), found.results["approval"].values.astype(np.int64)
    facts: dict[int, dict[str, Any]] = {}
    others = [name for name in found.rule_set.facts if name != MINUTES]
    places = np.flatnonzero(levels < 0).tolist() if others else []
    if places:
        asked = [int(people[place]) for place in places]
        columns = {name: known_of(name, asked, on) for name in others}
        again = evaluate_columns(RULES, {MINUTES: minutes[places], **columns}, on=on, missing=False)
        levels[places], approvals[places] = _levels(again), again.results["approval"].values
        for nth, place in enumerate(places):
            facts[place] = {name: column[nth] for name, column in columns.items() if column[nth] is not None}
    return Earned(np.maximum(levels, 0), facts, approvals, tuple(found.rule_set.results["approval"].options))


def _levels(found: ColumnAnswers) -> Ints:
    """The star where it is known, 0 where there is none, -1 where a fact is missing."""
    stars = found.results["stars"]
    known = found.verdicts == 1 if stars.known is None else (found.verdicts == 1) & stars.known
    return np.where(known, stars.values, np.where(found.verdicts == 0, 0, -1)).astype(np.int64)


# --- What is on record beyond the minutes -------------------------------------------------------------------------

SERVICE_MONTHS = """
    WITH months AS (
        SELECT DISTINCT person_id,
            (extract(year FROM signed_in_at AT TIME ZONE 'Asia/Shanghai') * 12
             + extract(month FROM signed_in_at AT TIME ZONE 'Asia/Shanghai'))::int AS month
        FROM service_hours_servicerecord
        WHERE person_id = ANY(%(people)s) AND state = ANY(%(counted)s) AND signed_in_at < %(after)s
    ), numbered AS (
        SELECT person_id, month, month + row_number() OVER (PARTITION BY person_id ORDER BY month DESC) AS run,
            max(month) OVER (PARTITION BY person_id) AS latest
        FROM months
    )
    SELECT person_id, count(*) FROM numbered WHERE run = latest + 1 AND latest >= %(month)s - 1 GROUP BY person_id
"""
NO_SHOWS = """
    SELECT s.person_id, count(*) FROM volunteering_signup s
    WHERE s.person_id = ANY(%(people)s) AND s.state = 'no_show' AND lower(s.during) >= %(year)s AND lower(s.during) < %(after)s
    GROUP BY s.person_id
"""


def service_months(people: Iterable[int], on: date) -> dict[int, int]:
    """For how many months in a row, up to the month of `on` or the one before, each person has counted service."""
    return _counts(SERVICE_MONTHS, people, on)


def no_shows_this_year(people: Iterable[int], on: date) -> dict[int, int]:
    """How often each was signed up in the year of `on`, up to that day, and did not come."""
    return _counts(NO_SHOWS, people, on)


IN_COLUMNS: Mapping[str, Callable[[Iterable[int], date], dict[int, int]]] = {
    "service_months": service_months,
    "no_shows_this_year": no_shows_this_year,
}


def of_person(name: str) -> Callable[[Person, date], int]:
    """The provider of one of these facts for one person: the same statement."""
    return lambda person, on: IN_COLUMNS[name]([person.pk], on).get(person.pk, 0)


def known_of(name: str, people: Sequence[int], on: date) -> list[Any]:
    """One fact about each of these people, None where nothing is on record; what no room has in columns is asked one by one."""
    if name in IN_COLUMNS:
        counts = IN_COLUMNS[name](people, on)
        return [counts.get(person, 0) for person in people]
    rows = Person.objects.in_bulk(people)
    return [on_record.gather([name], person=rows[person], on=on).get(name) for person in people]


def _counts(statement: str, people: Iterable[int], on: date) -> dict[int, int]:
    midnight = "{} 00:00 Asia/Shanghai"
    values: dict[str, Any] = {
        "people": list(people),
        "counted": COUNTED,
        "month": on.year * 12 + on.month,
        "year": midnight.format(date(on.year, 1, 1)),
        "after": midnight.format(date.fromordinal(on.toordinal() + 1)),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return dict(cursor.fetchall())
