"""The checks against fabricated hours as facts: one column for each fact that the rules "hour-integrity" ask about. Pure.

Nothing here knows a threshold: what is too much is said by the rules (`rulesets/default/hour-integrity.toml`). The same functions
run for one person as hours are verified and each night over all; `scope` says which rows a record's facts depend on.
"""

from dataclasses import dataclass

import numpy as np

from qunli.service_hours.integrity.columns import NOBODY, UNKNOWN, Array, Attendances
from qunli.service_hours.integrity.rings import Rings, rings

EARTH = 6_371_000.0
"""Metres, its mean radius."""
ALONE = -1
"""Stands for no other record."""


@dataclass(frozen=True)
class Facts:
    """Facts by row, as the rules name them, and the other record that a fact comes from (its key; ALONE without)."""

    overlapping_minutes: Array
    overlaps: Array
    minutes_on_day: Array
    early_minutes: Array
    distance: Array
    travel_speed: Array
    """Kilometres an hour, whole ones; UNKNOWN without an earlier place."""
    travelled_from: Array
    recorder_is_volunteer: Array
    identical_entries: Array
    ring: Rings
    on_duty: Array
    minutes: Array
    planned_minutes: Array

    def columns(self) -> dict[str, object]:
        """For the rules, with what is not known."""
        return {
            "overlapping_minutes": self.overlapping_minutes,
            "minutes_on_day": self.minutes_on_day,
            "early_minutes": self.early_minutes,
            "distance": (np.maximum(self.distance, 0), self.distance != UNKNOWN),
            "travel_speed": (np.maximum(self.travel_speed, 0), self.travel_speed != UNKNOWN),
            "recorder_is_volunteer": self.recorder_is_volunteer,
            "identical_entries": self.identical_entries,
            "ring_size": self.ring.size,
            "ring_confirmations": self.ring.confirmations,
            "on_duty": self.on_duty,
            "minutes": self.minutes,
            "planned_minutes": self.planned_minutes,
        }


def facts(rows: Attendances, *, slack_minutes: int, largest_ring: int) -> Facts:
    """All facts of all rows. `slack_minutes` is let pass on a way; larger circles than `largest_ring` are not looked for."""
    order = np.lexsort((rows.record, rows.since, rows.person))
    sorted_rows = rows.take(order)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    overlapping, overlaps = _overlap(sorted_rows)
    speed, travelled_from = _travel(sorted_rows, slack_minutes)
    return Facts(
        overlapping_minutes=overlapping[back],
        overlaps=overlaps[back],
        minutes_on_day=_on_day(sorted_rows)[back],
        early_minutes=np.clip((rows.starts - rows.signed_in) // 60, -100_000, 100_000),
        # Within what the activity allows one is at the place.
        distance=np.where((rows.distance >= 0) & (rows.distance <= rows.radius), 0, rows.distance),
        travel_speed=speed[back],
        travelled_from=travelled_from[back],
        recorder_is_volunteer=(rows.recorder == rows.person) | (rows.verifier == rows.person),
        identical_entries=_identical(rows),
        ring=rings(rows, largest_ring),
        on_duty=rows.on_duty > 0,
        minutes=rows.minutes,
        planned_minutes=rows.planned,
    )


def scope(rows: Attendances, people: Array, *, largest_ring: int) -> Array:
    """A mask of the rows on which the facts of these people's records depend.

    Their own; those of whoever entered one of theirs; and of the circle that confirms them, going back from each to who confirmed
    them, until more than `largest_ring` have joined, whom it then leaves out.
    """
    own = np.isin(rows.person, people)
    recorders = np.unique(rows.recorder[own])
    wanted = own | np.isin(rows.recorder, recorders[recorders != NOBODY])
    for person in people.tolist():
        wanted |= np.isin(rows.person, _circle(rows, person, largest_ring))
    return wanted


def _circle(rows: Attendances, person: int, largest: int) -> Array:
    known = np.array([person])
    while True:
        of_known = np.isin(rows.person, known)
        confirmers = np.concatenate([known, rows.recorder[of_known], rows.verifier[of_known]])
        grown = np.unique(confirmers[confirmers != NOBODY])
        if len(grown) == len(known) or len(grown) > largest:
            return grown
        known = grown


def _first_of(values: Array) -> Array:
    """Whether a row begins a new value."""
    first = np.ones(len(values), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    return first


def _overlap(rows: Attendances) -> tuple[Array, Array]:
    """Whole minutes that a record shares with those of the person that began before it; and which of them ended last."""
    count = len(rows)
    minutes, other = np.zeros(count, dtype=np.int64), np.full(count, ALONE, dtype=np.int64)
    if count < 2:
        return minutes, other
    since, until = rows.since, rows.until
    # One ascending scale for all people, so that the latest end so far never comes from the person before.
    base = since.min()
    width = int(until.max() - base) + 1
    rank = np.cumsum(_first_of(rows.person)) - 1
    latest = np.maximum.accumulate(until - base + rank * width)
    holder = np.maximum.accumulate(np.where(until - base + rank * width == latest, np.arange(count), 0))
    same = ~_first_of(rows.person)[1:]
    before = latest[:-1] - rank[1:] * width + base
    shared = np.where(same, np.maximum(np.minimum(before, until[1:]) - since[1:], 0), 0)
    minutes[1:] = shared // 60
    other[1:] = np.where(minutes[1:] > 0, rows.record[holder[:-1]], ALONE)
    return minutes, other


def _on_day(rows: Attendances) -> Array:
    """Minutes of the person on that day, up to and with the record: the one that passes the mark is found, and those after it."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    total = np.cumsum(rows.minutes)
    first = _first_of(rows.person) | _first_of(rows.day)
    start = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
    return np.asarray(total - (total[start] - rows.minutes[start]))


def _travel(rows: Attendances, slack_minutes: int) -> tuple[Array, Array]:
    """Speed from the place of the record before (with a known place), from its end to this sign-in."""
    speed, source = np.full(len(rows), UNKNOWN, dtype=np.int64), np.full(len(rows), ALONE, dtype=np.int64)
    placed = np.flatnonzero(np.isfinite(rows.longitude) & np.isfinite(rows.latitude))
    here, before = placed[1:], placed[:-1]
    same = rows.person[here] == rows.person[before]
    here, before = here[same], before[same]
    metres = _metres(rows.longitude[before], rows.latitude[before], rows.longitude[here], rows.latitude[here])
    seconds = np.maximum(rows.signed_in[here] - rows.until[before], 0) + max(slack_minutes, 1) * 60
    speed[here] = np.minimum(np.ceil(metres / seconds * 3.6), 1_000_000).astype(np.int64)
    source[here] = rows.record[before]
    return speed, source


def _metres(lng1: Array, lat1: Array, lng2: Array, lat2: Array) -> Array:
    """Great-circle distance (haversine)."""
    lng1, lat1, lng2, lat2 = (np.radians(degrees) for degrees in (lng1, lat1, lng2, lat2))
    chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lng2 - lng1) / 2) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.sqrt(chord)))


def _identical(rows: Attendances) -> Array:
    """Records of one recorder with the same minute of arrival and of leaving, this one among them; 0 without a recorder."""
    count = np.zeros(len(rows), dtype=np.int64)
    entered = np.flatnonzero(rows.recorder != NOBODY)
    if not len(entered):
        return count
    keys = (rows.signed_out[entered] // 60, rows.signed_in[entered] // 60, rows.recorder[entered])
    order = np.lexsort(keys)
    first = np.zeros(len(entered), dtype=bool)
    for key in keys:
        first |= _first_of(key[order])
    group = np.cumsum(first) - 1
    count[entered[order]] = np.bincount(group)[group]
    return count
