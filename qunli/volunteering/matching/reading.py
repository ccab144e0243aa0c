"""From the database to columns: who may be matched, what is open, what is promised, who is tied to what.

What somebody declined of late, and why, is folded into the columns of that person here: too far lowers the reach, no
time takes away free times, not interested takes away a category, too often lowers the limit to one a week.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from qunli.divisions.enums import Level
from qunli.divisions.selectors import Tree, tree
from qunli.kernel.clock import local_date
from qunli.rules import services as rules
from qunli.volunteering.enums import Category, Skill
from qunli.volunteering.matching import columns
from qunli.volunteering.matching.columns import AGREED, GUARDED, MAY_ASK, Array, Busy, Openings, People, Plane, Ties
from qunli.volunteering.matching.scoring import Weights, names
from qunli.volunteering.matching.signals import City
from qunli.volunteering.requests.selectors import CATEGORIES, KIND

ALL_TIMES = (1 << 21) - 1
OWN_TEAM, FRIEND = 500, 400
"""What an activity of one's own team, and each friend who goes there, count (of 1000)."""
MOST_MEMBERS = 20_000
"""Members of a team who are looked at because they are members; the rest by what else speaks for them."""
BATCH = 20_000
"""People read at a time."""
AHEAD = 480
"""Minutes that Asia/Shanghai is ahead of UTC."""


@dataclass(frozen=True)
class Terms:
    """The city's decisions of a day."""

    city: City
    weights: Weights
    answer: timedelta
    remember: timedelta


def terms(now: datetime) -> Terms:
    """What the rule sets `matching` and `invitations` say on the day."""
    day = local_date(now)
    known = rules.parameters("matching", on=day)
    city = {f.name: int(known[f.name]) for f in fields(City) if f.name in known}
    cap = min(int(rules.parameters("invitations", on=day)["cap_a_week"]), 7)
    return Terms(
        City(today=day.toordinal(), cap=cap, **city),
        Weights(**{name: int(known[name]) for name in names()}),
        timedelta(hours=int(known["answer_hours"])),
        timedelta(days=int(known["remember_days"])),
    )


def plane() -> Plane:
    """The plane of the city: its middle is that of its communities."""
    return _plane(tree())


@lru_cache(maxsize=2)
def _plane(divisions: Tree) -> Plane:
    known = [(n.longitude, n.latitude) for n in divisions.nodes if n.longitude is not None and n.latitude is not None]
    if not known:
        return Plane(0, 0)
    return Plane(*np.mean(np.array(known), axis=0).tolist())


def _places(divisions: Sequence[int], on: Plane) -> tuple[Array, Array]:
    """Where the divisions lie; one without a place lies where the one above it does."""
    nodes = tree().by_id
    found: dict[int, tuple[float, float]] = {}
    for key in set(divisions):
        node = nodes.get(key)
        while node is not None and node.longitude is None:
            node = nodes.get(node.parent_id or 0)
        found[key] = (on.longitude, on.latitude) if node is None else (node.longitude or 0.0, node.latitude or 0.0)
    points = np.array([found[key] for key in divisions], dtype=np.float64).reshape(-1, 2)
    return on.metres(points[:, 0], points[:, 1])


_PEOPLE = """
WITH chosen AS (
    SELECT v.id, v.person_id, v.division_id, v.skills, v.categories, v.free_times
    FROM volunteering_volunteer v
    {join}
    WHERE v.state = 'active' {where}
),
asked AS (
    SELECT i.person_id, max(i.created_at) AS last, count(*) FILTER (WHERE i.created_at > %(now)s - interval '7 days') AS week,
        COALESCE(bit_or(i.slots) FILTER (WHERE i.reason = 'no_time'), 0) AS slots,
        COALESCE(bit_or(1 << (array_position(%(categories)s::text[], a.category::text) - 1))
            FILTER (WHERE i.reason = 'not_interested'), 0) AS categories,
        min(i.metres) FILTER (WHERE i.reason = 'too_far') AS metres,
        bool_or(i.reason = 'too_often') AS often
    FROM volunteering_invitation i JOIN volunteering_activity a ON a.id = i.activity_id
    WHERE i.state <> 'withdrawn' AND i.created_at > %(since)s AND i.person_id IN (SELECT person_id FROM chosen)
    GROUP BY 1
),
served AS (
    SELECT s.person_id, count(*) AS times
    FROM volunteering_activity a JOIN volunteering_signup s ON s.activity_id = a.id
    WHERE a.state IN ('closed', 'published') AND a.starts_at BETWEEN %(now)s - interval '30 days' AND %(now)s
        AND s.state = 'attended' AND s.person_id IN (SELECT person_id FROM chosen)
    GROUP BY 1
)
SELECT c.person_id, c.division_id, COALESCE(h.birth_date - DATE '0001-01-01' + 1, 0),
    COALESCE((SELECT sum(1 << (array_position(%(skills)s::text[], b::text) - 1)) FROM unnest(c.skills) b), 0),
    COALESCE((SELECT sum(1 << (array_position(%(categories)s::text[], b::text) - 1)) FROM unnest(c.categories) b), 0),
    COALESCE(asked.categories, 0), c.free_times, COALESCE(asked.slots, 0),
    LEAST(COALESCE(m.reach, 10) * 10, COALESCE(asked.metres * 9 / 1000, 1000)), COALESCE(served.times, 0),
    COALESCE((asked.last AT TIME ZONE 'Asia/Shanghai')::date - DATE '0001-01-01' + 1, 0), COALESCE(asked.week, 0),
    CASE WHEN asked.often THEN 1 ELSE COALESCE(m.weekly_limit, 7) END,
    m.paused_until IS NULL OR m.paused_until <= %(day)s,
    EXISTS (SELECT FROM people_consent k WHERE k.person_id = c.person_id AND k.purpose = 'matching' AND k.withdrawn_at IS NULL),
    EXISTS (SELECT FROM people_consent k WHERE k.person_id = c.person_id AND k.purpose = 'minor' AND k.withdrawn_at IS NULL)
        OR (h.self_supporting_on IS NOT NULL AND h.birth_date <= %(day)s - interval '16 years'),
    h.name
FROM chosen c
JOIN people_person h ON h.id = c.person_id
LEFT JOIN volunteering_matchpreference m ON m.volunteer_id = c.id
LEFT JOIN asked ON asked.person_id = c.person_id
LEFT JOIN served ON served.person_id = c.person_id
"""
_AGREED = "JOIN people_consent k ON k.person_id = v.person_id AND k.purpose = 'matching' AND k.withdrawn_at IS NULL"


def people(now: datetime, on: Plane, *, remember: timedelta, path: str = "") -> People:
    """Those who agreed to be matched, in the whole city or in a division and all below it."""
    join, where = _AGREED, ""
    if path:
        join, where = f"{_AGREED} JOIN divisions_division d ON d.id = v.division_id", "AND d.path LIKE %(path)s"
    # A city's rows would take gigabytes as Python's objects: they come in batches, and become columns at once.
    with connection.chunked_cursor() as cursor:
        cursor.execute(_PEOPLE.format(join=join, where=where), _values(now, remember) | {"path": f"{path}%"})
        parts = [_people(rows, on) for rows in iter(partial(cursor.fetchmany, BATCH), [])]
    return People.joined(parts) if parts else _people([], on)


class Known(NamedTuple):
    """Some persons, whether they agreed or not, with what the columns do not hold."""

    people: People
    names: dict[int, str]
    divisions: dict[int, int]


def known(now: datetime, on: Plane, *, remember: timedelta, persons: Sequence[int]) -> Known:
    """The active volunteers among some persons, as they are in this moment."""
    with connection.cursor() as cursor:
        statement = _PEOPLE.format(join="", where="AND v.person_id = ANY(%(persons)s)")
        cursor.execute(statement, _values(now, remember) | {"persons": persons})
        rows = cursor.fetchall()
    return Known(_people(rows, on), {row[0]: row[16] for row in rows}, {row[0]: row[1] for row in rows})


def _values(now: datetime, remember: timedelta) -> dict[str, Any]:
    return {"now": now, "day": local_date(now), "since": now - remember, "skills": Skill.values, "categories": Category.values}


def _people(rows: Sequence[tuple[Any, ...]], on: Plane) -> People:
    """Columns of what `_PEOPLE` gave."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * 17
    x, y = _places(cells[1], on)
    free, declined = np.array(cells[6], dtype=np.int64), np.array(cells[7], dtype=np.int64)
    unpaused, agreed, guarded = (np.array(cells[n], dtype=bool) for n in (13, 14, 15))
    flags = np.where(unpaused & agreed, MAY_ASK, 0) | np.where(agreed, AGREED, 0) | np.where(guarded, GUARDED, 0)
    return columns.people(
        person=cells[0],
        x=x,
        y=y,
        born=cells[2],
        skills=np.array(cells[3], dtype=np.int64),
        licences=np.zeros(len(rows)),
        categories=np.array(cells[4], dtype=np.int64),
        avoided=cells[5],
        free=np.where(declined != 0, np.where(free == 0, ALL_TIMES, free) & ~declined, free),
        reach=np.array(cells[8], dtype=np.int64),
        served=np.minimum(np.array(cells[9], dtype=np.int64), 255),
        asked=cells[10],
        week=np.minimum(np.array(cells[11], dtype=np.int64), 255),
        limit=cells[12],
        flags=flags,
        community=_communities(cells[1]),
    )


def _communities(divisions: Sequence[int]) -> list[int]:
    """The keys of divisions of the lowest level, 0 for larger ones: in those nobody is near everything."""
    nodes = tree().by_id
    low = {key: key if key in nodes and nodes[key].level == Level.COMMUNITY else 0 for key in set(divisions)}
    return [low[key] for key in divisions]


_OPENINGS = """
WITH waiting AS MATERIALIZED (
    SELECT c.division_id, COALESCE(m.category, 'community') AS category, r.activity_id, count(*) AS requests
    FROM cases_case c JOIN volunteering_residentrequest r ON r.case_id = c.id
    LEFT JOIN unnest(%(matters)s::text[], %(of_matters)s::text[]) AS m (matter, category) ON m.matter = c.matter
    WHERE c.kind = %(kind)s AND c.state IN ('received', 'dispatched', 'returned', 'reopened', 'signed_for', 'handling')
        {near}
    GROUP BY 1, 2, 3
)
SELECT p.id, a.id, a.division_id, a.longitude, a.latitude, a.starts_at, a.ends_at,
    b.day - DATE '0001-01-01' + 1,
    CASE WHEN a.max_age IS NULL THEN 0 ELSE (b.day - make_interval(years => a.max_age + 1))::date - DATE '0001-01-01' + 2 END,
    (b.day - make_interval(years => a.min_age))::date - DATE '0001-01-01' + 1,
    (b.day - interval '18 years')::date - DATE '0001-01-01' + 1,
    COALESCE((SELECT sum(1 << (array_position(%(skills)s::text[], s::text) - 1)) FROM unnest(p.skills) s), 0),
    1 << (array_position(%(categories)s::text[], a.category::text) - 1),
    p.places - p.taken,
    LEAST(1000, CASE WHEN a.places > 0 THEN (a.places - a.taken) * 1000 / a.places ELSE 0 END
        + %(raise)s * (COALESCE(w.requests, 0) + COALESCE(own.requests, 0))),
    a.team_id
FROM volunteering_activity a
CROSS JOIN LATERAL (SELECT (a.starts_at AT TIME ZONE 'Asia/Shanghai')::date AS day) b
JOIN volunteering_post p ON p.activity_id = a.id
LEFT JOIN waiting w ON w.division_id = a.division_id AND w.category = a.category AND w.activity_id IS NULL
LEFT JOIN waiting own ON own.division_id = a.division_id AND own.category = a.category AND own.activity_id = a.id
{join}
WHERE a.state = 'published' AND a.starts_at > %(now)s {where}
ORDER BY a.starts_at, p.id
"""


@dataclass(frozen=True)
class Open:
    """Openings, with what the columns do not hold."""

    columns: Openings
    teams: Array

    def __len__(self) -> int:
        return len(self.teams)


def openings(
    now: datetime,
    on: Plane,
    *,
    activity: int | None = None,
    path: str = "",
    first: datetime | None = None,
    until: datetime | None = None,
) -> Open:
    """Posts of published activities that have not begun; full ones only for a single `activity`.

    A community's need of one is the share of its places that are free, raised by each request of a resident there for help of its
    kind that waits, or that became this activity.
    """
    join, near, where = "", "", "AND p.taken < p.places"
    if activity is not None:
        near = "AND c.division_id = (SELECT division_id FROM volunteering_activity WHERE id = %(activity)s)"
        where = "AND a.id = %(activity)s"
    if path:
        join, where = "JOIN divisions_division d ON d.id = a.division_id", where + " AND d.path LIKE %(path)s"
    if first is not None:
        where += " AND a.starts_at >= %(first)s AND a.starts_at < %(until)s"
    values = {
        "now": now,
        "activity": activity,
        "path": f"{path}%",
        "first": first,
        "until": until,
        "skills": Skill.values,
        "categories": Category.values,
        "kind": KIND,
        "matters": list(CATEGORIES),
        "of_matters": [str(category) for category in CATEGORIES.values()],
        "raise": int(rules.parameters("matching", on=local_date(now))["request_points"]),
    }
    with connection.cursor() as cursor:
        cursor.execute(_OPENINGS.format(join=join, near=near, where=where), values)
        rows = cursor.fetchall()
    cells = list(zip(*rows, strict=True)) if rows else [()] * 16
    x, y = _points(cells[2], cells[3], cells[4], on)
    begins, ends = minutes(cells[5]), minutes(cells[6])
    found = columns.openings(
        post=cells[0],
        activity=cells[1],
        x=x,
        y=y,
        begins=begins,
        ends=ends,
        day=cells[7],
        slots=slots(begins, ends),
        born_from=cells[8],
        born_to=cells[9],
        grown=cells[10],
        skills=np.array(cells[11], dtype=np.int64),
        licences=np.zeros(len(rows)),
        category=cells[12],
        places=cells[13],
        need=np.array(cells[14], dtype=np.int64),
        community=cells[2],
    )
    return Open(found, np.array(cells[15], dtype=np.int64))


def _points(divisions: Any, longitudes: Any, latitudes: Any, on: Plane) -> tuple[Array, Array]:
    """Where activities are: their own place, else that of their division."""
    x, y = _places(divisions, on)
    own = np.array([value is not None for value in longitudes], dtype=bool)
    own_x, own_y = on.metres(*(np.array([v or 0.0 for v in values], dtype=np.float64) for values in (longitudes, latitudes)))
    return np.where(own, own_x, x).astype(np.float32), np.where(own, own_y, y).astype(np.float32)


def waiting(posts: Open, now: datetime) -> Array:
    """How many places of each opening people are asked for who have not answered yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT post_id, count(*) FROM volunteering_invitation"
            " WHERE post_id = ANY(%s) AND state = 'sent' AND expires_at > %s GROUP BY 1",
            [posts.columns.post.tolist(), now],
        )
        known = dict(cursor.fetchall())
    return np.array([known.get(key, 0) for key in posts.columns.post.tolist()], dtype=np.int32)


def minutes(moments: Sequence[datetime]) -> Array:
    """Minutes since the epoch."""
    return np.array([int(moment.timestamp()) // 60 for moment in moments], dtype=np.int64)


def slots(begins: Array, ends: Array) -> Array:
    """The bits of the mornings (to 12), afternoons (to 18) and evenings that activities take, by Asia/Shanghai."""

    def part(moments: Array) -> Array:
        local = moments + AHEAD
        day, minute = local // 1440, local % 1440
        # 1970-01-01 was a Thursday. Before six in the morning counts with the evening before.
        of_day = np.where(minute < 360, -1, np.where(minute < 720, 0, np.where(minute < 1080, 1, 2)))
        return np.asarray((day + 3) * 3 + of_day)

    first, last = part(begins), part(np.maximum(ends - 1, begins))
    taken = np.zeros(len(first), dtype=np.int64)
    for step in range(min(int((last - first).max(initial=0)) + 1, 21)):
        at = first + step
        taken |= np.where(at <= last, np.left_shift(np.int64(1), at % 21), 0)
    return taken


_BUSY = """
SELECT s.person_id, a.starts_at, a.ends_at, a.division_id, a.longitude, a.latitude
FROM volunteering_activity a JOIN LATERAL (
    SELECT s.person_id FROM volunteering_signup s
    WHERE s.activity_id = a.id AND (s.state = 'confirmed' OR s.state = 'waiting' AND a.id = %(activity)s)
    UNION SELECT i.person_id FROM volunteering_invitation i
    WHERE i.activity_id = a.id AND (i.state = 'sent' AND i.expires_at > %(now)s OR i.state <> 'withdrawn' AND a.id = %(activity)s)
) s ON true
WHERE a.state = 'published' AND a.starts_at > %(first)s AND a.starts_at < %(until)s
"""
BEFORE = timedelta(days=3)
"""What begins so much earlier than a time may reach into it."""


def busy(first: datetime, until: datetime, on: Plane, *, now: datetime, find: Any, activity: int = 0) -> Busy:
    """What people have promised around a time, and been asked for and not answered.

    `find` gives the rows of persons (-1: not there). `activity`: one for which also those count who wait, or were ever asked.
    """
    values: dict[str, Any] = {"first": first - BEFORE, "until": until + timedelta(days=1), "now": now, "activity": activity}
    with connection.cursor() as cursor:
        cursor.execute(_BUSY, values)
        found = cursor.fetchall()
    if not found:
        return columns.NOT_BUSY
    return _promises(find(np.array([row[0] for row in found], dtype=np.int64)), [row[1:] for row in found], on)


def _promises(at: Array, found: Sequence[tuple[Any, ...]], on: Plane) -> Busy:
    """Of the rows `at`: begin, end, division, longitude and latitude of each promise."""
    cells = list(zip(*found, strict=True))
    x, y = _points(cells[2], cells[3], cells[4], on)
    known = at >= 0
    return Busy.of(at[known], minutes(cells[0])[known], minutes(cells[1])[known], x[known], y[known])


class Promised(NamedTuple):
    """What one person has promised: row 0."""

    busy: Busy
    known: frozenset[int]
    """Activities that the person is signed up for, or has declined."""


_PROMISED = """
SELECT x.state = 'confirmed', a.id, a.starts_at, a.ends_at, a.division_id, a.longitude, a.latitude
FROM (
    SELECT s.state, s.activity_id FROM volunteering_signup s
    WHERE s.person_id = %(person)s AND s.state IN ('confirmed', 'waiting') AND upper(s.during) > %(now)s
    UNION ALL SELECT i.state, i.activity_id FROM volunteering_invitation i WHERE i.person_id = %(person)s AND i.state = 'declined'
) x JOIN volunteering_activity a ON a.id = x.activity_id
WHERE a.state = 'published' AND a.ends_at > %(now)s
"""


def promised(person: int, on: Plane, *, now: datetime, without: int = 0) -> Promised:
    """What one person has promised from now on. `without`: an activity that does not stand against itself."""
    with connection.cursor() as cursor:
        cursor.execute(_PROMISED, {"person": person, "now": now})
        found = cursor.fetchall()
    held = [row[2:] for row in found if row[0] and row[1] != without]
    busy = _promises(np.zeros(len(held), dtype=np.int64), held, on) if held else columns.NOT_BUSY
    return Promised(busy, frozenset(row[1] for row in found))


_TIES_OF_ONE = """
WITH mine AS (
    SELECT activity_id FROM volunteering_signup WHERE person_id = %(person)s AND state = 'attended' ORDER BY id DESC LIMIT 50
),
friends AS (
    SELECT s.person_id FROM mine JOIN volunteering_signup s USING (activity_id)
    WHERE s.state = 'attended' AND s.person_id <> %(person)s GROUP BY 1 HAVING count(*) >= 2 ORDER BY count(*) DESC, 1 LIMIT 200
)
SELECT 'activity', s.activity_id, count(*) FROM friends JOIN volunteering_signup s USING (person_id)
WHERE s.state = 'confirmed' AND s.during && tstzrange(%(now)s, NULL) GROUP BY 2
UNION ALL
SELECT 'team', m.team_id, 1 FROM volunteering_membership m JOIN volunteering_volunteer v ON v.id = m.volunteer_id
WHERE v.person_id = %(person)s AND m.state = 'active'
"""


def ties_of_person(person: int, posts: Open, now: datetime) -> Ties:
    """What ties one person (row 0) to openings."""
    with connection.cursor() as cursor:
        cursor.execute(_TIES_OF_ONE, {"person": person, "now": now})
        found = cursor.fetchall()
    teams = [key for kind, key, _n in found if kind == "team"]
    friends = {key: n for kind, key, n in found if kind == "activity"}
    own = np.flatnonzero(np.isin(posts.teams, teams))
    going = np.flatnonzero(np.isin(posts.columns.activity, list(friends)))
    counts = [friends[key] * FRIEND for key in posts.columns.activity[going].tolist()]
    opening = np.concatenate([own, going])
    return Ties.of(np.zeros(len(opening)), opening, [OWN_TEAM] * len(own) + counts)


_TIES = """
WITH going AS (
    SELECT s.activity_id, s.person_id FROM volunteering_signup s WHERE s.activity_id = ANY(%(activities)s) AND s.state = 'confirmed'
),
past AS (
    SELECT g.activity_id, g.person_id, x.activity_id AS earlier FROM going g CROSS JOIN LATERAL (
        SELECT s.activity_id FROM volunteering_signup s
        WHERE s.person_id = g.person_id AND s.state = 'attended' ORDER BY s.id DESC LIMIT 20
    ) x
),
pairs AS (
    SELECT p.activity_id, p.person_id, s.person_id AS friend FROM past p JOIN volunteering_signup s ON s.activity_id = p.earlier
    WHERE s.state = 'attended' AND s.person_id <> p.person_id
    GROUP BY 1, 2, 3 HAVING count(*) >= 2
)
SELECT 1, friend, activity_id, count(*) FROM pairs GROUP BY 2, 3
UNION ALL
SELECT 0, v.person_id, m.team_id, 1 FROM unnest(%(teams)s::bigint[]) t
CROSS JOIN LATERAL (
    SELECT * FROM volunteering_membership m WHERE m.team_id = t AND m.state = 'active' ORDER BY m.id LIMIT %(most)s
) m
JOIN volunteering_volunteer v ON v.id = m.volunteer_id
"""


def ties(posts: Open, find: Any) -> Ties:
    """What ties people to openings: members of the teams, and friends of those who go. `find` gives the rows of persons."""
    if not len(posts):
        return columns.NO_TIES
    values = {
        "teams": np.unique(posts.teams).tolist(),
        "most": MOST_MEMBERS,
        "activities": np.unique(posts.columns.activity).tolist(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TIES, values)
        found = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 4)
    members, friends = found[found[:, 0] == 0, 1:], found[found[:, 0] == 1, 1:]
    row, opening, value = [], [], []
    for persons, keys, of, points in (
        (members[:, 0], members[:, 1], posts.teams, np.full(len(members), OWN_TEAM)),
        (friends[:, 0], friends[:, 1], posts.columns.activity, friends[:, 2] * FRIEND),
    ):
        at = find(persons)
        known = at >= 0
        at, keys, points = at[known], keys[known], points[known]
        order = np.argsort(of, kind="stable")
        low, high = np.searchsorted(of[order], keys, "left"), np.searchsorted(of[order], keys, "right")
        times = high - low
        row.append(np.repeat(at, times))
        value.append(np.repeat(points, times))
        ends = np.cumsum(times)
        opening.append(order[np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(low - (ends - times), times)])
    return Ties.of(np.concatenate(row), np.concatenate(opening), np.concatenate(value))
