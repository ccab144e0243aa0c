"""Who signed up for what, who came, and the hours that follow.

Each activity takes its people from the rings of its team's active core and of the others, so that nobody stands twice in one
activity, and a few serve often while most serve now and then.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from qunli.kernel.clock import add_working_days
from qunli.service_hours.enums import Chased, EntryKind, Method, RecordState
from qunli.synthetic import rows
from qunli.synthetic.activities import VOID, Activities
from qunli.synthetic.plan import draws, ranks
from qunli.synthetic.population import PERSON_BASE, Population
from qunli.synthetic.rows import EPOCH_DAY, MINUTE, Array, day_number
from qunli.volunteering.enums import SignUpState

SIGN_UP_COLUMNS = ("id", "post_id", "activity_id", "person_id", "state", "during", "created_at", "changed_at")
RECORD_COLUMNS = (
    "id", "sign_up_id", "activity_id", "person_id", "signed_in_at", "signed_out_at", "in_method", "out_method", "in_distance",
    "out_distance", "minutes", "state", "state_since", "state_reason", "dispute_reason", "due_on", "chased", "recorded_by_id",
    "submitted_by_id", "submitted_at", "verified_by_id", "verified_at",
)  # fmt: skip
ENTRY_COLUMNS = ("id", "record_id", "person_id", "kind", "turn", "minutes", "reverses_id", "reason", "created_at", "created_by_id")
STATES = [SignUpState.ATTENDED, SignUpState.NO_SHOW, SignUpState.CONFIRMED, SignUpState.WAITING, SignUpState.CANCELLED]
RECORDS = [RecordState.CONFIRMED, RecordState.VERIFIED, RecordState.CORRECTED, RecordState.DISPUTED, RecordState.VOID,
           RecordState.SUBMITTED, RecordState.DRAFT]  # fmt: skip
DRAFT = RECORDS.index(RecordState.DRAFT)
TURNS = np.array([1, 1, 3, 1, 2, 0, 0])
"""Entries in the ledger by the record's state: none while pending, one when it stands, three when corrected, two when void."""
CORRECTED_FROM = 30
"""Minutes that a corrected record had too few."""
EAGER = 4
"""How unevenly the active core of a team serves; 1 is evenly."""
PENDING_DAYS = 7
"""Days back in which records may still wait for submission and verification."""


@dataclass(frozen=True)
class Attendance:
    """Sign-ups in the order of their keys: by activity, then by what became of them (STATES)."""

    edges: Array
    """First sign-up of each activity, and one past the last."""
    record_edges: Array
    """First record of each activity, and one past the last."""
    people: Array
    """Number of the volunteer, by sign-up."""
    came: Array
    """Seconds of the sign-in after the start (before it: negative), by record."""
    left: Array
    """Seconds of the sign-out after the end, by record."""
    minutes: Array
    """Minutes that count, by record."""
    records: Array
    """Position in RECORDS, by record."""
    entries: Array
    """Entries of the ledger before each record."""
    due: Array
    """Day number by which its records are due, by activity."""

    def earned(self) -> Array:
        """Whether a record has entered the ledger."""
        return np.asarray(self.records <= 4)

    def standing(self) -> Array:
        """Minutes of each record that stand in the ledger."""
        return np.where(self.records <= 3, self.minutes, 0)


def draw(seed: int, today: date, activities: Activities, population: Population) -> Attendance:
    rng = draws(seed, "attend")
    sizes = activities.sign_ups
    edges = np.concatenate([[0], np.cumsum(sizes)])
    members = (population.sizes[activities.teams] - 1).astype(np.int64)
    core = np.maximum(1, np.ceil(members * 0.15).astype(np.int64))
    others = members - core
    half = np.minimum(core, (sizes + 1) // 2)
    from_core = np.where(sizes - half > others, sizes - others, half)
    base = population.starts[activities.teams] + 1
    # The nearer to the head of the core, the more often: a few have hundreds of hours, as in every team.
    turn_core = (rng.random(len(sizes)) ** EAGER * core).astype(np.int64)
    turn_others = rng.integers(0, 2**31, len(sizes)) % np.maximum(1, others)
    people = np.empty(int(edges[-1]), dtype=np.int32)
    step = 50_000
    for low in range(0, len(sizes), step):
        some = slice(low, low + step)
        rank = ranks(sizes[some])

        def spread(values: Array, some: slice = some) -> Array:
            return np.repeat(values[some], sizes[some])

        c, of_core = spread(core), spread(from_core)
        within = (spread(turn_core) + rank) % c
        beyond = c + (spread(turn_others) + rank - of_core) % spread(np.maximum(1, others))
        slot = spread(base) + np.where(rank < of_core, within, beyond)
        people[edges[low] : edges[min(low + step, len(sizes))]] = population.numbers[slot]

    attended = activities.attended
    record_edges = np.concatenate([[0], np.cumsum(attended)])
    count = int(record_edges[-1])
    came = rng.integers(-1500, 300, count).astype(np.int16)
    late = rng.random(count, dtype=np.float32) < 0.06
    came[late] = rng.integers(300, 1800, int(late.sum()))
    left = rng.integers(0, 1200, count).astype(np.int16)
    early = rng.random(count, dtype=np.float32) < 0.05
    left[early] = -rng.integers(60, 1500, int(early.sum()))
    planned = np.repeat(activities.minutes, attended).astype(np.int32)
    minutes = ((planned * 60 + np.minimum(left, 0) - np.maximum(came, 0)) // 60).astype(np.int16)
    states = _states(rng, today, activities, count)
    turns = TURNS.astype(np.int32)[states]
    return Attendance(
        edges, record_edges, people, came, left, minutes, states, np.cumsum(turns, dtype=np.int32) - turns, _due(activities.days)
    )


def _states(rng: np.random.Generator, today: date, activities: Activities, count: int) -> Array:
    draw = rng.random(count, dtype=np.float32)
    state = np.where(draw < 0.75, 0, np.where(draw < 0.997, 1, 2)).astype(np.int8)
    age = np.repeat((day_number(today) - activities.days).astype(np.int16), activities.attended)
    state[(age <= 60) & (draw > 0.995)] = 3
    pending = age <= PENDING_DAYS
    # The younger, the more is still to be done.
    share = age[pending] / (PENDING_DAYS + 1)
    fresh = rng.random(int(pending.sum()))
    waiting = np.where(fresh < 0.55 * (1 - share), 6, np.where(fresh < 1 - share, 5, 1))
    state[pending] = waiting
    first = np.cumsum(activities.attended) - activities.attended
    state[first[activities.attended > 0]] = 1
    void = round((count / (1 + VOID)) * VOID)
    may = np.ones(count, dtype=bool)
    may[first[activities.attended > 0]] = False
    may[pending] = False
    state[rng.choice(np.flatnonzero(may), size=void, replace=False)] = 4
    return state


def first_served(today: date, activities: Activities, attendance: Attendance, count: int) -> Array:
    """Day number of the first activity that each volunteer signed up for; a day after `today` for those who never did."""
    first = np.full(count, day_number(today) + 400, dtype=np.int32)
    day = np.repeat(activities.days, activities.sign_ups)
    first[attendance.people[::-1]] = np.minimum(day[::-1], day_number(today))
    return first


def encode_sign_ups(seed: int, part: int, low: int, high: int, activities: Activities, attendance: Attendance) -> bytes:
    """The sign-ups of activities low to high."""
    rng = draws(seed, "s_rows", part)
    sizes = activities.sign_ups[low:high]
    activity = np.repeat(np.arange(low, high), sizes)
    rank = ranks(sizes)
    count = len(activity)
    kinds = (activities.attended, activities.missed, activities.confirmed, activities.waiting, activities.cancelled)
    state = np.repeat(
        np.tile(np.arange(5, dtype=np.int8), high - low), np.stack([kind[low:high] for kind in kinds], axis=1).ravel()
    )
    _, taken, _, more = activities.posts()
    second = (rank >= taken[activity]) & (rank < activities.taken[activity]) & (more[activity] > 0)
    starts, ends = activities.starts[activity], activities.ends[activity]
    created = starts - rng.integers(60, 10 * 1440, count) * MINUTE
    until = np.select([state == 0, state == 1, state == 4], [starts, ends + 120 * MINUTE, created + 30 * MINUTE], created)
    first = int(attendance.edges[low])
    return rows.encode(
        [
            rows.numbers(np.arange(first + 1, first + count + 1), "i8"),
            rows.numbers(activities.first_posts()[activity] + second, "i8"),
            rows.numbers(activity + 1, "i8"),
            rows.numbers(attendance.people[first : first + count].astype(np.int64) + 1 + PERSON_BASE, "i8"),
            rows.words(state, [str(s) for s in STATES]),
            rows.span(starts, ends),
            rows.numbers(created, "i8"),
            rows.numbers(until, "i8"),
        ],
        count,
    )


@dataclass(frozen=True)
class _Part:
    """The records of activities low to high, spread over them."""

    first: int
    count: int
    activity: Array
    person: Array
    leader: Array
    signed_in: Array
    signed_out: Array
    submitted_at: Array
    verified_at: Array


def _part(low: int, high: int, activities: Activities, attendance: Attendance, population: Population) -> _Part:
    sizes = activities.attended[low:high]
    activity = np.repeat(np.arange(low, high), sizes)
    first = int(attendance.record_edges[low])
    count = len(activity)
    mine = slice(first, first + count)
    sign_up = attendance.edges[activity] + ranks(sizes)
    ends = activities.ends[activity]
    hour = (attendance.came[mine].astype(np.int64) + 1500) % 48
    return _Part(
        first=first,
        count=count,
        activity=activity,
        person=attendance.people[sign_up].astype(np.int64) + 1 + PERSON_BASE,
        leader=population.leaders()[activities.teams[activity]],
        signed_in=activities.starts[activity] + attendance.came[mine].astype(np.int64) * 1_000_000,
        signed_out=ends + attendance.left[mine].astype(np.int64) * 1_000_000,
        submitted_at=ends + 30 * MINUTE,
        verified_at=ends + (hour * 60 + 21 * 60) // 8 * MINUTE,
    )


def encode_records(
    seed: int, part: int, low: int, high: int, activities: Activities, attendance: Attendance, population: Population
) -> bytes:
    rng = draws(seed, "r_rows", part)
    these = _part(low, high, activities, attendance, population)
    count, first = these.count, these.first
    mine = slice(first, first + count)
    state = attendance.records[mine]
    methods = [str(m) for m in (Method.CODE, Method.PLACE, Method.LEADER)]
    draw = rng.random(count, dtype=np.float32)
    method = np.where(draw < 0.7, 0, np.where(draw < 0.9, 1, 2)).astype(np.int8)
    reasons = ["", "", "签到签退时间有误，经核对更正。", "", "经核实未参加服务。", "", ""]
    disputes = ["", "", "少记了时间。", "实际服务时间与记录不符。", "", "", ""]
    verified = attendance.earned()[mine]
    later = np.array([180, 0, 2 * 1440, 180, 1440, 0, 0])[state] * MINUTE
    since = np.where(verified, these.verified_at, np.where(state == DRAFT, these.signed_out, these.submitted_at)) + later
    sign_up = attendance.edges[these.activity] + ranks(activities.attended[low:high])
    distance = rng.integers(3, 380, (2, count))
    return rows.encode(
        [
            rows.numbers(np.arange(first + 1, first + count + 1), "i8"),
            rows.numbers(sign_up + 1, "i8"),
            rows.numbers(these.activity + 1, "i8"),
            rows.numbers(these.person, "i8"),
            rows.numbers(these.signed_in, "i8"),
            rows.numbers(these.signed_out, "i8"),
            rows.words(method, methods),
            rows.words(method, methods),
            rows.numbers(distance[0], "i4", method != 1),
            rows.numbers(distance[1], "i4", method != 1),
            rows.numbers(attendance.minutes[mine], "i4"),
            rows.words(state, [str(s) for s in RECORDS]),
            rows.numbers(since, "i8"),
            rows.words(state, reasons),
            rows.words(state, disputes),
            rows.numbers(attendance.due[these.activity], "i4"),
            rows.integer(Chased.NOBODY, 2),
            rows.numbers(these.leader, "i8", method != 2),
            rows.numbers(these.leader, "i8", state == DRAFT),
            rows.numbers(these.submitted_at, "i8", state == DRAFT),
            rows.numbers(these.leader, "i8", ~verified),
            rows.numbers(these.verified_at, "i8", ~verified),
        ],
        count,
    )


def _due(days: Array) -> Array:
    """The tenth working day after each day."""
    first, last = int(days.min()), int(days.max())
    table = [day_number(add_working_days(EPOCH_DAY + timedelta(days=day), 10).date) for day in range(first, last + 1)]
    due: Array = np.array(table, dtype=np.int32)[days - first]
    return due


def encode_entries(low: int, high: int, activities: Activities, attendance: Attendance, population: Population) -> bytes:
    """The ledger of activities low to high: earned, and what followed where a record was corrected or struck out."""
    these = _part(low, high, activities, attendance, population)
    mine = slice(these.first, these.first + these.count)
    state = attendance.records[mine].astype(np.int64)
    turns = TURNS[state]
    before = int(attendance.entries[these.first]) if these.count else 0
    record = np.repeat(np.arange(these.count), turns)
    turn = ranks(turns)
    count = len(record)
    key = np.arange(before + 1, before + count + 1)
    minutes = attendance.minutes[mine].astype(np.int64)
    earlier = np.where(state == 2, np.maximum(minutes - CORRECTED_FROM, 0), minutes)
    amount = np.select([turn == 0, turn == 1], [earlier[record], -earlier[record]], minutes[record])
    reason = np.where(turn == 0, 0, np.where(state[record] == 2, 1, 2))
    return rows.encode(
        [
            rows.numbers(key, "i8"),
            rows.numbers(record + these.first + 1, "i8"),
            rows.numbers(these.person[record], "i8"),
            rows.words(turn % 2, [str(EntryKind.EARNED), str(EntryKind.REVERSAL)]),
            rows.numbers(turn, "i2"),
            rows.numbers(amount, "i4"),
            rows.numbers(key - 1, "i8", turn % 2 == 0),
            rows.words(reason, ["", "签到签退时间有误，经核对更正。", "经核实未参加服务。"]),
            rows.numbers(these.verified_at[record] + turn * 1440 * MINUTE, "i8"),
            rows.numbers(these.leader[record], "i8"),
        ],
        count,
    )
