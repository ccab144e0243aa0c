"""Signals times weights: the same whole numbers one by one and in bulk, and taken apart again for the reader."""

from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from qunli.volunteering.matching import signals
from qunli.volunteering.matching.columns import Array, At, Index, Openings, People, Ties
from qunli.volunteering.matching.signals import FULL, City

BAND = 20
"""A band is the twentieth part of the highest score: who stand in one band fit alike, and the least recently asked comes first."""


@dataclass(frozen=True)
class Weights:
    """What counts how much, whole numbers from 0 to 100. The first seven weigh signals of a pair, the last two an assignment."""

    nearness: int = 25
    time: int = 10
    skill: int = 15
    interest: int = 15
    ties: int = 10
    need: int = 10
    freshness: int = 10
    rest: int = 5
    fill: int = 100
    """Of a place that is filled, whoever fills it."""
    fairness: int = 20
    """Of the first places of each community before the last places of others."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value <= 100:
                raise ValueError(f"weight {name}: {value} is not between 0 and 100")

    @property
    def highest(self) -> int:
        """The score of a pair for which everything speaks."""
        return int(FULL * sum(getattr(self, name) for name in SIGNALS))


SIGNALS = ("nearness", "time", "skill", "interest", "ties", "need", "freshness", "rest")
"""The weights that score a pair."""


def parts(people: People, openings: Openings, ties: Ties, i: Index, j: Index, city: City) -> dict[str, Array]:
    """The signals of pairs by name, each 0 to 1000."""
    p, o = At(people, i), At(openings, j)
    return {
        "nearness": signals.nearness(signals.distance(p, o), city),
        "time": signals.free_time(p),
        "skill": signals.skill(p, o),
        "interest": signals.interest(p, o),
        "ties": ties.of_pairs(i, j),
        "need": o.need,
        "freshness": signals.freshness(p, city),
        "rest": signals.rest(p, city),
    }


def score(people: People, openings: Openings, ties: Ties, i: Index, j: Index, city: City, weights: Weights) -> Array:
    """The scores of pairs (int32)."""
    total: Any = 0
    for name, values in parts(people, openings, ties, i, j, city).items():
        weight = getattr(weights, name)
        if weight:
            total = total + values * np.int32(weight)
    shape = np.broadcast_shapes(np.shape(i), np.shape(j))
    return np.broadcast_to(np.asarray(total, dtype=np.int32), shape)


class Part(NamedTuple):
    """One line of "why": the signal, its value 0 to 1000, and the points that it brought."""

    name: str
    value: int
    points: int


def explain(people: People, openings: Openings, ties: Ties, i: Index, j: Array, city: City, weights: Weights) -> list[list[Part]]:
    """The signals of each pair, what brought most first; the points of a pair add up to its score."""
    found = parts(people, openings, ties, i, j, city)
    shape = np.broadcast_shapes(np.shape(i), np.shape(j))
    lines = [(name, getattr(weights, name), np.broadcast_to(values, shape).tolist()) for name, values in found.items()]
    return [
        sorted((Part(name, values[n], values[n] * weight) for name, weight, values in lines), key=lambda part: -part.points)
        for n in range(shape[0])
    ]


def rank(scores: Any, days: Any, weights: Weights) -> Array:
    """Whom to ask first: the band of the score, then who was asked longest ago, then the score. `days`: `signals.rested`."""
    band = np.asarray(scores, dtype=np.int64) * BAND // max(weights.highest, 1)
    return np.asarray((band << 48) + (np.asarray(days, dtype=np.int64) << 32) + scores)


def bound(people: People, openings: Openings, j: int, metres: float, city: City, weights: Weights) -> int:
    """The rank that nobody without a tie exceeds who lives at least so far from an opening."""
    o = At(openings, j)
    highest = {
        "nearness": int(signals.nearness(max(int(metres) - 2, 0), city)),  # two metres for the rounding of float32
        "skill": 1000 if o.skills else 500,
        "ties": 0,
        "need": int(o.need),
    }
    most = sum(highest.get(name, FULL) * getattr(weights, name) for name in SIGNALS)
    return int(rank(most, city.rest_days, weights))


def names() -> list[str]:
    return [field.name for field in fields(Weights)]
