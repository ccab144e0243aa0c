"""Sharing a day's or a week's openings out: the best assignment of all, and the proof that it is.

A pair brings `fill` and its score; a community's first places bring a bonus besides (`fairness`). The most that all
pairs together can bring is a minimum-cost flow: person -> (person's day ->) opening -> community -> out, each with what
it can hold. Nearly all pairs are never used, so only each opening's best are given to OR-tools (`_prune`: by a
histogram of the scores), and then all pairs are asked whether one of them could make it better (`_certify`): prices of
the openings under which no pair brings more than it takes. When such prices exist, the assignment is optimal over all
pairs (linear programming duality); when they do not, the pairs that would bring more are added and it is solved again.
All numbers are whole, so that the proof is exact.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from ortools.graph.python import min_cost_flow

from qunli.volunteering.matching.candidates import Edges
from qunli.volunteering.matching.columns import Array
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.matching.signals import FULL

KEEP = 5
"""Pairs kept for each place at first."""
BINS = 1024
STEPS = ((0.5, 1.0), (0.8, 0.5))
"""Of a community's places: up to this share, each filled place brings this part of the bonus."""
FAR = np.int64(1) << 40
"""More than any path costs."""
SOON = 60
"""Steps of the longest path that is looked for before all edges are given up for the kept ones."""
ROUNDS = 60


class Unsolved(Exception):
    """The flow could not be solved: a mistake of the program, never of the data."""


@dataclass(frozen=True)
class Task:
    """What is to be shared out."""

    edges: Edges
    places: Array
    """By opening."""
    community: Array
    """By opening: which of the communities, 0 to n - 1."""
    day: Array
    """By opening: which of the days."""
    weights: Weights
    limit: Array | None = None
    """By person: assignments at most in all; one a day at most in any case. None: one."""

    @property
    def value(self) -> Array:
        """What each edge brings."""
        return np.asarray(self.edges.score, dtype=np.int32) + np.int32(self.weights.fill * FULL)

    @property
    def steps(self) -> tuple[Array, Array, Array]:
        """Community, places and bonus of each step."""
        sizes = np.bincount(self.community, weights=self.places).astype(np.int64)
        keys, room, bonus = [], [], []
        before = np.zeros_like(sizes)
        for share, part in (*STEPS, (1.0, 0.0)):
            until = np.ceil(sizes * share).astype(np.int64)
            keys.append(np.arange(len(sizes)))
            room.append(until - before)
            bonus.append(np.full(len(sizes), int(self.weights.fairness * FULL * part), dtype=np.int64))
            before = until
        return np.concatenate(keys), np.concatenate(room), np.concatenate(bonus)


@dataclass
class Assignment:
    chosen: Array
    """Positions in the edges."""
    value: int
    """What it brings, the bonus of the communities among it."""
    certified: bool
    rounds: int
    solved_edges: int
    """Edges that OR-tools saw in the last round."""
    prices: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """What a further place in each opening would bring."""


def assign(task: Task) -> Assignment:
    """The best assignment, certified over all edges."""
    value = task.value
    kept = _prune(task, value)
    for number in range(1, ROUNDS + 1):
        at = np.flatnonzero(kept)
        chosen = at[_solve(task, at, value[at])]
        better, prices = _certify(task, value, chosen, kept)
        if not len(better) or number == ROUNDS:
            return Assignment(chosen, total(task, chosen), not len(better), number, len(at), prices)
        kept[better] = True
    raise AssertionError("unreachable")


def certificate(task: Task, chosen: Array) -> Array | None:
    """Prices that prove an assignment optimal over all edges, or None when there are none, because it is not."""
    moves = _Moves(task, task.value, chosen)
    prices = _distances(task, chosen, moves.residual(None), 2 * len(task.places) + 2)
    return None if prices is None or len(moves.broken(prices)) else -prices


def solve_plainly(task: Task) -> Assignment:
    """OR-tools over all edges at once: what `assign` is measured against."""
    chosen = _solve(task, np.arange(len(task.edges.row)), task.value)
    return Assignment(chosen, total(task, chosen), True, 1, len(task.edges.row))


def greedy(task: Task) -> Assignment:
    """The best pair first, whatever it takes from others."""
    value = task.value
    order = np.lexsort((np.arange(len(value)), -value))
    left = task.places.tolist()
    limit = None if task.limit is None else task.limit.tolist()
    taken: dict[int, list[int]] = {}
    chosen: list[int] = []
    rows, openings, days = task.edges.row, task.edges.opening, task.day.tolist()
    for edge, row, opening in zip(order.tolist(), rows[order].tolist(), openings[order].tolist(), strict=True):
        if left[opening]:
            own = taken.setdefault(row, [])
            if len(own) < (1 if limit is None else limit[row]) and days[opening] not in own:
                own.append(days[opening])
                left[opening] -= 1
                chosen.append(edge)
    found = np.array(chosen, dtype=np.int64)
    return Assignment(found, total(task, found), False, 1, len(value))


def total(task: Task, chosen: Array) -> int:
    """What an assignment brings."""
    brought = int(task.edges.score[chosen].astype(np.int64).sum()) + len(chosen) * task.weights.fill * FULL
    _keys, room, bonus = task.steps
    used = _steps_used(task, chosen, room)
    return brought + int((used * bonus).sum())


def _steps_used(task: Task, chosen: Array, room: Array) -> Array:
    """How many places of each step are filled: the first steps first."""
    filled = np.bincount(task.community[task.edges.opening[chosen]], minlength=len(room) // (len(STEPS) + 1)).astype(np.int64)
    used = []
    for step in room.reshape(len(STEPS) + 1, -1):
        used.append(np.minimum(filled, step))
        filled = filled - used[-1]
    return np.concatenate(used)


def _prune(task: Task, value: Array) -> Array:
    """Which edges are kept at first: the best of each opening, a few for each place, found by a histogram of the values."""
    if not len(value):
        return np.zeros(0, dtype=bool)
    low, high = int(value.min()), int(value.max())
    bins = (high - value) * np.int32(BINS - 1) // np.int32(max(high - low, 1))
    opening = task.edges.opening
    counts = np.bincount(opening * np.int64(BINS) + bins, minlength=len(task.places) * BINS).reshape(-1, BINS)
    enough = np.cumsum(counts, axis=1) >= (task.places * KEEP)[:, None]
    last = np.where(enough.any(axis=1), enough.argmax(axis=1), BINS)
    kept: Array = bins <= last[opening]
    return kept


class _Nodes(NamedTuple):
    person: Array
    """Of each edge: the number of its person among those who have edges here."""
    rows: Array
    """The rows of those persons."""
    slot: Array
    """Of each edge: the number of its person's day."""
    slot_person: Array


def _nodes(task: Task, at: Array) -> _Nodes:
    row = task.edges.row[at]
    rows, person = _numbered(row)
    if task.limit is None:
        return _Nodes(person, rows, person, np.arange(len(rows)))
    days = int(task.day.max()) + 1
    slots, slot = np.unique(person * np.int64(days) + task.day[task.edges.opening[at]], return_inverse=True)
    return _Nodes(person, rows, slot, slots // days)


def _numbered(row: Array) -> tuple[Array, Array]:
    """The distinct values of a sorted column, and the number of each entry's value among them."""
    if not len(row):
        return row, row
    new = np.concatenate([[True], row[1:] != row[:-1]])
    return row[new], np.cumsum(new) - 1


def _solve(task: Task, at: Array, value: Array) -> Array:
    """The positions in `at` of the edges of an optimal flow over those edges."""
    if not len(at) or not int(task.places.sum()):
        return np.zeros(0, dtype=np.int64)
    nodes = _nodes(task, at)
    split = task.limit is not None
    people, openings = len(nodes.rows), len(task.places)
    source, sink = 0, 1
    first_person = 2
    first_slot = first_person + (people if split else 0)
    first_opening = first_slot + len(nodes.slot_person)
    first_community = first_opening + openings
    key, room, bonus = task.steps
    most = int(value.max()) + int(bonus.max())
    one = np.ones(len(at), dtype=np.int64)
    arcs: list[tuple[Array, Array, Array, Array]] = [
        (first_slot + nodes.slot, first_opening + task.edges.opening[at], one, most - value)
    ]
    persons = np.arange(people)
    if split:
        limits = np.asarray(task.limit, dtype=np.int64)[nodes.rows]
        arcs.append((np.full(people, source), first_person + persons, limits, np.zeros(people)))
        slots = np.arange(len(nodes.slot_person))
        arcs.append((first_person + nodes.slot_person, first_slot + slots, np.ones(len(slots)), np.zeros(len(slots))))
    else:
        arcs.append((np.full(people, source), first_slot + persons, np.ones(people), np.zeros(people)))
    posts = np.arange(openings)
    arcs.append((first_opening + posts, first_community + task.community, task.places, np.zeros(openings)))
    arcs.append((first_community + key, np.full(len(key), sink), room, -bonus))
    supply = int(task.places.sum())
    arcs.append((np.array([source]), np.array([sink]), np.array([supply]), np.array([most])))
    solver = min_cost_flow.SimpleMinCostFlow()
    for tails, heads, capacities, costs in arcs:
        solver.add_arcs_with_capacity_and_unit_cost(
            tails.astype(np.int32), heads.astype(np.int32), capacities.astype(np.int64), costs.astype(np.int64)
        )
    solver.set_nodes_supplies(np.array([source, sink], dtype=np.int32), np.array([supply, -supply], dtype=np.int64))
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise Unsolved(f"min-cost flow: status {status}")
    flows = solver.flows(np.arange(len(at), dtype=np.int32))
    return np.flatnonzero(flows)


class _Residual(NamedTuple):
    """What a unit may still do, between openings: paths through people are contracted into one step."""

    enter: Array
    """By opening: cost of bringing in somebody who is free (of the best of them)."""
    leave: Array
    """By opening: cost of letting somebody go."""
    move: Array
    """From opening (row) to opening: cost of moving somebody."""


def _certify(task: Task, value: Array, chosen: Array, kept: Array) -> tuple[Array, Array]:
    """The edges that would make the assignment better (none: it is optimal over all edges), and the prices of the openings.

    The residual network has no negative cycle if and only if the assignment is optimal; Bellman and Ford's distances in it are the
    prices. Over all edges first; when none are found soon, over the kept ones (where OR-tools has been optimal), to find the edges
    that break those. Whatever prices are returned with no edge have been held against every edge.
    """
    moves = _Moves(task, value, chosen)
    prices = _distances(task, chosen, moves.residual(None), SOON)
    if prices is None:
        prices = _distances(task, chosen, moves.residual(kept), len(task.places) * 2 + 2)
    if prices is None:
        raise Unsolved("the flow was not optimal over the edges that it was given")
    return moves.broken(prices), -prices


class _Moves:
    """What each edge that is not used could be used for."""

    def __init__(self, task: Task, value: Array, chosen: Array) -> None:
        self.openings = len(task.places)
        row, opening = task.edges.row, task.edges.opening
        used = np.zeros(len(value), dtype=bool)
        used[chosen] = True
        people = int(row.max()) + 1 if len(row) else 0
        self.left_opening, self.left_value = opening[chosen], value[chosen].astype(np.int64)
        if task.limit is None:
            holder = np.full(people, -1, dtype=np.int64)
            holder[row[chosen]] = chosen
            of = holder[row]
            idle = np.flatnonzero((of < 0) & ~used)
            swap = np.flatnonzero((of >= 0) & ~used)
            self.idle, self.swap, self.held = idle, swap, of[swap]
        else:
            self._over_days(task, chosen, used, people)
        self.opening, self.value = opening, value

    def _over_days(self, task: Task, chosen: Array, used: Array, people: int) -> None:
        """With several days: an edge on a day that is taken can only take the place of that one; on a free day it is free while the
        person's limit is not reached, else it can take the place of any."""
        row, day = task.edges.row, task.day[task.edges.opening]
        days = int(task.day.max()) + 1 if len(task.day) else 1
        limit = np.asarray(task.limit, dtype=np.int64)
        holder = np.full((people, days), -1, dtype=np.int64)
        holder[row[chosen], day[chosen]] = chosen
        count = np.bincount(row[chosen], minlength=people)
        of = holder[row, day]
        self.idle = np.flatnonzero((of < 0) & (count[row] < limit[row]))
        same = np.flatnonzero((of >= 0) & ~used)
        swaps, held = [same], [of[same]]
        at_limit = np.flatnonzero((of < 0) & (count[row] >= limit[row]))
        for other in range(days):
            instead = holder[row[at_limit], other]
            there = np.flatnonzero(instead >= 0)
            swaps.append(at_limit[there])
            held.append(instead[there])
        self.swap, self.held = np.concatenate(swaps), np.concatenate(held)

    def residual(self, edges: Array | None) -> _Residual:
        """The contracted residual network over some of the edges, or all."""
        n = self.openings
        enter = np.full(n, FAR)
        idle = self.idle if edges is None else self.idle[edges[self.idle]]
        np.minimum.at(enter, self.opening[idle], -self.value[idle].astype(np.int64))
        leave = np.full(n, FAR)
        np.minimum.at(leave, self.left_opening, self.left_value)
        move = np.full(n * n, FAR)
        swap, held = self.swap, self.held
        if edges is not None:
            use = edges[swap]
            swap, held = swap[use], held[use]
        cost = self.value[held].astype(np.int64) - self.value[swap]
        np.minimum.at(move, self.opening[held].astype(np.int64) * n + self.opening[swap], cost)
        return _Residual(enter, leave, move.reshape(n, n))

    def broken(self, distance: Array) -> Array:
        """The edges, of all, that would be a shorter way than `distance` (of the openings, from outside) admits."""
        idle = self.idle[-self.value[self.idle] < distance[self.opening[self.idle]]]
        change = self.value[self.held] - self.value[self.swap]
        shorter = distance[self.opening[self.held]] + change < distance[self.opening[self.swap]]
        return np.unique(np.concatenate([idle, self.swap[shorter]]))


def _distances(task: Task, chosen: Array, residual: _Residual, turns: int) -> Array | None:
    """The least cost from outside to each opening; None when paths of `turns` steps still get shorter. Outside has the distance 0.

    Nodes are the openings, the communities and outside; all start at 0 (as from a node above all), so that parts which cannot be
    reached from outside are looked at too.
    """
    filled = np.bincount(task.edges.opening[chosen], minlength=len(task.places))
    keys, room, bonus = task.steps
    used = _steps_used(task, chosen, room)
    communities = int(task.community.max()) + 1 if len(task.community) else 0
    # Filling one place more of a community brings its next step's bonus, one less costs that of its last.
    out = np.full(communities, FAR)
    np.minimum.at(out, keys[used < room], -bonus[used < room])
    back = np.full(communities, FAR)
    np.minimum.at(back, keys[used > 0], bonus[used > 0])
    place_free, place_used = filled < task.places, filled > 0
    a = np.zeros(len(task.places), dtype=np.int64)
    c = np.zeros(communities, dtype=np.int64)
    o = np.int64(0)
    for _turn in range(turns):
        new_a = np.minimum(a, o + residual.enter)
        if len(a):
            new_a = np.minimum(new_a, (a[:, None] + residual.move).min(axis=0))
            new_a = np.where(place_used, np.minimum(new_a, c[task.community]), new_a)
        new_c = np.minimum(c, o + back)
        np.minimum.at(new_c, task.community[place_free], new_a[place_free])
        new_o = min(int(o), int((new_a + residual.leave).min(initial=FAR)), int((new_c + out).min(initial=FAR)))
        if np.array_equal(new_a, a) and np.array_equal(new_c, c) and new_o == o:
            return a - o
        a, c, o = new_a, new_c, np.int64(new_o)
        if o < -FAR // 2:
            return None
    return None
