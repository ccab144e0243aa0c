"""Circles of people who confirm only one another: small, closed to confirmation from outside, each reached by each.

A person's confirmers are those who recorded or verified one of the person's records; going back again and again gives all on whom
the person's hours rest. In a circle this set is small, and the same for everybody in it. Everybody else is dropped first, in whole
columns: who has no confirmer, or more than a circle can hold, or one who was dropped. Few are left to be walked one by one.
"""

from dataclasses import dataclass

import numpy as np

from qunli.service_hours.integrity.columns import NOBODY, Array, Attendances


@dataclass(frozen=True)
class Rings:
    """By row of attendances; zeros where the person stands in no circle."""

    size: Array
    confirmations: Array
    """Records within the circle."""
    key: Array
    """The smallest key of a person in it."""


def rings(rows: Attendances, largest: int) -> Rings:
    """The circles of at most `largest` people. One's own confirmation of oneself is another check's business."""
    confirmer = np.concatenate([rows.recorder, rows.verifier])
    confirmed = np.concatenate([rows.person, rows.person])
    use = (confirmer != NOBODY) & (confirmer != confirmed)
    confirmed_by_another = use[: len(rows)] | use[len(rows) :]
    found = _circles(*_edges(confirmer[use], confirmed[use]), largest)
    size, total, key = (np.zeros(len(rows), dtype=np.int64) for _ in range(3))
    by_person = np.argsort(rows.person, kind="stable")
    people = rows.person[by_person]
    for circle in found:
        members = np.array(sorted(circle))
        low, high = np.searchsorted(people, members, "left"), np.searchsorted(people, members, "right")
        mine = np.concatenate([by_person[a:b] for a, b in zip(low.tolist(), high.tolist(), strict=True)])
        mine = mine[confirmed_by_another[mine]]
        size[mine], total[mine], key[mine] = len(circle), len(mine), members[0]
    return Rings(size, total, key)


def _edges(confirmer: Array, confirmed: Array) -> tuple[Array, Array]:
    """Each pair once."""
    order = np.lexsort((confirmer, confirmed))
    confirmer, confirmed = confirmer[order], confirmed[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (confirmer[1:] != confirmer[:-1]) | (confirmed[1:] != confirmed[:-1])
    return confirmer[new], confirmed[new]


def _circles(confirmer: Array, confirmed: Array, largest: int) -> list[frozenset[int]]:
    people, place = np.unique(np.concatenate([confirmer, confirmed]), return_inverse=True)
    source, target = place[: len(confirmer)], place[len(confirmer) :]
    kept = np.ones(len(people), dtype=bool)
    while True:
        confirmers = np.bincount(target, minlength=len(people))
        confirms = np.bincount(source[kept[target]], minlength=len(people))
        still = kept & (confirmers > 0) & (confirmers < largest) & (confirms > 0)
        # Whoever was confirmed by somebody who was dropped has a confirmation from outside of every circle.
        still[target[~still[source]]] = False
        if still.sum() == kept.sum():
            break
        kept = still
    inside = kept[target]
    behind: dict[int, set[int]] = {}
    for one, other in zip(source[inside].tolist(), target[inside].tolist(), strict=True):
        behind.setdefault(other, set()).add(one)
    found: set[frozenset[int]] = set()
    for person in behind:
        circle = _behind(person, behind, largest)
        if circle is not None and all(_behind(other, behind, largest) == circle for other in circle):
            found.add(circle)
    return [frozenset(people[list(circle)].tolist()) for circle in found]


def _behind(person: int, behind: dict[int, set[int]], largest: int) -> frozenset[int] | None:
    """All on whom the person's hours rest; None when they are too many."""
    known, ahead = {person}, [person]
    while ahead:
        for other in behind[ahead.pop()] - known:
            known.add(other)
            ahead.append(other)
        if len(known) > largest:
            return None
    return frozenset(known)
