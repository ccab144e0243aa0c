"""Recomputing what is kept: totals of volunteers from the entries, and entries from the states of records."""

from typing import NamedTuple

from django.db import connection

SHOWN = 20


class Findings(NamedTuple):
    entries: int
    volunteers: int
    minutes: int
    wrong: int
    errors: list[str]


_SUMS = "SELECT (SELECT count(*) FROM service_hours_hourentry), count(*), COALESCE(sum(minutes), 0) FROM volunteering_volunteer"

_CHECKS = {
    "volunteer {0}: {1} minutes are kept, the ledger has {2}": """
        SELECT v.number, v.minutes, COALESCE(e.minutes, 0)
        FROM volunteering_volunteer v
        LEFT JOIN (SELECT person_id, sum(minutes) AS minutes FROM service_hours_hourentry GROUP BY person_id) e
            ON e.person_id = v.person_id
        WHERE v.minutes <> COALESCE(e.minutes, 0)
    """,
    "person {0}: {1} minutes in the ledger and no volunteer": """
        SELECT e.person_id, sum(e.minutes) FROM service_hours_hourentry e
        WHERE NOT EXISTS (SELECT FROM volunteering_volunteer v WHERE v.person_id = e.person_id)
        GROUP BY e.person_id
    """,
    "record {0} is {1}: it has {2} live minutes in the ledger and names {3}": """
        SELECT r.id, r.state, COALESCE(e.minutes, 0), r.minutes
        FROM service_hours_servicerecord r
        LEFT JOIN (SELECT record_id, sum(minutes) AS minutes FROM service_hours_hourentry GROUP BY record_id) e
            ON e.record_id = r.id
        WHERE COALESCE(e.minutes, 0) <>
            CASE WHEN r.state IN ('verified', 'confirmed', 'corrected', 'disputed') THEN r.minutes ELSE 0 END
    """,
    "record {0}: turns {1} of the ledger are not a chain": """
        SELECT record_id, string_agg(turn::text, ',' ORDER BY turn) FROM service_hours_hourentry
        GROUP BY record_id HAVING max(turn) + 1 <> count(*)
    """,
    "certificate {0} is in force and rests on a record that is {1}": """
        SELECT c.number, r.state FROM service_hours_certificate c
        JOIN service_hours_certificate_records cr ON cr.certificate_id = c.id
        JOIN service_hours_servicerecord r ON r.id = cr.servicerecord_id
        WHERE c.state = 'issued' AND r.state NOT IN ('verified', 'confirmed', 'corrected', 'disputed')
    """,
}


def check_ledger() -> Findings:
    """Everything that the ledger promises, recomputed. Reads the whole ledger: a job for the night at city scale."""
    errors: list[str] = []
    wrong = 0
    with connection.cursor() as cursor:
        cursor.execute(_SUMS)
        entries, volunteers, minutes = cursor.fetchone()
        for words, query in _CHECKS.items():
            cursor.execute(query)
            rows = cursor.fetchall()
            wrong += len(rows)
            errors += [words.format(*row) for row in rows[: SHOWN - len(errors)]]
    return Findings(entries, volunteers, int(minutes), wrong, errors)
