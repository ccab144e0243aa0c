"""The records that a spot check may meet, as columns: each with its class of risk and its weight by the rules "sampling-risk".

One ordered pass over the counted records of a period and a division (activities by division and day, then their records), read by
COPY a block at a time. What stays of a record is under 50 bytes, half a GB for eleven million; a round covers a year at most.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import connection

from qunli.kernel.ciphers import sm3
from qunli.rules.services import evaluate_columns
from qunli.service_hours.integrity.evidence import RULES as CONFIDENCE
from qunli.service_hours.integrity.evidence import facts_of
from qunli.service_hours.integrity.loading import COUNTED, HEADER
from qunli.service_hours.models import Finding, LateStatement, Photo, SampleItem, ServedRecord, ServiceRecord
from qunli.service_hours.querysets import evidence
from qunli.service_hours.sampling.drawing import Array

RISK = "sampling-risk"
FEW = 2_000
"""Records that are read as rows at a time."""
BLOCK = 262_144
"""Records that are judged at a time."""
COLUMNS = {
    "record": "r.id",
    "team": "a.team_id",
    "code": "('code' IN (r.in_method, r.out_method))::int::bigint",
    "place": "coalesce(greatest(r.in_distance, r.out_distance) <= a.radius, false)::int::bigint",
    "leader": "('leader' IN (r.in_method, r.out_method) AND r.person_id IS DISTINCT FROM r.recorded_by_id"
    " AND r.person_id IS DISTINCT FROM r.submitted_by_id)::int::bigint",
    "minutes": "r.minutes::bigint",
    "planned": "floor(extract(epoch FROM a.ends_at - a.starts_at) / 60)::bigint",
}
ROW = np.dtype([("", ">i2"), *[pair for name in COLUMNS for pair in ((f"{name}_size", ">i4"), (name, ">i8"))]])
FROM = """
    FROM volunteering_activity a
    JOIN divisions_division d ON d.id = a.division_id
    JOIN service_hours_servicerecord r ON r.activity_id = a.id
    WHERE d.path LIKE %(within)s AND a.starts_at >= %(since)s AND a.starts_at < %(before)s AND r.state = ANY(%(states)s)
"""
SELECT = f"COPY (SELECT {', '.join(COLUMNS.values())} {FROM} ORDER BY r.id) TO STDOUT (FORMAT BINARY)"


@dataclass(frozen=True)
class Frame:
    """Columns of one length, in the order of the records' keys."""

    record: Array
    team: Array
    stratum: Array
    """Place of the class of risk among the options of the rules' result "stratum"."""
    weight: Array

    def __len__(self) -> int:
        return len(self.record)

    def digest(self) -> bytes:
        """SM3 over keys, classes and weights: whoever has the same records and rules gets the same draw."""
        columns = (self.record.astype(">i8"), self.stratum.astype(">i1"), self.weight.astype(">i4"))
        return sm3(b"".join(sm3(column.tobytes()) for column in columns))


def frame(*, path: str, since: datetime, before: datetime, on: date) -> Frame:
    """Counted records of activities in the division at `path` that began in [since, before), under the rules of the day `on`."""
    values = {"within": path + "%", "since": since, "before": before, "states": COUNTED}
    blocks = list(_blocks(values))
    rows = np.concatenate(blocks) if blocks else np.empty(0, KEPT)
    teams, places, sizes = np.unique(rows["team"], return_inverse=True, return_counts=True)
    known = history([int(team) for team in teams])
    judged = np.array([known.get(int(team), (0, 0))[0] for team in teams], np.int64)
    wrong = np.array([known.get(int(team), (0, 0))[1] for team in teams], np.int64)
    found = Finding.objects.filter(state__in=["open", "answered"]).values_list("record", flat=True)
    doubted = np.isin(rows["record"], np.fromiter(found, np.int64))
    stratum, weight = np.empty(len(rows), np.int8), np.empty(len(rows), np.int32)
    richer = _richer({"path": path, "since": since, "before": before})
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        facts = {
            "confidence_class": _confidence(rows[part], richer, on),
            "open_finding": doubted[part],
            "organisation_records": sizes[places[part]],
            "organisation_checked": judged[places[part]],
            "organisation_wrong": wrong[places[part]],
            "minutes": rows["minutes"][part].astype(np.int64),
        }
        answers = evaluate_columns(RISK, facts, on=on, missing=False)
        stratum[part], weight[part] = answers.results["stratum"].values, answers.results["weight"].values
    return Frame(rows["record"].copy(), rows["team"].copy(), stratum, weight)


KEPT = np.dtype([("record", np.int64), ("team", np.int64), ("evidence", np.int8), ("minutes", np.int32), ("planned", np.int32)])
"""Of a record until it is judged: its evidence as bits (1 code, 2 place, 4 leader)."""


def _blocks(values: Mapping[str, Any]) -> Iterator[Array]:
    data = bytearray()
    started = False
    with connection.cursor() as cursor, cursor.copy(SELECT, values) as copy:
        for chunk in copy:
            data += chunk
            if not started and len(data) >= HEADER:
                del data[:HEADER]
                started = True
            if len(data) >= BLOCK * ROW.itemsize:
                yield _taken(data)
    if started and len(data) >= ROW.itemsize:
        yield _taken(data)


def _taken(data: bytearray) -> Array:
    """Whole rows from the front of what has come; the rest stays."""
    count = len(data) // ROW.itemsize
    rows = np.frombuffer(bytes(data[: count * ROW.itemsize]), dtype=ROW)
    del data[: count * ROW.itemsize]
    found = np.empty(count, KEPT)
    found["record"], found["team"], found["minutes"], found["planned"] = (
        rows["record"],
        rows["team"],
        rows["minutes"],
        rows["planned"],
    )
    found["evidence"] = rows["code"] + 2 * rows["place"] + 4 * rows["leader"]
    return found


def _richer(span: Mapping[str, Any]) -> Array:
    """Keys of the records with evidence beside codes, places and leader: few, so they are graded from their rows."""
    of_span = {
        "record__activity__division__path__startswith": span["path"],
        "record__activity__starts_at__gte": span["since"],
        "record__activity__starts_at__lt": span["before"],
    }
    kinds = (Photo.objects, ServedRecord.objects, LateStatement.objects)
    found = [np.fromiter(rows.filter(**of_span).values_list("record", flat=True).distinct(), np.int64) for rows in kinds]
    return np.unique(np.concatenate(found))


def _confidence(rows: Array, richer: Array, on: date) -> Array:
    """The class of confidence as a place among A to D, by the same rules and facts as on the record's page."""
    bits, size = rows["evidence"], len(rows)
    facts = {
        "rotating_code": bits & 1 > 0,
        "sent_late": np.zeros(size, bool),
        "place": bits & 2 > 0,
        "leader": bits & 4 > 0,
        "photo": np.zeros(size, bool),
        "served_person_confirmed": np.zeros(size, bool),
        "served_person_denied": np.zeros(size, bool),
        "minutes": rows["minutes"].astype(np.int64),
        "planned_minutes": rows["planned"].astype(np.int64),
    }
    places = np.flatnonzero(np.isin(rows["record"], richer))
    for start in range(0, len(places), FEW):
        some = places[start : start + FEW]
        whole = ServiceRecord.objects.select_related("activity").prefetch_related(*evidence())
        held = whole.in_bulk(rows["record"][some].tolist())
        for place in some.tolist():
            for name, value in facts_of(held[int(rows["record"][place])]).items():
                facts[name][place] = value
    return evaluate_columns(CONFIDENCE, facts, on=on, missing=False).results["confidence"].values


def history(teams: list[int]) -> dict[int, tuple[int, int]]:
    """Of each organisation, what earlier closed spot checks judged, and how much of it was wrong."""
    rows = SampleItem.objects.filter(round__state="closed", verdict__in=["right", "wrong"])
    found: dict[int, tuple[int, int]] = {}
    wanted = set(teams)
    for team, verdict in rows.values_list("team", "verdict"):
        if team in wanted:
            judged, wrong = found.get(team, (0, 0))
            found[team] = (judged + 1, wrong + (verdict == "wrong"))
    return found
