"""The whole city: what is drawn at once, and the tables that are then made part by part, in other processes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise

import numpy as np
from django.db.models import Model

from qunli.access.models import Posting
from qunli.people.models import Consent, Guardianship, Person
from qunli.service_hours.models import HourEntry, ServiceRecord
from qunli.synthetic import activities, attendance, members, places, population, teams
from qunli.synthetic.plan import Sizes, draws, ranks
from qunli.synthetic.rows import Array, day_number
from qunli.volunteering.models import Activity, Membership, Post, SignUp, Team, Volunteer

PART = 100_000
"""Rows (about) that one part of a table has."""
FILLED = tuple(
    model._meta.db_table
    for model in (
        *(Person, Volunteer, Guardianship, Consent, Team, Membership, Posting),
        *(Activity, Post, SignUp, ServiceRecord, HourEntry),
    )
)
"""The tables that a city fills."""


@dataclass(frozen=True)
class Table:
    model: type[Model]
    columns: tuple[str, ...]
    parts: list[Callable[[], bytes]]

    @property
    def name(self) -> str:
        return self.model._meta.db_table


def draw(*, scale: float, seed: int, today: date, city: str, wording: str) -> list[Table]:
    """The tables of a city, in the order in which they are best written. The same arguments give the same bytes.

    `city` is the division code in the volunteers' numbers, `wording` the version of the consents. Raises NoDivisions, and
    ValueError for a scale that cannot be.
    """
    sizes = Sizes.of(scale)
    where = places.load(seed, today)
    team = teams.draw(sizes, seed, where)
    people = population.draw(sizes, seed, where, team)
    activity = activities.draw(sizes, seed, today, team, people)
    served = attendance.draw(seed, today, activity, people)
    first = attendance.first_served(today, activity, served, len(people))
    lives = population.draw_lives(seed, today, people, first)
    person_of_record = served.people[np.repeat(served.edges[:-1], activity.attended) + ranks(activity.attended)]
    minutes = np.bincount(person_of_record, weights=served.standing(), minlength=len(people)).astype(np.int64)
    second = members.second_teams(seed, people, team)
    memberships = len(second[0]) + int(people.sizes.sum())
    founded = draws(seed, "founded").integers(day_number(today) - 5400, day_number(today) - 3700, len(team))

    everybody = _cuts(len(people))
    by_sign_up = _cuts_by(served.edges)
    return [
        Table(Person, members.PERSON_COLUMNS, [
            partial(members.encode_persons, seed, n, a, b, people, lives, where) for n, (a, b) in enumerate(everybody)
        ]),
        Table(Volunteer, members.VOLUNTEER_COLUMNS, [
            partial(members.encode_volunteers, seed, n, a, b, city, people, lives, minutes, where)
            for n, (a, b) in enumerate(everybody)
        ]),
        Table(Guardianship, members.GUARDIANSHIP_COLUMNS, [partial(members.encode_guardianships, lives)]),
        Table(Consent, members.CONSENT_COLUMNS, [
            partial(members.encode_consents, a, b, people, lives, wording) for a, b in everybody
        ]),
        Table(Team, teams.COLUMNS, [
            partial(teams.encode, team, members.membership_counts(people, second), founded, people.leaders(), where)
        ]),
        Table(Membership, members.MEMBERSHIP_COLUMNS, [
            partial(members.encode_memberships, a, b, people, lives, second) for a, b in _cuts(memberships)
        ]),
        Table(Posting, members.POSTING_COLUMNS, [
            partial(members.encode_postings, a, b, people, lives, team, where) for a, b in _cuts(len(people) + len(team))
        ]),
        Table(Activity, activities.COLUMNS, [
            partial(activities.encode, seed, n, a, b, activity, team, people, where)
            for n, (a, b) in enumerate(_cuts(len(activity), PART // 2))
        ]),
        Table(Post, activities.POST_COLUMNS, [
            partial(activities.encode_posts, a, b, activity) for a, b in _cuts(len(activity))
        ]),
        Table(SignUp, attendance.SIGN_UP_COLUMNS, [
            partial(attendance.encode_sign_ups, seed, n, a, b, activity, served) for n, (a, b) in enumerate(by_sign_up)
        ]),
        Table(ServiceRecord, attendance.RECORD_COLUMNS, [
            partial(attendance.encode_records, seed, n, a, b, activity, served, people) for n, (a, b) in enumerate(by_sign_up)
        ]),
        Table(HourEntry, attendance.ENTRY_COLUMNS, [
            partial(attendance.encode_entries, a, b, activity, served, people) for a, b in by_sign_up
        ]),
    ]  # fmt: skip


def _cuts(count: int, size: int = PART) -> list[tuple[int, int]]:
    return [(low, min(low + size, count)) for low in range(0, count, size)]


def _cuts_by(edges: Array) -> list[tuple[int, int]]:
    """Ranges of activities with about PART sign-ups each."""
    total = int(edges[-1])
    marks = np.searchsorted(edges, np.arange(0, total, PART))
    marks = np.unique(np.concatenate([marks, [len(edges) - 1]]))
    return [(int(a), int(b)) for a, b in pairwise(marks)]
