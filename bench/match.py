"""Matching: the best activities for one volunteer, whom to ask among a whole city, a day's assignment beside other algorithms.

The people and openings are columns drawn with a seed at the real communities with the synthetic city's shares
(`bench.crowd`), since it is the columns that are measured. Everything is timed on the wall and by this process's own
time: on a machine that does other work the second is what the work takes. The assignments run in processes of their
own, so that the memory is theirs alone.

`--scale` is the size of the city in the database, for what goes through it: the pages, and the columns that are read. The
drawn columns always have the size that is promised for.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bench import client, common, crowd, ground
from bench import people as bench_people
from qunli.volunteering.matching import assignment, candidates, scoring
from qunli.volunteering.matching.candidates import Asking
from qunli.volunteering.matching.columns import Ties, in_grid
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.matching.signals import City

SCALE = 0.1
CITY = 3_900_000
OPEN = 14_000
"""Openings with free places at scale 1.0: what the synthetic city has ahead."""
TODAY = date(2026, 11, 24)
SATURDAY = date(2026, 11, 28)
ASKED = 200
VISITORS = 60
WARM, LOADED = 4, 8
"""Clients that ask at once: before the measuring, so that all processes and threads have begun; and as the second figure."""
RULES = City(TODAY.toordinal())
ACTIVITIES, PLACES, EACH = 600, 20, 30


class Spent(NamedTuple):
    wall: float
    own: float


def measured(work: Callable[[], Any]) -> tuple[Spent, Any]:
    wall, own = time.perf_counter(), time.process_time()
    result = work()
    return Spent(time.perf_counter() - wall, time.process_time() - own), result


def run(*, scale: float) -> common.Report:
    report = common.Report("match")
    report.note(f"{common.load()} before")
    _city(report, CITY)
    for count, most in ((100_000, 3), (1_000_000, 20)):
        _day(report, count, most, beside=count == 100_000)
    _in_the_database(report, scale)
    report.note(f"{common.load()} after; what is not said to be of a scale is of drawn columns, without a database")
    return report


def _in_the_database(report: common.Report, scale: float) -> None:
    """The columns read from a city in which everybody agreed to be matched, then the recommendations over HTTP."""
    ground.use_database(scale)
    ground.manage("load_rules")
    bench_people.start()
    visitors = bench_people.visitors(VISITORS)
    _agree()
    told = _apart("columns")
    of_scale = f"{told['people']:,} people, scale {scale:g}"
    report.add("reading and writing the columns", told["seconds"], "s", against=of_scale, digits=1)
    report.add("memory while they are read", told["memory"], "MB", against="the whole process", digits=0)
    with ground.server(ground.free_port()) as address:
        for name, path in (("page", "/volunteer/matches/"), ("API", "/api/v1/volunteering/matches")):
            turn = itertools.count()

            def following(_line: int, path: str = path, turn: Any = turn) -> bytes:
                visitor = visitors[next(turn) % VISITORS]
                return client.request("GET", path, address, cookies=visitor.cookies)

            client.drive(address, WARM, following, seconds=4)
            for clients, bound in ((1, "< 30"), (LOADED, "")):
                gone = client.drive(address, clients, following, seconds=6)
                if set(gone.statuses) != {200}:
                    raise ground.Stop(f"answers other than 200: {gone.statuses}")
                milliseconds = [second * 1000 for second in gone.latencies]
                report.add(
                    f"p95 of the recommendations, {name}",
                    common.percentile(milliseconds, 0.95),
                    "ms",
                    against=f"{clients} client{'s' if clients > 1 else ''} without a pause, scale {scale:g}",
                    bound=bound,
                    digits=1,
                )
                report.note(
                    f"{name}, {clients} at a time: {common.spread(milliseconds)} ms, {gone.rate:.0f} a second; {common.load()}"
                )


def _agree() -> None:
    """Everybody in the bench's city agrees to be matched."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_consent (person_id, given_by_id, purpose, wording, given_at)"
            " SELECT v.person_id, v.person_id, 'matching', '2026-11', now() FROM volunteering_volunteer v"
            " WHERE v.state = 'active' AND NOT EXISTS (SELECT FROM people_consent k"
            " WHERE k.person_id = v.person_id AND k.purpose = 'matching' AND k.withdrawn_at IS NULL)"
        )
        cursor.execute("ANALYZE people_consent")


def columns_of_the_city() -> dict[str, Any]:
    """What the queue does every ten minutes (and every minute for what is open), in a process of its own."""
    bench_people.start()
    from django.utils import timezone

    from qunli.volunteering.matching import pool

    seconds, people = common.timed(lambda: pool.write(timezone.now()))
    pool.write_openings(timezone.now())
    return {"seconds": seconds, "people": people, "memory": common.peak_memory()}


def _city(report: common.Report, count: int) -> None:
    people, grid = in_grid(crowd.draw_people(count, TODAY, ground.SEED))
    openings = crowd.draw_openings(OPEN, SATURDAY, 30, ground.SEED)
    busy = crowd.draw_busy(people, SATURDAY, 30, ground.SEED, share=0.02)
    weights = Weights()
    report.add("memory of the columns", people.nbytes / 1e6, "MB", against=f"{count:,} people", digits=0)

    rng = np.random.default_rng(ground.SEED)
    spent = []
    for i in rng.integers(0, count, ASKED).tolist():
        ties = Ties.of([i] * 30, rng.integers(0, OPEN, 30), [500] * 30)

        def best(i: int = i, ties: Ties = ties) -> None:
            found = candidates.for_person(people, i, openings, RULES, weights, ties=ties, busy=busy)
            scoring.explain(people, openings, ties, i, found.rows, RULES, weights)

        spent.append(measured(best)[0])
    _told(report, "20 best activities for one volunteer, with the why", spent, f"{OPEN:,} openings, all signals", 2)

    few = np.sort(rng.choice(OPEN, ASKED, replace=False))
    chosen = openings.take(few)
    asking = Asking(people, chosen, RULES, weights, crowd.draw_ties(people, chosen, ground.SEED), busy)
    asked, everybody, differ = [], [], 0
    for j in range(ASKED):
        one, found = measured(partial(candidates.whom_to_ask, asking, grid, j))
        asked.append(one)
        if j < 20:
            one, all_of_them = measured(partial(candidates.brute_force, asking, j))
            everybody.append(one)
            differ += not (np.array_equal(found.rows, all_of_them.rows) and np.array_equal(found.scores, all_of_them.scores))
    _told(report, "20 whom to ask for one activity", asked, f"{count:,} people, all signals", 15)
    report.add("the same by brute force", _middle(everybody) * 1000, "ms", against="everybody looked at", digits=1)
    report.add("answers that differ from brute force", differ, "answers", bound="== 0", digits=0)


def _told(report: common.Report, name: str, spent: list[Spent], against: str, most: float) -> None:
    report.add(name, _middle(spent) * 1000, "ms", against=against, bound=f"< {most}", digits=2)
    own, wall = [s.own * 1000 for s in spent], [s.wall * 1000 for s in spent]
    report.note(f"{name}: own time {common.spread(own)} ms, p95 {common.percentile(own, 0.95):.1f}; wall {common.spread(wall)} ms")


def _middle(spent: list[Spent]) -> float:
    return float(np.median([one.own for one in spent]))


def _apart(*words: str) -> dict[str, Any]:
    """A part of this bench in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "bench.match", *words], capture_output=True, text=True, cwd=ground.ROOT)
    if done.returncode:
        raise ground.Stop(f"{' '.join(words)} failed: {done.stderr.strip()[-400:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def _day(report: common.Report, count: int, most: int, *, beside: bool) -> None:
    told = _apart(str(count), str(int(beside)))
    who = f"{count:,} opted in, {ACTIVITIES} x {PLACES} places"
    report.add(
        f"assignment of a day, {who}",
        told["whole"][0],
        "s",
        against=f"by the clock, own {told['whole'][1]:.1f}; {told['each']:.1f} candidates each",
        bound=f"< {most}",
        digits=2,
    )
    edges, solve = told["edges"], told["solve"]
    report.note(
        f"{who}: candidates and scores {edges[0]:.2f} s by the clock, own {edges[1]:.2f} of all threads; solving and proof"
        f" {solve[0]:.2f} s, own {solve[1]:.2f}; {common.load()}"
    )
    report.add(
        f"proved optimal over all edges, {who}",
        told["certified"],
        "",
        against=f"{told['edges_count']:,} edges",
        bound="== 1",
        digits=0,
    )
    report.add(f"memory, {who}", told["memory"], "MB", digits=0)
    if not beside:
        return
    report.add(
        "solving against OR-tools over all edges",
        told["plain"][1] / told["solve"][1],
        "times",
        against="in one run, own time",
        bound=">= 3",
        digits=1,
    )
    report.add("value against OR-tools over all edges", told["value"] - told["plain_value"], "points", bound="== 0", digits=0)
    report.add(
        "greedy falls short by",
        (1 - told["greedy_value"] / told["value"]) * 100,
        "%",
        against=f"{told['greedy'][1]:.2f} s",
        digits=3,
    )
    report.add(
        "scipy's matching against the optimum",
        told["scipy_value"] - told["scipy_ours"],
        "points",
        against=f"{told['scipy'][1]:.1f} s on {told['scipy_edges']:,} edges",
        bound="== 0",
        digits=0,
    )
    report.note(
        "scipy knows neither places nor communities: each place became a column, for every tenth activity, without the bonus of the"
        " communities, and ours was solved again for the same"
    )


def day(count: int, beside: bool) -> dict[str, Any]:
    """One day's assignment, in a process of its own; what it took."""
    people, grid = in_grid(crowd.draw_people(count, TODAY, ground.SEED, free=crowd.WEEKEND, reach=(300, 500, 800)))
    openings = crowd.draw_openings(ACTIVITIES, SATURDAY, 1, ground.SEED, places=PLACES)
    busy, ties = crowd.draw_busy(people, SATURDAY, 1, ground.SEED), crowd.draw_ties(people, openings, ground.SEED)
    weights = Weights()
    _known, community = np.unique(openings.community, return_inverse=True)
    spent_edges, edges = measured(lambda: candidates.edges(people, grid, openings, RULES, weights, ties=ties, busy=busy, each=EACH))
    task = assignment.Task(edges, openings.places, community, np.zeros(len(openings), dtype=np.int64), weights)
    spent_solve, best = measured(lambda: assignment.assign(task))
    told: dict[str, Any] = {
        "edges": spent_edges,
        "solve": spent_solve,
        "whole": [a + b for a, b in zip(spent_edges, spent_solve, strict=True)],
        "memory": common.peak_memory(),
        "certified": int(best.certified),
        "value": best.value,
        "edges_count": len(edges.row),
        "each": len(edges.row) / count,
    }
    if beside:
        # Once more after the other, so that neither is the first.
        plain, found = measured(lambda: assignment.solve_plainly(task))
        again, _best = measured(lambda: assignment.assign(task))
        told["plain"], told["plain_value"] = plain, found.value
        told["solve"] = [min(a, b) for a, b in zip(spent_solve, again, strict=True)]
        spent, rough = measured(lambda: assignment.greedy(task))
        told["greedy"], told["greedy_value"] = spent, rough.value
        told |= by_scipy(task)
    return told


def by_scipy(task: assignment.Task) -> dict[str, Any]:
    """Every tenth activity by scipy's matching of rows to columns, and ours for the same."""
    from dataclasses import replace

    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    tenth = np.flatnonzero(task.edges.opening % 10 == 0)
    small = replace(
        task,
        edges=candidates.Edges(*(column[tenth] for column in task.edges)),
        places=np.where(np.arange(len(task.places)) % 10 == 0, task.places, 0),
        weights=replace(task.weights, fairness=0),
    )
    value = small.value.astype(np.float64)
    high = value.max() + 1
    places = int(PLACES)
    opening = small.edges.opening.astype(np.int64) // 10
    columns = (opening[:, None] * places + np.arange(places)).ravel()
    people = int(small.edges.row.max()) + 1
    count = places * (int(opening.max()) + 1)
    # A stand-in for each place, whom nobody is worse than: places may stay empty.
    rows = np.concatenate([np.repeat(small.edges.row, places), people + np.arange(count)])
    costs = np.concatenate([np.repeat(high - value, places), np.full(count, high)])
    graph = csr_array((costs, (rows, np.concatenate([columns, np.arange(count)]))), shape=(people + count, count)).T.tocsr()
    spent, (place, who) = measured(lambda: min_weight_full_bipartite_matching(graph))
    filled = who < people
    brought = round(float(high * filled.sum() - np.asarray(graph[place[filled], who[filled]]).sum()))
    return {"scipy": spent, "scipy_value": brought, "scipy_ours": assignment.assign(small).value, "scipy_edges": len(costs)}


if __name__ == "__main__":
    part = columns_of_the_city() if sys.argv[1] == "columns" else day(int(sys.argv[1]), sys.argv[2] == "1")
    print(json.dumps(part))
