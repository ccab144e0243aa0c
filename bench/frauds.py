"""A year of attendances as columns, drawn with a seed: honest people, and planted frauds of every kind that are known exactly.

Honest people serve with one team near their home, some of them often; they come by the rotating code, by place or through the
leader, early or late, and forget to sign out at times. A leader's own hours are verified by the community's worker.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from qunli.service_hours.integrity.columns import Array, Attendances, attendances

FIRST = 1_735_660_800
"""2025-01-01 in Shanghai."""
DAY, HOUR, MINUTE = 86_400, 3_600, 60
SLOTS = np.array([8, 10, 14, 16, 19])
"""Hours at which activities begin; each lasts at most an hour and a half, so that one can follow another."""
A_SERVICE = 14
"""People who attend an activity, on average."""
Planted = set[tuple[str, int]]
"""Kind and record."""


def honest(count: int, seed: int) -> dict[str, Array]:
    """`count` attendances without a fraud, as the columns of `Attendances`, in the order of their keys."""
    rng = np.random.default_rng(seed)
    teams = max(20, count // 2_000)
    members = np.maximum(30, rng.lognormal(4.2, 0.5, teams)).astype(np.int64)
    base = np.concatenate([[0], np.cumsum(members)[:-1]])
    longitude, latitude = 104.07 + rng.normal(0, 0.15, teams), 30.66 + rng.normal(0, 0.12, teams)
    team, day, slot, activity = _services(rng, teams, count)
    # Everybody belongs to one team, and the active core comes more often; nobody stands twice in one activity.
    rank = _ranks(activity)
    turn = (rng.random(activity[-1] + 1) ** 2 * members[team[np.unique(activity, return_index=True)[1]]]).astype(np.int64)
    person = 1_000_000 + base[team] + (turn[activity] + rank) % members[team]
    starts = FIRST + day * DAY + SLOTS[slot] * HOUR
    planned = np.array([60, 75, 90])[activity % 3] * MINUTE
    signed_in = starts + rng.integers(-25 * MINUTE, 5 * MINUTE, count)
    late = rng.random(count) < 0.06
    signed_in[late] = starts[late] + rng.integers(5 * MINUTE, 30 * MINUTE, late.sum())
    signed_out = starts + planned + rng.integers(0, 20 * MINUTE, count)
    forgot = rng.random(count) < 0.01
    signed_out[forgot] += 2 * HOUR
    early = rng.random(count) < 0.05
    signed_out[early] = starts[early] + planned[early] - rng.integers(MINUTE, 25 * MINUTE, early.sum())
    way = rng.random(count)
    leader = 2_000_000 + team * 2
    distance = np.where((way >= 0.7) & (way < 0.9), np.minimum(rng.exponential(90, count), 490), -1).astype(np.int64)
    minutes = np.maximum(np.minimum(signed_out, starts + planned) - np.maximum(signed_in, starts), 0) // MINUTE
    rows = {
        "record": np.arange(1, count + 1), "person": person, "recorder": np.where(way >= 0.9, leader, 0),
        "verifier": leader, "signed_in": signed_in, "signed_out": signed_out, "starts": starts, "ends": starts + planned,
        "minutes": minutes, "distance": distance, "radius": np.full(count, 500), "on_duty": np.zeros(count, dtype=np.int64),
        "longitude": longitude[team], "latitude": latitude[team],
    }  # fmt: skip
    # A few activities are entered from a paper list: true, and yet what "bulk-identical" looks at.
    paper = activity % 2_500 == 7
    rows["recorder"][paper] = leader[paper]
    rows["signed_in"][paper], rows["signed_out"][paper] = starts[paper], (starts + planned)[paper]
    rows["minutes"][paper] = planned[paper] // MINUTE
    # One in thirty is the team's leader, whom the community's worker verifies.
    led = (rank == 0) & (activity % 2 == 0)
    rows["person"] = np.where(led, leader, rows["person"])
    rows["recorder"] = np.where(led, 0, rows["recorder"])
    rows["verifier"] = np.where(led, 3_000_000 + team // 5, rows["verifier"])
    return rows


def _services(rng: Any, teams: int, count: int) -> tuple[Array, Array, Array, Array]:
    """Team, day, slot and number of the activity, by attendance: each team at most once in a slot of a day."""
    each = rng.integers(A_SERVICE - 8, A_SERVICE + 9, 2 * count // A_SERVICE + 100)
    number = np.searchsorted(np.cumsum(each), count) + 1
    place = np.sort(rng.choice(teams * 365 * len(SLOTS), number, replace=False))
    team, rest = np.divmod(place, 365 * len(SLOTS))
    day, slot = np.divmod(rest, len(SLOTS))
    activity = np.repeat(np.arange(number), each[:number])[:count]
    return team[activity], day[activity], slot[activity], activity


def _ranks(activity: Array) -> Array:
    first = np.flatnonzero(np.concatenate([[True], activity[1:] != activity[:-1]]))
    return np.arange(len(activity)) - np.repeat(first, np.diff(np.concatenate([first, [len(activity)]])))


class Planter:
    """Adds records of invented people to honest ones, and keeps what must be found of them."""

    def __init__(self, rows: dict[str, Array], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.more: dict[str, list[float]] = {name: [] for name in rows}
        self.next_record = int(rows["record"][-1]) + 1
        self.next_person = 5_000_000
        self.planted: Planted = set()

    def someone(self) -> int:
        self.next_person += 1
        return self.next_person

    def add(self, *kinds: str, **values: float) -> int:
        """One record, of two hours in the morning of some day unless told otherwise; `kinds` must be found of it."""
        starts = values.pop("starts", FIRST + int(self.rng.integers(0, 360)) * DAY + 9 * HOUR)
        hours = values.pop("hours", 2)
        row = {
            "record": self.next_record, "recorder": 0, "verifier": 3_900_000, "signed_in": starts - 5 * MINUTE,
            "signed_out": starts + hours * HOUR, "starts": starts, "ends": starts + hours * HOUR, "minutes": hours * 60,
            "distance": -1, "radius": 500, "on_duty": 0, "longitude": 104.0, "latitude": 30.6,
        } | values  # fmt: skip
        row.setdefault("person", self.someone())
        for name, column in self.more.items():
            column.append(row[name])
        self.planted |= {(kind, self.next_record) for kind in kinds}
        self.next_record += 1
        return self.next_record - 1

    def all(self, each: int) -> None:
        """`each` frauds of every kind."""
        for plant in KINDS:
            for _ in range(each):
                plant(self)


def _start(planter: Planter) -> int:
    return FIRST + int(planter.rng.integers(0, 360)) * DAY + 9 * HOUR


def overlap(planter: Planter) -> None:
    person, starts = planter.someone(), _start(planter)
    planter.add(person=person, starts=starts)
    planter.add("overlap", person=person, starts=starts + HOUR)


def over_day(planter: Planter) -> None:
    """Three records of nine hours, one after another within a day; each is within its own plan."""
    person, starts = planter.someone(), FIRST + int(planter.rng.integers(0, 360)) * DAY
    planter.add(person=person, starts=starts, hours=7, minutes=540)
    planter.add(person=person, starts=starts + 8 * HOUR, hours=7, minutes=540)
    planter.add("over-day", person=person, starts=starts + 16 * HOUR, hours=7, minutes=540)


def too_early(planter: Planter) -> None:
    starts = _start(planter)
    planter.add("too-early", starts=starts, signed_in=starts - int(planter.rng.integers(61, 300)) * MINUTE)


def elsewhere(planter: Planter) -> None:
    planter.add("elsewhere", distance=int(planter.rng.integers(501, 50_000)))


def travel(planter: Planter) -> None:
    """From one end of the city to the other, some 60 km, in five minutes."""
    person, starts = planter.someone(), _start(planter)
    planter.add(person=person, starts=starts, longitude=103.8)
    arrived = starts + 2 * HOUR + 5 * MINUTE
    planter.add("impossible-travel", person=person, starts=arrived, signed_in=arrived, longitude=104.4)


def own_recorder(planter: Planter) -> None:
    person = planter.someone()
    planter.add("own-recorder", person=person, recorder=person)


def own_verifier(planter: Planter) -> None:
    person = planter.someone()
    planter.add("own-recorder", person=person, verifier=person)


def bulk(planter: Planter) -> None:
    recorder, starts = planter.someone(), _start(planter)
    for _ in range(int(planter.rng.integers(10, 25))):
        planter.add("bulk-identical", recorder=recorder, starts=starts)


def over_plan(planter: Planter) -> None:
    planter.add("over-plan", minutes=int(planter.rng.integers(181, 600)))


def on_duty(planter: Planter) -> None:
    planter.add("on-duty", on_duty=1)


def ring(planter: Planter) -> None:
    """Two to eight people round a table, each confirmed by the one before only."""
    people = [planter.someone() for _ in range(int(planter.rng.integers(2, 9)))]
    starts = _start(planter)
    for turn in range(int(planter.rng.integers(3, 6))):
        for place, person in enumerate(people):
            planter.add("ring", person=person, verifier=people[place - 1], starts=starts + turn * 7 * DAY)


KINDS: tuple[Callable[[Planter], None], ...] = (
    overlap, over_day, too_early, elsewhere, travel, own_recorder, own_verifier, bulk, over_plan, on_duty, ring,
)  # fmt: skip


def city(count: int, each: int, seed: int) -> tuple[Attendances, int, Planted]:
    """Columns, how many of the first are honest, and what was planted behind them."""
    rows = honest(count, seed)
    planter = Planter(rows, seed + 1)
    planter.all(each)
    together = {name: np.concatenate([rows[name], np.array(planter.more[name])]) for name in rows}
    return attendances(**together), count, planter.planted
