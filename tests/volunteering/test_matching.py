"""Matching over columns: the same one by one and in bulk, the best without looking at all, the optimum with its proof."""

from dataclasses import replace
from itertools import product
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qunli.volunteering.matching import assignment, candidates, scoring, signals
from qunli.volunteering.matching.candidates import Asking, Edges
from qunli.volunteering.matching.columns import NO_TIES, NOT_BUSY, Busy, Openings, People, Ties, in_grid
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.matching.signals import City
from tests.volunteering import crowds


def plain_score(p: People, o: Openings, ties: Ties, i: int, j: int, city: City, w: Weights) -> int:
    """The score by whole numbers of Python, as the README tells it."""
    metres = int(np.sqrt(np.float32(np.float32(p.x[i] - o.x[j]) ** 2) + np.float32(np.float32(p.y[i] - o.y[j]) ** 2)))
    metres = 0 if p.community[i] == o.community[j] else max(metres, 100)
    skilled = 1000 if o.skills[j] else 300 if p.skills[i] else 500
    likes = 1000 if int(p.categories[i]) & int(o.category[j]) else 0 if p.categories[i] else 400
    tie = dict(zip(ties.keys.tolist(), ties.values.tolist(), strict=True)).get((i << 32) | j, 0)
    since = min(max(city.today - int(p.asked[i]), 0), city.rest_days)
    parts = {
        "nearness": 1000 * city.half_distance // (city.half_distance + metres),
        "time": 1000 if p.free[i] else 500,
        "skill": skilled,
        "interest": likes,
        "ties": tie,
        "need": int(o.need[j]),
        "freshness": max(1000 - int(p.served[i]) * 1000 // city.most_a_month, 0),
        "rest": since * 1000 // city.rest_days,
    }
    return sum(getattr(w, name) * value for name, value in parts.items())


def plain_clash(o: Openings, busy: Busy, i: int, j: int, city: City) -> bool:
    for n in np.flatnonzero(busy.row == i):
        metres = int(sqrt(float((busy.x[n] - o.x[j]) ** 2 + (busy.y[n] - o.y[j]) ** 2)))
        gap = city.slack + metres * city.minutes_per_km // 1000 if metres else 0
        if o.begins[j] < busy.ends[n] + gap and busy.begins[n] < o.ends[j] + gap:
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(st.data(), crowds.crowd(), crowds.offers(), crowds.city, crowds.weights)
def test_one_by_one_and_in_bulk_are_the_same(data: Any, p: People, o: Openings, city: City, w: Weights) -> None:
    ties, busy = data.draw(crowds.bonds(p, o)), data.draw(crowds.promises(p))
    i, j = (a.ravel() for a in np.meshgrid(np.arange(len(p)), np.arange(len(o)), indexing="ij"))
    bulk = scoring.score(p, o, ties, i, j, city, w)
    assert bulk.tolist() == [plain_score(p, o, ties, a, b, city, w) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    assert bulk.tolist() == [int(scoring.score(p, o, ties, a, b, city, w)) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    for total, lines in zip(bulk.tolist(), scoring.explain(p, o, ties, i, j, city, w), strict=True):
        assert sum(line.points for line in lines) == total
        assert all(0 <= line.value <= 1000 for line in lines)
    rows, posts = signals.permitted(p, o, i, j, city)
    kept = set(zip(rows.tolist(), posts.tolist(), strict=True))
    assert kept == {(a, b) for a, b in product(range(len(p)), range(len(o))) if not signals.refusals(p, o, a, b, city)}
    clash = signals.clashes(o, busy, i, j, city).tolist()
    assert clash == [plain_clash(o, busy, a, b, city) for a, b in zip(i.tolist(), j.tolist(), strict=True)]


@settings(max_examples=40, deadline=None)
@given(st.data(), crowds.crowd(most=40), crowds.offers(), crowds.city, crowds.weights, st.integers(1, 6))
def test_whom_to_ask_is_what_brute_force_finds(data: Any, p: People, o: Openings, city: City, w: Weights, count: int) -> None:
    p, grid = in_grid(p)
    ties, busy = data.draw(crowds.bonds(p, o)), data.draw(crowds.promises(p))
    asking = Asking(p, o, city, w, ties, busy)
    for j in range(len(o)):
        found, all_of_them = candidates.whom_to_ask(asking, grid, j, count), candidates.brute_force(asking, j, count)
        assert found.rows.tolist() == all_of_them.rows.tolist()
        assert found.scores.tolist() == all_of_them.scores.tolist()


def test_rings_stop_early_and_still_find_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a city large enough that most of it is never looked at."""
    from datetime import date

    from bench import crowd

    today = date(2026, 11, 24)
    city, w = City(today.toordinal()), Weights()
    p, grid = in_grid(crowd.draw_people(60_000, today, 3))
    o = crowd.draw_openings(25, today, 7, 3)
    asking = Asking(p, o, city, w, crowd.draw_ties(p, o, 3), crowd.draw_busy(p, today, 7, 3))
    monkeypatch.setattr(candidates, "FIRST", 256)
    seen: list[int] = []
    look = Asking.look
    monkeypatch.setattr(Asking, "look", lambda self, pool, rows, j: (seen.append(len(rows)), look(self, pool, rows, j))[1])
    found = [candidates.whom_to_ask(asking, grid, j) for j in range(len(o))]
    assert sum(seen) < len(p) * len(o) // 2
    monkeypatch.undo()
    for j, best in enumerate(found):
        everybody = candidates.brute_force(asking, j)
        assert best.rows.tolist() == everybody.rows.tolist()


def test_neighbours_are_found_however_far_the_point_of_their_community_lies() -> None:
    from datetime import date

    from bench import crowd

    today = date(2026, 11, 24)
    p, grid = in_grid(crowd.draw_people(20_000, today, 3))
    o = crowd.draw_openings(10, today, 7, 3)
    far = replace(o, x=o.x + 30_000, y=o.y - 20_000)
    asking = Asking(p, far, City(today.toordinal()), Weights())
    neighbours = 0
    for j in range(len(far)):
        found, everybody = candidates.whom_to_ask(asking, grid, j), candidates.brute_force(asking, j)
        assert found.rows.tolist() == everybody.rows.tolist()
        neighbours += int((p.community[found.rows] == far.community[j]).sum())
    assert neighbours
    edges = candidates.edges(p, grid, far, asking.city, asking.weights, each=3)
    own = p.community[edges.row] == far.community[edges.opening]
    permitted = signals.permitted(p, far, np.repeat(np.arange(len(p)), len(far)), np.tile(np.arange(len(far)), len(p)), asking.city)
    assert own.sum() == (p.community[permitted[0]] == far.community[permitted[1]]).sum() > 0


@settings(max_examples=40, deadline=None)
@given(crowds.crowd(), crowds.offers(), crowds.city)
def test_least_recently_asked_come_first_among_equals(p: People, o: Openings, city: City) -> None:
    w = Weights()
    scores = scoring.score(p, o, NO_TIES, np.arange(len(p)), 0, city, w)
    since = signals.rested(p, city)
    ranks = scoring.rank(scores, since, w)
    for a, b in product(range(len(p)), repeat=2):
        band_a, band_b = int(scores[a]) * scoring.BAND // w.highest, int(scores[b]) * scoring.BAND // w.highest
        if band_a == band_b and since[a] > since[b]:
            assert ranks[a] > ranks[b]
        if band_a > band_b:
            assert ranks[a] > ranks[b]


@settings(max_examples=40, deadline=None)
@given(st.data(), crowds.crowd(), crowds.offers(), crowds.city, crowds.weights)
def test_for_a_person_the_best_permitted_one_post_of_each_activity(
    data: Any, p: People, o: Openings, city: City, w: Weights
) -> None:
    ties, busy = data.draw(crowds.bonds(p, o)), data.draw(crowds.promises(p))
    for i in range(len(p)):
        best = candidates.for_person(p, i, o, city, w, ties=ties, busy=busy, count=3)
        assert len(set(o.activity[best.rows].tolist())) == len(best.rows)
        assert best.scores.tolist() == sorted(best.scores.tolist(), reverse=True)
        open_to = {
            j
            for j in range(len(o))
            if not signals.refusals(p, o, i, j, city, without=signals.OF_ASKING) and not plain_clash(o, busy, i, j, city)
        }
        assert set(best.rows.tolist()) <= open_to
        top = {
            a: max(plain_score(p, o, ties, i, j, city, w) for j in open_to if o.activity[j] == a)
            for a in o.activity[list(open_to)].tolist()
        }
        assert best.scores.tolist() == sorted(top.values(), reverse=True)[:3]


@settings(max_examples=40, deadline=None)
@given(st.data(), crowds.crowd(most=30), crowds.offers(most=8), crowds.city, crowds.weights, st.integers(1, 4))
def test_edges_are_the_nearest_permitted_and_the_tied(data: Any, p: People, o: Openings, city: City, w: Weights, each: int) -> None:
    p, grid = in_grid(p)
    ties, busy = data.draw(crowds.bonds(p, o)), data.draw(crowds.promises(p))
    found = candidates.edges(p, grid, o, city, w, ties=ties, busy=busy, each=each)
    assert found.row.tolist() == sorted(found.row.tolist())
    pairs = list(zip(found.row.tolist(), found.opening.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    tied = set(zip(*(a.tolist() for a in ties.pairs), strict=True))
    for i in range(len(p)):
        good = {j for j in range(len(o)) if not signals.refusals(p, o, i, j, city) and not plain_clash(o, busy, i, j, city)}
        own = {j for row, j in pairs if row == i}
        assert own <= good
        assert {j for j in good if (i, j) in tied} <= own
        assert len(own) >= min(each, len(good))
        assert len({j for j in own if (i, j) not in tied}) <= each
    assert found.score.tolist() == [plain_score(p, o, ties, a, b, city, w) for a, b in pairs]


@st.composite
def tasks(draw: st.DrawFn, days: int = 1) -> assignment.Task:
    people = draw(st.integers(1, 12))
    n = draw(st.integers(1, 6))
    pairs = draw(st.sets(st.tuples(st.integers(0, people - 1), st.integers(0, n - 1)), max_size=40))
    rows = sorted(pairs)
    scores = draw(st.lists(st.integers(0, 30), min_size=len(rows), max_size=len(rows)))
    weights = Weights(fill=draw(st.sampled_from([0, 1])), fairness=draw(st.sampled_from([0, 0, 5])))
    limit = np.array(draw(st.lists(st.integers(1, days), min_size=people, max_size=people))) if days > 1 else None
    return assignment.Task(
        Edges(
            np.array([r for r, _o in rows], dtype=np.int32),
            np.array([o for _r, o in rows], dtype=np.int32),
            np.array(scores, dtype=np.int32) * 100,
        ),
        np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=np.int32),
        np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))),
        np.array(draw(st.lists(st.integers(0, days - 1), min_size=n, max_size=n))),
        weights,
        limit,
    )


def is_allowed(task: assignment.Task, chosen: Any) -> bool:
    rows, openings = task.edges.row[chosen], task.edges.opening[chosen]
    limit = np.ones(int(rows.max(initial=0)) + 1, dtype=int) if task.limit is None else task.limit
    a_day = np.unique(np.stack([rows, task.day[openings]]), axis=1).shape[1] == len(rows) if len(rows) else True
    counts = np.bincount(rows, minlength=len(limit))
    return bool(
        (np.bincount(openings, minlength=len(task.places)) <= task.places).all()
        and a_day
        and (counts <= limit[: len(counts)]).all()
    )


def best_by_linear_programming(task: assignment.Task) -> float:
    """The same by scipy's HiGHS, the whole problem written out."""
    from scipy.optimize import linprog

    value, (key, room, bonus) = task.value, task.steps
    edges, steps = len(value), len(key)
    rows: list[Any] = []
    bounds: list[float] = []

    def add(coefficients: Any, limit: float) -> None:
        rows.append(coefficients)
        bounds.append(limit)

    for person in np.unique(task.edges.row):
        mine = np.flatnonzero(task.edges.row == person)
        line = np.zeros(edges + steps)
        line[mine] = 1
        add(line, 1 if task.limit is None else task.limit[person])
        for day in np.unique(task.day):
            line = np.zeros(edges + steps)
            line[mine[task.day[task.edges.opening[mine]] == day]] = 1
            add(line, 1)
    for opening, places in enumerate(task.places):
        line = np.zeros(edges + steps)
        line[:edges][task.edges.opening == opening] = 1
        add(line, places)
    for community in np.unique(key):
        line = np.zeros(edges + steps)
        line[edges:][key == community] = 1
        line[:edges][task.community[task.edges.opening] == community] = -1
        add(line, 0)
    found = linprog(
        -np.concatenate([value, bonus]), A_ub=np.array(rows), b_ub=bounds, bounds=[(0, 1)] * edges + [(0, r) for r in room]
    )
    return float(-found.fun)


@settings(max_examples=80, deadline=None)
@given(st.one_of(tasks(), tasks(days=3)))
def test_the_assignment_is_the_optimum_and_says_so(task: assignment.Task) -> None:
    found = assignment.assign(task)
    assert found.certified
    assert is_allowed(task, found.chosen)
    assert found.value == assignment.solve_plainly(task).value
    assert found.value == pytest.approx(best_by_linear_programming(task))
    rough = assignment.greedy(task)
    assert is_allowed(task, rough.chosen)
    assert rough.value <= found.value


@settings(max_examples=80, deadline=None)
@given(st.one_of(tasks(), tasks(days=3)), st.data())
def test_a_certificate_is_never_given_to_a_worse_assignment(task: assignment.Task, data: Any) -> None:
    """Take something away from the optimum, or take the greedy one: the proof must fail unless it is as good."""
    best = assignment.assign(task)
    worse = assignment.greedy(task).chosen
    if len(best.chosen) and data.draw(st.booleans()):
        worse = np.delete(best.chosen, data.draw(st.integers(0, len(best.chosen) - 1)))
    proof = assignment.certificate(task, worse)
    assert (proof is not None) == (assignment.total(task, worse) == best.value)


@settings(max_examples=40, deadline=None)
@given(tasks(), st.integers(1, 3))
def test_pruning_hard_widens_until_it_is_proved(task: assignment.Task, keep: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "KEEP", keep)
        patch.setattr(assignment, "BINS", 2)
        found = assignment.assign(task)
    assert found.certified
    assert found.value == assignment.solve_plainly(task).value


def test_a_tight_market_needs_wider_edges_and_gets_them() -> None:
    """Everybody's best pairs are with the same few people, so the first edges cannot be enough."""
    rng = np.random.default_rng(5)
    people, posts = 300, 30
    row = np.repeat(np.arange(people), posts)
    opening = np.tile(np.arange(posts), people)
    score = (1000 - row) * 100 + rng.integers(0, 50, len(row))
    edges = Edges(row.astype(np.int32), opening.astype(np.int32), score.astype(np.int32))
    task = assignment.Task(
        edges, np.full(posts, 9, dtype=np.int32), np.zeros(posts, dtype=int), np.zeros(posts, dtype=int), Weights()
    )
    found = assignment.assign(task)
    assert found.certified
    assert found.rounds > 1
    assert found.value == assignment.solve_plainly(task).value


def test_fairness_fills_every_community_first() -> None:
    """Two communities, one far from everybody: without the weight it goes empty, with it it gets its half."""
    row, opening = np.repeat(np.arange(4), 2), np.tile([0, 1], 4)
    score = np.where(opening == 0, 30_000, 5_000)
    edges = Edges(row.astype(np.int32), opening.astype(np.int32), score.astype(np.int32))

    def filled(fairness: int) -> list[int]:
        task = assignment.Task(edges, np.array([4, 4]), np.array([0, 1]), np.array([0, 0]), Weights(fairness=fairness))
        found = assignment.assign(task)
        assert found.certified
        return np.bincount(opening[found.chosen], minlength=2).tolist()

    assert filled(0) == [4, 0]
    assert filled(60) == [2, 2]


def test_nothing_to_share_out() -> None:
    none = np.zeros(0, dtype=np.int32)
    for places in ([], [3]):
        task = assignment.Task(
            Edges(none, none, none), np.array(places, dtype=np.int32), *(np.zeros(len(places), dtype=int) for _ in "ab"), Weights()
        )
        found = assignment.assign(task)
        assert (found.certified, len(found.chosen), found.value) == (True, 0, 0)


def test_weights_are_between_0_and_100() -> None:
    with pytest.raises(ValueError, match="nearness"):
        Weights(nearness=101)


def test_travel_between_two_places_counts() -> None:
    """Ten kilometres: ten minutes and three for each kilometre lie between the end of one and the beginning of the next."""
    city, morning = City(crowds.TODAY), crowds.TODAY * 1440 + 600
    post = crowds.one_opening(x=10_000, begins=morning)
    at = (np.array([0]), np.array([0]))
    for before, meets in ((41, False), (39, True)):
        busy = Busy.of([0], [morning - 120], [morning - before], [0], [0])
        assert bool(signals.clashes(post, busy, *at, city)[0]) is meets
    here = Busy.of([0], [morning - 120], [morning], [10_000], [0])
    assert not signals.clashes(post, here, *at, city)[0]
    assert not signals.clashes(post, NOT_BUSY, *at, city)[0]
