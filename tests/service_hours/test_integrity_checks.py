"""The checks against fabricated hours: each by a plain reading of its meaning, and for one person as for all."""

from collections.abc import Iterable
from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import frauds
from qunli.service_hours.integrity.checks import facts, scope
from qunli.service_hours.integrity.columns import Attendances, attendances
from qunli.service_hours.integrity.judging import Found, Limits, judge
from qunli.service_hours.integrity.rings import rings

LIMITS = Limits(slack_minutes=10, largest_ring=4)
DAY0 = 1_767_196_800
"""2026-01-01 in Shanghai."""
ROW = st.fixed_dictionaries(
    {
        "person": st.integers(1, 7),
        "recorder": st.sampled_from([0, 0, 0, 1, 2, 3, 90]),
        "verifier": st.sampled_from([0, 1, 2, 3, 4, 5, 90]),
        "hour": st.integers(0, 60),
        "length": st.integers(1, 12),
        "arrived": st.integers(-80, 80),
        "left": st.integers(-80, 80),
        "minutes": st.integers(0, 1200),
        "on_duty": st.sampled_from([0, 0, 1]),
        "distance": st.sampled_from([-1, 0, 400, 600, 9000]),
        "place": st.sampled_from([None, (104.0, 30.6), (104.5, 30.6), (104.0, 30.61)]),
    }
)


def columns_of(rows: Iterable[dict[str, Any]]) -> Attendances:
    lines = []
    for number, row in enumerate(rows, 1):
        starts = DAY0 + row["hour"] * 3600
        ends = starts + row["length"] * 3600
        longitude, latitude = row["place"] or (np.nan, np.nan)
        signed_in = starts + row["arrived"] * 60
        lines.append(
            {
                "record": number,
                "person": row["person"],
                "recorder": row["recorder"],
                "verifier": row["verifier"],
                "signed_in": signed_in,
                "signed_out": max(signed_in, ends + row["left"] * 60),
                "starts": starts,
                "ends": ends,
                "minutes": row["minutes"],
                "distance": row["distance"],
                "radius": 500,
                "on_duty": row.get("on_duty", 0),
                "longitude": longitude,
                "latitude": latitude,
            }
        )
    return attendances(**{name: [line[name] for line in lines] for name in lines[0]})


def found_of(found: Iterable[Found], records: Iterable[int]) -> set[tuple[object, ...]]:
    wanted = set(records)
    return {(f.record, f.kind, f.severity, tuple(sorted(f.facts.items())), f.others) for f in found if f.record in wanted}


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=40), person=st.integers(1, 7))
def test_one_person_as_they_come_in_gives_what_the_night_gives(rows: list[dict[str, Any]], person: int) -> None:
    everything = columns_of(rows)
    part = everything.take(scope(everything, np.array([person]), largest_ring=LIMITS.largest_ring))
    own = everything.record[everything.person == person].tolist()
    assert found_of(judge(part, limits=LIMITS), own) == found_of(judge(everything, limits=LIMITS), own)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=25))
def test_facts_are_what_they_are_called(rows: list[dict[str, Any]]) -> None:
    """Beside loops that read as the facts' definitions."""
    them = columns_of(rows)
    known = facts(them, slack_minutes=10, largest_ring=4)
    order = sorted(range(len(them)), key=lambda i: (them.person[i], them.since[i], them.record[i]))
    for place, i in enumerate(order):
        before = [j for j in order[:place] if them.person[j] == them.person[i]]
        shared = [min(them.until[j], them.until[i]) - them.since[i] for j in before]
        assert known.overlapping_minutes[i] == max([0, *shared]) // 60
        if known.overlapping_minutes[i]:
            assert int(known.overlaps[i]) in [them.record[j] for j in before if them.until[j] == max(them.until[k] for k in before)]
        assert known.minutes_on_day[i] == them.minutes[i] + sum(them.minutes[j] for j in before if them.day[j] == them.day[i])
        twins = [
            j
            for j in order
            if them.recorder[j] == them.recorder[i]
            and them.signed_in[j] // 60 == them.signed_in[i] // 60
            and them.signed_out[j] // 60 == them.signed_out[i] // 60
        ]
        assert known.identical_entries[i] == (len(twins) if them.recorder[i] else 0)
        assert known.recorder_is_volunteer[i] == (them.person[i] in (them.recorder[i], them.verifier[i]))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=14))
def test_rings_are_what_they_are_called(rows: list[dict[str, Any]]) -> None:
    """Beside a search through all groups of people: each reached by each, and nobody outside confirms one of them."""
    them = columns_of(rows)
    pairs = {
        (who, int(whom))
        for column in (them.recorder, them.verifier)
        for who, whom in zip(column.tolist(), them.person.tolist(), strict=True)
        if who not in (0, whom)
    }
    people = {one for pair in pairs for one in pair}
    in_a_ring: dict[int, int] = {}
    for size in (2, 3, 4):
        for group in combinations(sorted(people), size):
            inside = {(a, b) for a, b in pairs if a in group and b in group}
            if all(a in group for a, b in pairs if b in group) and all(reached(one, inside) == set(group) for one in group):
                in_a_ring |= dict.fromkeys(group, size)
    found = rings(them, 4)
    for row in range(len(them)):
        confirmed = any(column[row] not in (0, them.person[row]) for column in (them.recorder, them.verifier))
        assert found.size[row] == (in_a_ring.get(int(them.person[row]), 0) if confirmed else 0)
        if found.size[row]:
            assert found.confirmations[row] == (found.key == found.key[row]).sum()


def reached(one: int, edges: set[tuple[int, int]]) -> set[int]:
    known: set[int] = {one}
    while more := {b for a, b in edges if a in known} - known:
        known |= more
    return known


def test_way_and_speed() -> None:
    """48 km in 30 minutes and ten that are let pass: 72 km/h."""
    base = {"person": 1, "recorder": 0, "verifier": 90, "length": 1, "arrived": 0, "left": 0, "minutes": 60, "distance": -1}
    them = columns_of(
        [
            base | {"hour": 9, "place": (104.0, 30.6)},
            base | {"hour": 10, "arrived": 30, "place": (104.5, 30.6)},
            base | {"hour": 20, "place": None},
        ]
    )
    known = facts(them, slack_minutes=10, largest_ring=8)
    assert known.travel_speed.tolist() == [-1, 72, -1]
    assert known.travelled_from.tolist() == [-1, 1, -1]


@pytest.mark.django_db
def test_planted_frauds_are_found_and_honest_people_left_alone() -> None:
    """The bench's own city, small: `script/bench integrity` measures a million."""
    rows, honest, planted = frauds.city(40_000, 12, 3)
    found = {(each.kind, each.record) for each in judge(rows, limits=Limits.on(date(2025, 12, 31)))}
    assert planted <= found
    assert {pair for pair in found - planted if pair[1] > honest} == set()
    assert len({record for _kind, record in found if record <= honest}) <= honest / 1000
    assert {kind for kind, _record in planted} >= {"overlap", "over-day", "too-early", "elsewhere", "ring", "bulk-identical"}


@pytest.mark.django_db
def test_before_there_were_rules_nothing_is_found() -> None:
    rows, _honest, _planted = frauds.city(400, 1, 3)
    long_ago = 86_400 * 365 * 10
    shifted = {name: getattr(rows, name) for name in vars(rows)}
    for name in ("signed_in", "signed_out", "starts", "ends"):
        shifted[name] = shifted[name] - long_ago
    assert judge(attendances(**shifted), limits=LIMITS) == []
