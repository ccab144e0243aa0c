"""From records in the database to columns: COPY in binary, every column 8 bytes wide, so that all rows are read as one array."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from qunli.service_hours.integrity.columns import Attendances, attendances

COUNTED = ["verified", "confirmed", "disputed", "corrected"]
"""States in which the hours stand in the ledger: what does not count is not looked for."""
MICRO = 1_000_000
EPOCH = 946_684_800
"""Seconds from 1970 to PostgreSQL's own beginning, 2000."""
HEADER, TRAILER = 19, 2
"""Bytes of the format before the first row and after the last."""
COLUMNS = {
    "record": "r.id", "person": "r.person_id",
    "recorder": "coalesce(r.recorded_by_id, 0)", "verifier": "coalesce(r.verified_by_id, 0)",
    "signed_in": "r.signed_in_at", "signed_out": "r.signed_out_at", "starts": "a.starts_at", "ends": "a.ends_at",
    "minutes": "r.minutes::bigint", "distance": "coalesce(greatest(r.in_distance, r.out_distance), -1)::bigint",
    "on_duty": "(EXISTS (SELECT FROM service_hours_dutyshift d WHERE d.person_id = r.person_id"
    " AND d.since < least(r.signed_out_at, a.ends_at) AND d.until > greatest(r.signed_in_at, a.starts_at)))::int::bigint",
    "radius": "a.radius::bigint", "longitude": "coalesce(a.longitude, 'NaN')", "latitude": "coalesce(a.latitude, 'NaN')",
}  # fmt: skip
MOMENTS = {"signed_in", "signed_out", "starts", "ends"}
PLACES = {"longitude", "latitude"}
ROW = np.dtype(
    [("", ">i2"), *[pair for name in COLUMNS for pair in ((f"{name}_size", ">i4"), (name, ">f8" if name in PLACES else ">i8"))]]
)
SELECT = f"""
    COPY (
        SELECT {", ".join(COLUMNS.values())}
        FROM service_hours_servicerecord r JOIN volunteering_activity a ON a.id = r.activity_id
        WHERE r.state = ANY(%(states)s) AND r.signed_in_at >= %(since)s AND {{which}}
        ORDER BY r.id
    ) TO STDOUT (FORMAT BINARY)
"""  # noqa: S608 - of constants of this module only


def load(since: datetime, which: str = "true", values: Mapping[str, Any] | None = None) -> Attendances:
    """Counted attendances since a moment; `which` narrows them by an SQL condition of this module's callers over `values`."""
    # No record of a request stands in the text: only constants of the code do.
    statement = SELECT.format(which=which)
    data = bytearray()
    with connection.cursor() as cursor, cursor.copy(statement, {"states": COUNTED, "since": since, **(values or {})}) as copy:
        for block in copy:
            data += block
    rows = np.frombuffer(bytes(data)[HEADER : len(data) - TRAILER], dtype=ROW)
    return attendances(
        **{name: rows[name] // MICRO + EPOCH if name in MOMENTS else rows[name] for name in COLUMNS},
    )


def around(records: list[int], since: datetime, *, largest_ring: int) -> Attendances:
    """What the facts of these records depend on (`checks.scope` says what that is).

    The records of their people; what their recorders entered in the same minutes; and the circle of those who confirmed, going
    back as many times as a circle can have people.
    """
    own = load(
        since, "r.person_id IN (SELECT person_id FROM service_hours_servicerecord WHERE id = ANY(%(keys)s))", {"keys": records}
    )
    known = np.unique(own.person)
    ahead = known
    for _step in range(largest_ring):
        theirs = own if ahead is known else load(since, "r.person_id = ANY(%(people)s)", {"people": ahead.tolist()})
        confirmers = np.unique(np.concatenate([theirs.recorder, theirs.verifier]))
        ahead = np.setdiff1d(confirmers[confirmers > 0], known)
        if not len(ahead):
            break
        known = np.concatenate([known, ahead])
    return load(since, SAME_TIME + " OR r.person_id = ANY(%(people)s))", {"keys": records, "people": known.tolist()})


SAME_TIME = """(EXISTS (
    SELECT FROM service_hours_servicerecord k WHERE k.id = ANY(%(keys)s) AND k.recorded_by_id = r.recorded_by_id
    AND date_trunc('minute', k.signed_in_at) = date_trunc('minute', r.signed_in_at))"""
