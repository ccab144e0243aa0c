"""Records, the ledger, and what waits."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of
from qunli.service_hours import selectors, services
from qunli.service_hours.api.schemas import (
    ConfidenceOut,
    Cursor,
    DoneOut,
    EntryOut,
    EntryPage,
    KeysIn,
    ReasonIn,
    ReasonOut,
    RecordOut,
    RecordPage,
    RefusedOut,
    TimesIn,
    TotalsOut,
    WaitingOut,
    WaitingPage,
)
from qunli.service_hours.api.shown import record_out, shown, visible
from qunli.service_hours.integrity.evidence import confidence_of, facts_of
from qunli.service_hours.models import HourEntry, ServiceRecord
from qunli.service_hours.selectors import Queue
from qunli.service_hours.services.records import Done, only

router = Router()


@router.get("/totals", response={200: TotalsOut, **PROBLEMS}, auth=needs("records:read"), summary="One's own hours")
def totals(request: HttpRequest) -> TotalsOut:
    return TotalsOut(**vars(selectors.my_totals(actor=actor_of(request))))


@router.get(
    "/records", response={200: RecordPage, **PROBLEMS}, auth=needs("records:read"), summary="One's own records, latest first"
)
def records(request: HttpRequest, cursor: Cursor = None) -> RecordPage:
    page = selectors.my_records(actor=actor_of(request), cursor=cursor)
    return RecordPage(items=[record_out(r, named=True) for r in page.items], next=page.next, previous=page.previous)


@router.get("/ledger", response={200: EntryPage, **PROBLEMS}, auth=needs("records:read"), summary="One's own ledger, latest first")
def ledger(request: HttpRequest, cursor: Cursor = None) -> EntryPage:
    page = selectors.my_entries(actor=actor_of(request), cursor=cursor)
    return EntryPage(items=[_entry_out(e, e.record.activity.title) for e in page.items], next=page.next, previous=page.previous)


def _entry_out(entry: HourEntry, title: str) -> EntryOut:
    return EntryOut(
        id=entry.pk,
        record=entry.record_id,
        title=title,
        kind=entry.kind,
        minutes=entry.minutes,
        reason=entry.reason,
        created_at=entry.created_at,
    )


@router.get(
    "/records/{int:record}/confidence",
    response={200: ConfidenceOut, **PROBLEMS},
    auth=needs("records:read"),
    summary="How far its hours can be trusted, and why",
)
def confidence(request: HttpRequest, record: Id) -> ConfidenceOut:
    found = visible(request, record)
    graded = confidence_of(found)
    if graded is None:
        raise Refused(_("签退以后才有可信等级。"), code="no_sign_out")
    reasons = [ReasonOut(text=r.text, clause=r.clause, holds=r.holds) for r in graded.reasons]
    return ConfidenceOut(grade=graded.grade, label=graded.label, rules=graded.rules, reasons=reasons, facts=facts_of(found))


@router.get("/records/{int:record}", response={200: RecordOut, **PROBLEMS}, auth=needs("records:read"), summary="One record")
def record(request: HttpRequest, record: Id) -> RecordOut:
    return shown(request, record)


@router.get(
    "/records/{int:record}/entries",
    response={200: list[EntryOut], **PROBLEMS},
    auth=needs("records:read"),
    summary="Its ledger entries",
)
def entries(request: HttpRequest, record: Id) -> list[EntryOut]:
    found = visible(request, record)
    return [_entry_out(entry, found.activity.title) for entry in selectors.entries_of(record=found)]


@router.get(
    "/queue/{which}",
    response={200: WaitingPage, **PROBLEMS},
    auth=needs("records:read"),
    summary="Activities with records that wait for submission, verification or an answer to a dispute",
)
def queue(request: HttpRequest, which: Queue, cursor: Cursor = None) -> WaitingPage:
    actor = actor_of(request)
    permission = selectors.QUEUES[which][0]
    if not actor.has(permission):
        raise Denied(permission)
    page = selectors.queue(which=which, actor=actor, cursor=cursor)
    items = [
        WaitingOut(
            activity=a.pk,
            title=a.title,
            team=a.team.name,
            records=a.waiting_records,  # type: ignore[attr-defined]
            minutes=a.waiting_minutes,  # type: ignore[attr-defined]
            due_on=a.due_on,  # type: ignore[attr-defined]
        )
        for a in page.items
    ]
    return WaitingPage(items=items, next=page.next, previous=page.previous)


def _rows(request: HttpRequest, keys: Iterable[int]) -> list[ServiceRecord]:
    wanted = set(keys)
    rows = list(ServiceRecord.objects.visible_to(actor_of(request)).filter(pk__in=wanted))
    if len(rows) != len(wanted):
        raise Http404
    return rows


def _done(done: Done) -> DoneOut:
    return DoneOut(
        done=[r.pk for r in done.records],
        refused=[RefusedOut(record=r.pk, code=refused.code, message=str(refused.message)) for r, refused in done.refused],
    )


@router.post("/records/submit", response={200: DoneOut, **PROBLEMS}, auth=needs("records:write"), summary="Submit several records")
def submit_many(request: HttpRequest, data: KeysIn) -> DoneOut:
    return _done(services.submit(records=_rows(request, data.records), by=actor_of(request), now=timezone.now()))


@router.post("/records/verify", response={200: DoneOut, **PROBLEMS}, auth=needs("records:write"), summary="Verify several records")
def verify_many(request: HttpRequest, data: KeysIn) -> DoneOut:
    return _done(services.verify(records=_rows(request, data.records), by=actor_of(request), now=timezone.now()))


@router.post("/records/{int:record}/submit", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Submit")
def submit(request: HttpRequest, record: Id) -> RecordOut:
    only(services.submit(records=[visible(request, record)], by=actor_of(request), now=timezone.now()))
    return shown(request, record)


@router.post("/records/{int:record}/verify", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Verify")
def verify(request: HttpRequest, record: Id) -> RecordOut:
    only(services.verify(records=[visible(request, record)], by=actor_of(request), now=timezone.now()))
    return shown(request, record)


@router.post(
    "/records/{int:record}/confirm", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Confirm one's own"
)
def confirm(request: HttpRequest, record: Id) -> RecordOut:
    services.confirm(record=visible(request, record), by=actor_of(request), now=timezone.now())
    return shown(request, record)


def _with_reason(request: HttpRequest, record: int, data: ReasonIn, verb: Any) -> RecordOut:
    verb(record=visible(request, record), reason=data.reason, by=actor_of(request), now=timezone.now())
    return shown(request, record)


def _with_times(request: HttpRequest, record: int, data: TimesIn, verb: Any) -> RecordOut:
    found = visible(request, record)
    verb(
        record=found,
        signed_in_at=data.signed_in_at,
        signed_out_at=data.signed_out_at,
        reason=data.reason,
        by=actor_of(request),
        now=timezone.now(),
    )
    return shown(request, record)


@router.post(
    "/records/{int:record}/dispute", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Dispute one's own"
)
def dispute(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.dispute)


@router.post(
    "/records/{int:record}/send-back",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Send back to the leader",
)
def send_back(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.send_back)


@router.post("/records/{int:record}/uphold", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Uphold")
def uphold(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.uphold)


@router.post(
    "/records/{int:record}/void", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Void by a reversal"
)
def void(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.void)


@router.post(
    "/records/{int:record}/times", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Set the times"
)
def set_times(request: HttpRequest, record: Id, data: TimesIn) -> RecordOut:
    return _with_times(request, record, data, services.set_times)


@router.post(
    "/records/{int:record}/correct",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Correct after a dispute",
)
def correct(request: HttpRequest, record: Id, data: TimesIn) -> RecordOut:
    return _with_times(request, record, data, services.correct)
