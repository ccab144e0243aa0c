"""What speaks for and against a pair of a person and an opening.

A condition says no (true: it stands against the pair); a signal is a whole number from 0 to 1000. Both take rows of people and of
openings that broadcast against each other, so that one pair and sixty million go through the same lines. Only operations that
IEEE 754 rounds exactly are used on the distance, so that both give the same numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qunli.volunteering.matching.columns import GUARDED, MAY_ASK, Array, At, Busy, Index, Openings, People

FULL = 1000


@dataclass(frozen=True)
class City:
    """What the city decides, dated, and the day: `rulesets/default/matching.toml`, `invitations.toml`."""

    today: int
    """Ordinal of the day in Asia/Shanghai."""
    cap: int = 3
    """Invitations that anybody gets in seven days at most."""
    half_distance: int = 3000
    """Metres at which nearness has fallen to half."""
    most_a_month: int = 12
    """Services in 30 days after which one is left in peace."""
    rest_days: int = 56
    """Days after an invitation after which one is as rested as somebody who was never asked."""
    slack: int = 10
    """Minutes between two activities at different places at least."""
    minutes_per_km: int = 3
    """Minutes of travel for each kilometre between them."""


ELSEWHERE = 100
"""Metres at least to an opening in another community."""


def distance(p: Any, o: Any) -> Array:
    """Metres between home and opening; 0 in one's own community: home is only known as the point of one, and that not exactly."""
    across, up = p.x - o.x, p.y - o.y
    metres = np.maximum(np.sqrt(across * across + up * up), ELSEWHERE).astype(np.int32)
    return np.asarray(metres * (p.community != o.community))


def _not_asked(p: Any, o: Any, city: City) -> Array:
    return np.asarray((p.flags & MAY_ASK) == 0)


def _time(p: Any, o: Any, city: City) -> Array:
    return np.asarray((p.free != 0) & ((p.free & o.slots) != o.slots))


NO = np.bool_(False)


def _asks_nothing(wanted: Any) -> bool:
    """Whether a single opening asks for none of these, so that nobody need be looked at."""
    return not np.ndim(wanted) and not wanted


def _skills(p: Any, o: Any, city: City) -> Array:
    if _asks_nothing(o.skills):
        return np.asarray(NO)
    return np.asarray((p.skills & o.skills) != o.skills)


def _licence(p: Any, o: Any, city: City) -> Array:
    if _asks_nothing(o.licences):
        return np.asarray(NO)
    return np.asarray((p.licences & o.licences) != o.licences)


def _age_unknown(p: Any, o: Any, city: City) -> Array:
    return np.asarray(p.born == 0)


def _too_young(p: Any, o: Any, city: City) -> Array:
    return np.asarray(p.born > o.born_to)


def _too_old(p: Any, o: Any, city: City) -> Array:
    if _asks_nothing(o.born_from):
        return np.asarray(NO)
    return np.asarray((p.born < o.born_from) & (p.born != 0))


def _consent(p: Any, o: Any, city: City) -> Array:
    return np.asarray((p.born > o.grown) & ((p.flags & GUARDED) == 0))


def _category(p: Any, o: Any, city: City) -> Array:
    return np.asarray((p.avoided & o.category) != 0)


def _too_often(p: Any, o: Any, city: City) -> Array:
    return np.asarray(p.week >= np.minimum(p.limit, city.cap))


def _tired(p: Any, o: Any, city: City) -> Array:
    return np.asarray(p.served >= city.most_a_month)


def _too_far(p: Any, o: Any, city: City) -> Array:
    return np.asarray(distance(p, o) > p.reach * np.int32(100))


def _full(p: Any, o: Any, city: City) -> Array:
    return np.asarray(o.places <= 0)


Condition = Callable[[Any, Any, City], Array]
CONDITIONS: Mapping[str, Condition] = {
    "skills": _skills,
    "time": _time,
    "licence": _licence,
    "not_asked": _not_asked,
    "too_often": _too_often,
    "tired": _tired,
    "age_unknown": _age_unknown,
    "too_old": _too_old,
    "too_young": _too_young,
    "consent": _consent,
    "category": _category,
    "full": _full,
    "too_far": _too_far,
}
"""By code, those that sort out most first. With `clashes` these are all that can stand against a pair."""
OF_PERSON = frozenset({"not_asked", "too_often", "tired", "age_unknown"})
"""Conditions that do not depend on the opening."""
OF_ASKING = frozenset({"not_asked", "too_often", "tired"})
"""Conditions of being asked; who looks for oneself is not held back by them."""


def refusals(
    people: People, openings: Openings, i: Index, j: Index, city: City, *, without: frozenset[str] = frozenset()
) -> list[str]:
    """All that stands against one pair, without promises given already."""
    p, o = At(people, i), At(openings, j)
    return [code for code, condition in CONDITIONS.items() if code not in without and bool(condition(p, o, city))]


def permitted(
    people: People, openings: Openings, i: Index, j: Index, city: City, *, without: frozenset[str] = frozenset()
) -> tuple[Array, Array]:
    """The pairs against which nothing stands, without promises given already. One of `i` and `j` may be an int, the other a slice.

    Each condition looks only at what those before it have left.
    """
    for code, condition in CONDITIONS.items():
        if code in without:
            continue
        against = condition(At(people, i), At(openings, j), city)
        if not against.ndim:
            if against:
                return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        elif against.any():
            keep = np.flatnonzero(~against)
            i, j = _narrowed(i, keep), _narrowed(j, keep)
    if isinstance(i, slice):
        i = np.arange(i.start, i.stop)
    if isinstance(j, slice):
        j = np.arange(j.start, j.stop)
    rows, posts = np.broadcast_arrays(np.asarray(i, dtype=np.int64), np.asarray(j, dtype=np.int64))
    return rows, posts


def _narrowed(index: Index, keep: Array) -> Index:
    if isinstance(index, slice):
        return keep + index.start
    return index[keep] if np.ndim(index) else index


def available(people: People, rows: slice, slots: Array, city: City) -> Array:
    """Which of some people could be asked for anything at all: no condition of the person's own, and free in one of `slots`."""
    p = At(people, rows)
    against = np.zeros(len(p.flags), dtype=bool)
    for code in OF_PERSON:
        against |= CONDITIONS[code](p, None, city)
    free = p.free == 0
    for taken in np.unique(slots):
        free |= (p.free & taken) == taken
    return np.asarray(free & ~against)


def clashes(openings: Openings, busy: Busy, i: Array, j: Array, city: City) -> Array:
    """Whether a pair meets a promise: at the same time, or without the time to travel from one to the other."""
    clash = np.zeros(len(i), dtype=bool)
    if not len(busy.row) or not len(i):
        return clash
    first = np.searchsorted(busy.row, i, "left")
    own = np.append(busy.row, -1)  # of nobody: a promise after the last one
    left = np.flatnonzero(own[first] == i)
    while len(left):
        at, o = first[left], At(openings, j[left])
        across, up = busy.x[at] - o.x, busy.y[at] - o.y
        metres = np.sqrt(across * across + up * up).astype(np.int64)
        gap = np.where(metres > 0, city.slack + metres * city.minutes_per_km // 1000, 0)
        clash[left] |= (o.begins < busy.ends[at] + gap) & (busy.begins[at] < o.ends + gap)
        first[left] += 1
        left = left[own[first[left]] == i[left]]
    return clash


def nearness(metres: Any, city: City) -> Array:
    """1000 at the door, 500 at `half_distance`."""
    return np.asarray(FULL * city.half_distance // (city.half_distance + metres))


def free_time(p: Any) -> Array:
    """1000 when the time was named as free, 500 when nothing was named."""
    return np.where(p.free != 0, 1000, 500)


def skill(p: Any, o: Any) -> Array:
    """A skill goes where it is needed: 1000 there, 300 for a skilled person where none is asked for, 500 otherwise."""
    return np.where(o.skills != 0, 1000, np.where(p.skills != 0, 300, 500))


def interest(p: Any, o: Any) -> Array:
    """1000 for a category that the person chose, 400 when none was chosen."""
    return np.where((p.categories & o.category) != 0, 1000, np.where(p.categories == 0, 400, 0))


def freshness(p: Any, city: City) -> Array:
    """1000 without a service in 30 days, 0 at the most that one is asked to do."""
    return np.asarray(np.maximum(FULL - p.served * np.int32(FULL) // city.most_a_month, 0))


def rested(p: Any, city: City) -> Array:
    """Days since the last invitation, at most `rest_days`; those who were never asked are fully rested."""
    return np.asarray(np.clip(city.today - p.asked, 0, city.rest_days))


def rest(p: Any, city: City) -> Array:
    """1000 for who was never asked, or so long ago that it counts no more."""
    return np.asarray(rested(p, city) * FULL // city.rest_days)
