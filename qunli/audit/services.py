"""Writing to the audit, and sealing it into a chain."""

import json
from collections.abc import Iterable
from datetime import UTC
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from qunli.audit.context import origin
from qunli.audit.models import Event
from qunli.kernel.actor import Actor
from qunli.kernel.ciphers import sm3

SEAL_LOCK = 7_051_001
"""Advisory lock: one sealer at a time."""
START = bytes(32)
"""What stands before the first digest."""
BATCH = 5_000


def record(verb: str, subject: str, *, by: Actor, **facts: Any) -> None:
    """One event, in the transaction of the write that it tells of. `facts` hold no personal data."""
    record_many([(verb, subject, facts)], by=by)


def record_many(events: Iterable[tuple[str, str, dict[str, Any]]], *, by: Actor) -> None:
    """`record` for many (verb, subject, facts) in one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError("an audit event belongs into the transaction of the write that it tells of")
    where, now = origin.get(), timezone.now()
    Event.objects.bulk_create(
        Event(
            at=now,
            actor=by.label[:60],
            person_id=by.person_id,
            verb=verb,
            subject=subject,
            facts=facts,
            address=where.address,
            request_id=where.request_id,
        )
        for verb, subject, facts in events
    )


def looked(what: str, subject: str, *, by: Actor, **facts: Any) -> None:
    """A look at something that is masked by default, such as "people.identity" of "person:42": the verb is look.people.identity."""
    with transaction.atomic():
        record(f"look.{what}", subject, by=by, **facts)


def _digest(before: bytes, event: Event) -> bytes:
    """SM3 over the digest before and the event's values in canonical JSON."""
    values = [
        event.position,
        event.pk,
        event.at.astimezone(UTC).isoformat(),
        event.actor,
        event.person_id,
        event.verb,
        event.subject,
        event.facts,
        event.address,
        event.request_id,
    ]
    return sm3(before + json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


class Head(NamedTuple):
    position: int
    digest: bytes


def head() -> Head:
    """The last sealed place of the chain."""
    last = Event.objects.filter(position__isnull=False).order_by("-position").values_list("position", "digest").first()
    return Head(last[0] or 0, bytes(last[1] or b"")) if last else Head(0, START)


def seal() -> int:
    """Chain all events that are not sealed yet, in the order of their ids; returns their number.

    An event whose transaction commits late gets a later place: the chain's order is the order of sealing. Does nothing while
    another sealer is at work.
    """
    sealed = 0
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEAL_LOCK])
                if not cursor.fetchone()[0]:
                    return sealed
            position, before = head()
            batch = list(Event.objects.filter(digest=None).order_by("id")[:BATCH])
            for event in batch:
                position += 1
                event.position = position
                event.digest = before = _digest(before, event)
            if batch:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "UPDATE audit_event SET position = new.position, digest = new.digest "
                        "FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) AS new (id, position, digest) "
                        "WHERE audit_event.id = new.id",
                        [[e.pk for e in batch], [e.position for e in batch], [e.digest for e in batch]],
                    )
            sealed += len(batch)
        if len(batch) < BATCH:
            return sealed


class Verdict(NamedTuple):
    checked: int
    unsealed: int
    head: Head
    broken: int | None
    """Id of the first event that does not fit into the chain (of the one before a gap: the one after it)."""
    reason: str


def verify() -> Verdict:
    """Recompute the chain from its start. The head should be compared with the one that was kept outside (`docs/operations.md`)."""
    before, expected, checked = START, 0, 0
    unsealed = Event.objects.filter(digest=None).count()
    for event in Event.objects.filter(position__isnull=False).order_by("position").iterator(chunk_size=BATCH):
        expected += 1
        if event.position != expected:
            return Verdict(checked, unsealed, Head(expected - 1, before), event.pk, f"position {expected} is missing")
        found = _digest(before, event)
        if bytes(event.digest or b"") != found:
            return Verdict(checked, unsealed, Head(expected - 1, before), event.pk, "the row was altered")
        before = found
        checked += 1
    return Verdict(checked, unsealed, Head(expected, before), None, "")


def has_head(*, position: int, expected: bytes) -> bool:
    """Whether the chain still has this digest here: a head kept outside shows a tail cut off or a chain rewritten."""
    return Event.objects.filter(position=position, digest=expected).exists()
