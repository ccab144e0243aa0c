"""The nightly look at what the database cannot hold by itself, and once more at what it holds."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from qunli.access import selectors as access
from qunli.cases.guards import closed_too_soon
from qunli.cases.perms import Permission

SHOWN = 50
"""Lines of a report at most."""


@dataclass
class Checked:
    """What was found: the number of open cases, of wrong places, and the first lines."""

    open: int = 0
    wrong: int = 0
    errors: list[str] = field(default_factory=list)


ENDED = "('archived', 'not_accepted', 'merged', 'withdrawn')"
RULES = {
    "open without owner or deadline": f"state NOT IN {ENDED} AND (owner_division_id IS NULL OR due_on IS NULL)",
    "answered without a reply": """
        state IN ('replied', 'visited_back', 'rated', 'archived')
        AND NOT EXISTS (SELECT FROM cases_reply r WHERE r.id = reply_id AND r.length >= 2 AND r.channel <> '')
    """,
    "closed without rating or three failed contacts": "state = 'archived' AND rated_at IS NULL AND failed_contacts < 3",
    "closed after failed contacts that lie too close together": f"""
        state = 'archived' AND rated_at IS NULL AND EXISTS ({closed_too_soon("c")})
    """,
    "owned by a unit that nobody leads": f"""
        state NOT IN {ENDED} AND owner_unit <> '' AND NOT EXISTS (
            SELECT FROM access_posting p WHERE p.unit = owner_unit AND p.role = ANY (%(roles)s)
            AND p.valid_from <= %(today)s AND (p.valid_to IS NULL OR p.valid_to > %(today)s)
        )
    """,
    "state differs from its last step": """
        (SELECT e.state FROM cases_caseevent e WHERE e.case_id = c.id ORDER BY e.id DESC LIMIT 1) IS DISTINCT FROM c.state
    """,
    "in a division that is no more": f"""
        state NOT IN {ENDED} AND EXISTS (
            SELECT FROM divisions_division d WHERE d.id = owner_division_id AND d.valid_to <= %(today)s
        )
    """,
}
"""What must not be, as conditions over `cases_case c`."""
TALLIES = """
    SELECT d.code, t.kind, t.month FROM (
        SELECT kind, division_id, date_trunc('month', received_at AT TIME ZONE 'Asia/Shanghai')::date AS month,
            count(*) AS received, count(*) FILTER (WHERE lead_id IS NOT NULL) AS repeats,
            count(*) FILTER (WHERE dispatched_at IS NOT NULL AND lead_id IS NULL) AS dispatched,
            count(*) FILTER (WHERE dispatched_at IS NOT NULL AND lead_id IS NULL AND contacted_at <= contact_until) AS responded,
            count(*) FILTER (WHERE rated_at IS NOT NULL AND lead_id IS NULL) AS surveyed,
            count(*) FILTER (WHERE solved AND lead_id IS NULL) AS solved,
            count(*) FILTER (WHERE satisfied AND lead_id IS NULL) AS satisfied
        FROM cases_case GROUP BY 1, 2, 3
    ) c FULL JOIN cases_tally t USING (kind, division_id, month) JOIN divisions_division d ON d.id = division_id
    WHERE (c.received, c.repeats, c.dispatched, c.responded, c.surveyed, c.solved, c.satisfied)
        IS DISTINCT FROM (t.received, t.repeats, t.dispatched, t.responded, t.surveyed, t.solved, t.satisfied)
        AND (c.received IS NOT NULL OR t.received <> 0)
    LIMIT %(shown)s
"""


def check_cases(today: date) -> Checked:
    """Look at all cases, one statement a rule. Reads only."""
    found = Checked()
    roles = [role.key for role in access.roles_with(Permission.HANDLE)]
    facts: dict[str, Any] = {"roles": roles, "today": today, "shown": SHOWN}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM cases_case WHERE state NOT IN {ENDED}")  # noqa: S608
        found.open = cursor.fetchone()[0]
        for rule, condition in RULES.items():
            cursor.execute(f"SELECT number, count(*) OVER () FROM cases_case c WHERE {condition} LIMIT %(shown)s", facts)  # noqa: S608
            rows = cursor.fetchall()
            found.wrong += rows[0][1] if rows else 0
            found.errors += [f"{number}: {rule}" for number, _all in rows]
        cursor.execute(TALLIES, facts)
        rows = cursor.fetchall()
        found.wrong += len(rows)
        found.errors += [f"tally of {code}, {kind}, {month}: differs from its cases" for code, kind, month in rows]
    del found.errors[SHOWN:]
    return found
