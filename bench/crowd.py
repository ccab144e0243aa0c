"""A city of volunteers and openings as columns, drawn with a seed: the real communities, the synthetic city's shares."""

import csv
import tomllib
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from bench.ground import ROOT
from qunli.volunteering.matching.columns import GUARDED, MAY_ASK, Array, Busy, Openings, People, Plane, Ties, openings, people

PLANE = Plane(104.07, 30.66)
FREE = (0, 0b111_111 << 15, 0b100_100_100_100_100 << 6, 0b001_001_001_001_001, 0b110_110_110_110_110_110_110)
REACH = (50, 100, 100, 200, 300)
"""Units of 100 metres."""
WEEKEND = (0, 0b111_111 << 15, 0b011_011 << 15, 0b001_001 << 15, 0b110_110_110_110_110_110_110)
"""Free times of people who say that they can at the weekend."""
STARTS = ((510, 540, 570), (840, 870, 900), (1110, 1140, 1170))
PARTS_OF_DAY = np.array([0.4, 0.4, 0.2])


class Communities(NamedTuple):
    x: Array
    y: Array
    weight: Array


def communities() -> Communities:
    """The communities of the reference city with their places; weights by the residents of the district."""
    with (ROOT / "qunli/divisions/data/chengdu.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in ("residents", "villagers") and row["longitude"]]
    residents = tomllib.loads((ROOT / "qunli/synthetic/texts/places.toml").read_text("utf-8"))["residents"]
    rng = np.random.default_rng(7)
    raw = np.exp(rng.normal(0, 0.6, len(rows))) * np.where([row["kind"] == "villagers" for row in rows], 0.4, 1.0)
    district = np.array([int(row["code"][:6]) for row in rows])
    known, where = np.unique(district, return_inverse=True)
    share = np.bincount(where, weights=raw)
    wanted = np.array([residents.get(str(code), 50) for code in known])
    weight = raw / share[where] * wanted[where]
    x, y = PLANE.metres([float(row["longitude"]) for row in rows], [float(row["latitude"]) for row in rows])
    return Communities(x, y, weight / weight.sum())


def draw_people(count: int, today: date, seed: int, *, free: Sequence[int] = FREE, reach: Sequence[int] = REACH) -> People:
    """Volunteers who agreed to be asked, at their community's place, with the free times and the reach of `free` and `reach`."""
    rng = np.random.default_rng(seed)
    places = communities()
    home = rng.choice(len(places.x), count, p=places.weight)
    years = np.where(rng.random(count) < 0.45, rng.normal(64, 8, count), rng.normal(36, 11, count)).clip(14.2, 88)
    skill = np.where(rng.random(count) < 0.65, 0, np.left_shift(1, rng.integers(0, 14, count)))
    category = np.where(rng.random(count) < 1 / 16, 0, np.left_shift(1, rng.integers(0, 12, count)))
    asked = today.toordinal() - rng.integers(1, 200, count)
    never = rng.random(count) < 0.6
    return people(
        person=rng.permutation(count) + 1001,
        x=places.x[home],
        y=places.y[home],
        born=today.toordinal() - (years * 365.25).astype(np.int64),
        skills=skill,
        licences=np.where(rng.random(count) < 0.3, skill, 0),
        categories=category,
        avoided=np.where(rng.random(count) < 0.02, np.left_shift(1, rng.integers(0, 12, count)), 0),
        free=np.array(free)[rng.integers(0, len(free), count)],
        reach=np.array(reach)[rng.integers(0, len(reach), count)],
        served=rng.poisson(0.6, count),
        asked=np.where(never, 0, asked),
        week=np.where(never, 0, (asked > today.toordinal() - 7) * rng.integers(1, 4, count)),
        limit=np.full(count, 3),
        flags=np.where(rng.random(count) < 0.98, MAY_ASK, 0) | np.where(rng.random(count) < 0.5, GUARDED, 0),
        community=home + 1,
    )


def draw_openings(count: int, first: date, days: int, seed: int, *, places: int = 20) -> Openings:
    """Openings of `places` places each, over some days, near the communities."""
    rng = np.random.default_rng(seed + 1)
    where = communities()
    community = rng.choice(len(where.x), count, p=where.weight)
    day = first.toordinal() + rng.integers(0, days, count)
    part = rng.choice(3, count, p=PARTS_OF_DAY)
    start = np.array(STARTS)[part, rng.integers(0, 3, count)]
    length = np.array([60, 90, 120, 150, 180])[rng.integers(0, 5, count)]
    midnight = (day - date(1970, 1, 1).toordinal()) * 1440 - 480
    weekday = (day - 1) % 7
    return openings(
        post=np.arange(count) + 1,
        activity=np.arange(count) + 1,
        x=where.x[community] + rng.normal(0, 300, count),
        y=where.y[community] + rng.normal(0, 300, count),
        begins=midnight + start,
        ends=midnight + start + length,
        day=day,
        slots=np.left_shift(1, weekday * 3 + part),
        born_from=np.where(rng.random(count) < 0.1, day - round(70 * 365.25), 0),
        born_to=day - round(18 * 365.25),
        grown=day - round(18 * 365.25),
        skills=np.where(rng.random(count) < 0.8, 0, np.left_shift(1, rng.integers(0, 14, count))),
        licences=np.zeros(count),
        category=np.left_shift(1, rng.integers(0, 12, count)),
        places=np.full(count, places),
        need=rng.integers(0, 1001, count),
        community=community + 1,
    )


def draw_busy(table: People, first: date, days: int, seed: int, share: float = 0.05) -> Busy:
    """Sign-ups that some of the people have already, in the same days."""
    rng = np.random.default_rng(seed + 2)
    count = int(len(table) * share)
    rows = rng.integers(0, len(table), count)
    begins = (first - date(1970, 1, 1)).days * 1440 - 480 + rng.integers(0, days, count) * 1440 + rng.integers(8, 20, count) * 60
    return Busy.of(rows, begins, begins + 120, table.x[rows] + 500, table.y[rows])


def draw_ties(table: People, posts: Openings, seed: int, each: int = 40) -> Ties:
    """Members of the team and friends of those signed up: `each` for every opening, from the cells around."""
    rng = np.random.default_rng(seed + 3)
    order = np.argsort(table.x, kind="stable")
    near = np.searchsorted(table.x[order], posts.x)
    spread = rng.integers(-2000, 2000, (len(posts), each))
    rows = order[np.clip(near[:, None] + spread, 0, len(table) - 1)]
    values: Any = rng.choice([400, 500, 800, 1000], rows.shape)
    return Ties.of(rows.ravel(), np.repeat(np.arange(len(posts)), each), values.ravel())
