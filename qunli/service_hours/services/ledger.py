"""Writing to the ledger of hours. The caller holds the locks on the records; the triggers keep Volunteer.minutes."""

from collections.abc import Sequence
from datetime import datetime

from qunli.kernel.actor import Actor
from qunli.service_hours.enums import EntryKind
from qunli.service_hours.models import HourEntry, ServiceRecord


def earn(*, records: Sequence[ServiceRecord], by: Actor, now: datetime, reason: str = "") -> list[HourEntry]:
    """An earned entry for each record, in one statement. A record with a live entry is refused by the database."""
    turns = _next_turns(records)
    return HourEntry.objects.bulk_create(
        HourEntry(
            record=record,
            person_id=record.person_id,
            kind=EntryKind.EARNED,
            turn=turns[record.pk],
            minutes=record.minutes,
            reason=reason,
            created_at=now,
            created_by_id=by.person_id,
        )
        for record in records
    )


def reverse(*, record: ServiceRecord, by: Actor, now: datetime, reason: str) -> HourEntry | None:
    """Take the live entry of a record back; None when it has none."""
    live = HourEntry.objects.live().filter(record=record).first()
    if live is None:
        return None
    return HourEntry.objects.create(
        record=record,
        person_id=live.person_id,
        kind=EntryKind.REVERSAL,
        turn=live.turn + 1,
        minutes=-live.minutes,
        reverses=live,
        reason=reason,
        created_at=now,
        created_by_id=by.person_id,
    )


def _next_turns(records: Sequence[ServiceRecord]) -> dict[int, int]:
    turns = dict.fromkeys((record.pk for record in records), 0)
    for record_id, turn in HourEntry.objects.filter(record__in=list(turns)).order_by("turn").values_list("record", "turn"):
        turns[record_id] = turn + 1
    return turns
