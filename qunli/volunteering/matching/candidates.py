"""The best of many, exactly, without looking at all of them."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from qunli.volunteering.matching import scoring, signals
from qunli.volunteering.matching.columns import CELL, NO_TIES, NOT_BUSY, Array, At, Busy, Grid, Index, Openings, People, Ties
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.matching.signals import OF_ASKING, OF_PERSON, City

FIRST = 4096
"""People looked at in the first ring; each further ring has twice as many."""
CHUNK = 8192
TIER = 64
"""Openings that are looked at in one go for each person, nearest first."""


class Best(NamedTuple):
    """Positions in people or openings, best first, with their scores."""

    rows: Array
    scores: Array


def for_person(
    people: People,
    i: int,
    openings: Openings,
    city: City,
    weights: Weights,
    *,
    ties: Ties = NO_TIES,
    busy: Busy = NOT_BUSY,
    count: int = 20,
) -> Best:
    """The best openings for one person, one post of each activity. Of equal ones, the sooner. Being asked too often does not matter
    to who looks for oneself."""
    rows, posts = signals.permitted(people, openings, i, slice(0, len(openings)), city, without=OF_ASKING)
    posts = posts[~signals.clashes(openings, busy, rows, posts, city)]
    scores = scoring.score(people, openings, ties, i, posts, city, weights)
    order = np.lexsort((openings.post[posts], openings.begins[posts], -scores))
    posts, scores = posts[order], scores[order]
    _kept, first = np.unique(openings.activity[posts], return_index=True)
    first = np.sort(first)[:count]
    return Best(posts[first], scores[first])


class _Pool:
    """The best people so far."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows = np.zeros(0, dtype=np.int64)
        self.ranks = np.zeros(0, dtype=np.int64)
        self.scores = np.zeros(0, dtype=np.int32)
        self.persons = np.zeros(0, dtype=np.uint32)

    def add(self, rows: Array, persons: Array, ranks: Array, scores: Array) -> None:
        if len(self.rows) >= self.count:
            keep = np.flatnonzero(ranks >= self.ranks[-1])
            rows, persons, ranks, scores = rows[keep], persons[keep], ranks[keep], scores[keep]
        rows, persons = np.concatenate([self.rows, rows]), np.concatenate([self.persons, persons])
        ranks, scores = np.concatenate([self.ranks, ranks]), np.concatenate([self.scores, scores])
        order = np.lexsort((persons, -ranks))[: self.count]
        self.rows, self.persons, self.ranks, self.scores = rows[order], persons[order], ranks[order], scores[order]

    @property
    def least(self) -> int:
        """The rank that somebody must reach who is to come in yet."""
        return int(self.ranks[-1]) if len(self.ranks) >= self.count else -1


class Asking(NamedTuple):
    """What is needed to find whom to ask for an opening."""

    people: People
    openings: Openings
    city: City
    weights: Weights
    ties: Ties = NO_TIES
    busy: Busy = NOT_BUSY

    def look(self, pool: _Pool, rows: Index, j: int) -> None:
        """Put those of `rows` who may be asked into the pool."""
        people, openings = self.people, self.openings
        found, posts = signals.permitted(people, openings, rows, j, self.city)
        against = signals.clashes(openings, self.busy, found, posts, self.city)
        if against.any():
            found = found[~against]
        scores = scoring.score(people, openings, self.ties, found, j, self.city, self.weights)
        ranks = scoring.rank(scores, signals.rested(At(people, found), self.city), self.weights)
        pool.add(found, people.person[found], ranks, scores)


def whom_to_ask(asking: Asking, grid: Grid, j: int, count: int = 20) -> Best:
    """The first `count` whom to ask for opening `j`: by band of score, least recently asked first (`scoring.rank`).

    Those with a tie are all looked at; the others ring by ring around the place, its own community first, until nobody farther away
    can come in.
    """
    pool = _Pool(count)
    tied, opening = asking.ties.pairs
    tied = tied[opening == j]
    if len(tied):
        asking.look(pool, tied, j)
    o = At(asking.openings, j)
    reach = grid.nearest(float(o.x), float(o.y), int(o.community))
    order = np.argsort(reach, kind="stable")
    sizes = np.cumsum(grid.starts[order + 1] - grid.starts[order])
    done, ring = 0, FIRST
    while done < len(order):
        if scoring.bound(asking.people, asking.openings, j, float(reach[order[done]]), asking.city, asking.weights) < pool.least:
            break
        before = int(sizes[done - 1]) if done else 0
        until = int(np.searchsorted(sizes, before + ring, "left")) + 1
        rows = grid.rows(order[done:until])
        if len(tied):
            rows = rows[~np.isin(rows, tied)]
        asking.look(pool, rows, j)
        done, ring = until, ring * 2
    return Best(pool.rows, pool.scores)


def brute_force(asking: Asking, j: int, count: int = 20) -> Best:
    """The same by looking at everybody: what `whom_to_ask` is checked against."""
    pool = _Pool(count)
    asking.look(pool, slice(0, len(asking.people)), j)
    return Best(pool.rows, pool.scores)


class Edges(NamedTuple):
    """Pairs for an assignment, sorted by person: 12 bytes each."""

    row: Array
    opening: Array
    score: Array


def edges(
    people: People,
    grid: Grid,
    openings: Openings,
    city: City,
    weights: Weights,
    *,
    ties: Ties = NO_TIES,
    busy: Busy = NOT_BUSY,
    each: int = 30,
) -> Edges:
    """For everybody the `each` nearest openings against which nothing stands, and those with a tie besides."""
    if not len(people) or not len(openings):
        return Edges(*(np.zeros(0, dtype=np.int32) for _ in range(3)))

    def of(low: int) -> Edges:
        return _edges_of(people, grid, openings, city, weights, ties, busy, each, low)

    # Threads are enough: numpy lets go of the interpreter while it works.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = list(threads.map(of, range(0, len(people), CHUNK)))
    return Edges(*(np.concatenate(column) for column in zip(*found, strict=True)))


_SEEN = OF_PERSON | {"time"}


def _edges_of(
    people: People, grid: Grid, openings: Openings, city: City, weights: Weights, ties: Ties, busy: Busy, each: int, low: int
) -> Edges:
    high = min(low + CHUNK, len(people))
    first = int(np.searchsorted(grid.starts, low, "right")) - 1
    last = int(np.searchsorted(grid.starts, high, "left"))
    blocks = np.repeat(np.arange(last - first), np.diff(np.clip(grid.starts[first : last + 1], low, high)))
    order = _nearest_openings(grid, first, last, openings)
    have = np.zeros(high - low, dtype=np.int64)
    rows: list[Array] = []
    posts: list[Array] = []
    able = signals.available(people, slice(low, high), openings.slots, city)
    left = np.flatnonzero(able)
    for begin in range(0, order.shape[1], TIER):
        tier = order[:, begin : begin + TIER]
        i, j = _free_pairs(people, openings, low + left, blocks[left], tier)
        i, j = signals.permitted(people, openings, i, j, city, without=_SEEN)
        against = signals.clashes(openings, busy, i, j, city)
        i, j = i[~against] - low, j[~against]
        counts = np.bincount(i, minlength=high - low)
        place = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts) + have[i]
        keep = np.flatnonzero(place < each)
        rows.append(i[keep])
        posts.append(j[keep])
        have += counts
        left = left[have[left] < each]
        if not len(left):
            break
    i, j = np.concatenate(rows), np.concatenate(posts)
    i, j = _with_ties(people, openings, city, ties, busy, i + low, j, low, high)
    i = i - low
    by_row = np.argsort(i.astype(np.uint16), kind="stable")
    i, j = i[by_row] + low, j[by_row]
    scores = scoring.score(people, openings, ties, i, j, city, weights)
    return Edges(i.astype(np.int32), j.astype(np.int32), scores)


def _nearest_openings(grid: Grid, first: int, last: int, openings: Openings) -> Array:
    """For each block, the openings of its own community, then the others by their distance from the middle of its cell."""
    x = (grid.west[first:last] + CELL / 2).astype(np.float32)
    y = (grid.south[first:last] + CELL / 2).astype(np.float32)
    across, up = x[:, None] - openings.x, y[:, None] - openings.y
    far = np.where(grid.community[first:last, None] == openings.community, -1, across * across + up * up)
    return np.argsort(far, axis=1, kind="stable").astype(np.int32)


def _free_pairs(people: People, openings: Openings, rows: Array, blocks: Array, tier: Array) -> tuple[Array, Array]:
    """The pairs of people and their block's openings whose time is free, person by person, nearest first."""
    slots = openings.slots[tier]
    free = people.free[rows][:, None]
    fits = ((free & slots[blocks]) == slots[blocks]) | (free == 0)
    i, place = np.nonzero(fits)
    return rows[i], tier[blocks[i], place].astype(np.int64)


def _with_ties(
    people: People, openings: Openings, city: City, ties: Ties, busy: Busy, i: Array, j: Array, low: int, high: int
) -> tuple[Array, Array]:
    """The pairs of the people from `low` to `high`, and the permitted ones of those with a tie that are not among them."""
    first, last = np.searchsorted(ties.keys, [low << 32, high << 32])
    keys = ties.keys[first:last]
    if not len(keys):
        return i, j
    tied = np.zeros(high - low, dtype=bool)
    tied[(keys >> 32) - low] = True
    here = np.flatnonzero(tied[i - low])
    pairs = (i[here] << 32) | j[here]
    at = np.minimum(np.searchsorted(keys, pairs), len(keys) - 1)
    new = np.ones(len(keys), dtype=bool)
    new[at[keys[at] == pairs]] = False
    more_i, more_j = signals.permitted(people, openings, keys[new] >> 32, keys[new] & 0xFFFFFFFF, city)
    free = ~signals.clashes(openings, busy, more_i, more_j, city)
    return np.concatenate([i, more_i[free]]), np.concatenate([j, more_j[free]])
