"""The day, records, ledger, certificates and their verification for programs: everything that the pages do."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import File, Query, Router, Schema, UploadedFile
from pydantic import AwareDatetime, Field

from qunli.audit.services import looked
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.codes import rotating_code, seconds_left
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.masking import mask_name
from qunli.people.models import Person
from qunli.service_hours import perms, selectors, services, verification
from qunli.service_hours.limits import count_upload, looked_too_often
from qunli.service_hours.models import Certificate, HourEntry, ServiceRecord
from qunli.service_hours.numbering import grouped, normal_number
from qunli.service_hours.perms import Permission
from qunli.service_hours.selectors import Queue
from qunli.service_hours.services import Place
from qunli.service_hours.services.records import Done
from qunli.service_hours.views.common import actor_of, only
from qunli.volunteering.models import Activity, SignUp

router = Router(tags=["service_hours"])

Words = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Short = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str | None, Query(max_length=1000, pattern=r"^[^\x00]*$")]


class PlaceIn(Schema):
    """WGS-84 degrees and the accuracy in metres, as a phone reports them. Only the distance is kept."""

    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    accuracy: float = Field(0, ge=0, le=1_000_000, allow_inf_nan=False)


class PresenceIn(Schema):
    """The code of the leader's screen, or the place (which wants the consent to the use of the place)."""

    code: Short = ""
    place: PlaceIn | None = None


class ForIn(Schema):
    """Now when `at` is left out; another time wants a reason."""

    at: AwareDatetime | None = None
    reason: Words = ""


class WalkInIn(Schema):
    volunteer: Short
    """Number of the volunteer."""


class ReasonIn(Schema):
    reason: Words


class TimesIn(Schema):
    signed_in_at: AwareDatetime
    signed_out_at: AwareDatetime
    reason: Words


class KeysIn(Schema):
    records: Annotated[list[Id], Field(min_length=1, max_length=500)]


class PeriodIn(Schema):
    """Both days included, dates of Asia/Shanghai."""

    since: date
    until: date
    volunteer: Short = ""
    """Number of another volunteer, for who may issue for others; left out: oneself."""


class RecordOut(Schema):
    id: int
    activity: int
    title: str
    team: str
    person: str
    """Masked but for one's own and for who runs or verifies the activity."""
    state: str
    signed_in_at: datetime
    signed_out_at: datetime | None
    in_method: str
    out_method: str
    in_distance: int | None
    out_distance: int | None
    minutes: int
    due_on: date
    state_reason: str
    dispute_reason: str


class RecordPage(Schema):
    items: list[RecordOut]
    next: str | None
    previous: str | None


class EntryOut(Schema):
    id: int
    record: int
    title: str
    kind: str
    minutes: int
    reason: str
    created_at: datetime


class EntryPage(Schema):
    items: list[EntryOut]
    next: str | None
    previous: str | None


class TotalsOut(Schema):
    minutes: int
    services: int
    pending: int
    pending_minutes: int
    disputed: int


class CodeOut(Schema):
    code: str
    seconds_left: int


class AttendanceOut(Schema):
    sign_up: int
    name: str
    post: str
    presence: str
    """expected, present or out."""
    record: int | None
    signed_in_at: datetime | None
    signed_out_at: datetime | None


class RefusedOut(Schema):
    record: int
    code: str
    message: str


class DoneOut(Schema):
    """What became of several records."""

    done: list[int]
    refused: list[RefusedOut]


class WaitingOut(Schema):
    activity: int
    title: str
    team: str
    records: int
    minutes: int
    due_on: date | None


class WaitingPage(Schema):
    items: list[WaitingOut]
    next: str | None
    previous: str | None


class CertificateOut(Schema):
    number: str
    state: str
    minutes: int
    since: date
    until: date
    issuer: str
    issued_at: datetime
    revoked_at: datetime | None
    revoked_reason: str
    sha256: str
    """Of the file, in hexadecimal."""


class CertificatePage(Schema):
    items: list[CertificateOut]
    next: str | None
    previous: str | None


class PaperOut(Schema):
    number: str
    name: str
    minutes: int
    since: date
    until: date
    issuer: str
    issued_at: datetime
    revoked_at: datetime | None


class VerdictOut(Schema):
    verdict: str
    """valid, revoked, unknown_number, no_number, altered, forged, unknown_file, not_pdf, unreadable, too_large or empty."""
    number: str
    paper: PaperOut | None


def _record_out(record: ServiceRecord, *, named: bool) -> RecordOut:
    return RecordOut(
        id=record.pk,
        activity=record.activity_id,
        title=record.activity.title,
        team=record.activity.team.name,
        person=record.person.name if named else mask_name(record.person.name),
        **{
            name: getattr(record, name)
            for name in RecordOut.model_fields
            if name not in ("id", "activity", "title", "team", "person")
        },
    )


def _certificate_out(certificate: Certificate) -> CertificateOut:
    plain = {name: getattr(certificate, name) for name in CertificateOut.model_fields if name not in ("number", "sha256")}
    return CertificateOut(number=grouped(certificate.number), sha256=bytes(certificate.sha256).hex(), **plain)


def _record(request: HttpRequest, record: int) -> ServiceRecord:
    found = selectors.visible_record(record_id=record, actor=actor_of(request))
    if found is None:
        raise Http404
    return found


def _changed(request: HttpRequest, record: int) -> RecordOut:
    found = _record(request, record)
    actor = actor_of(request)
    own = perms.is_own(actor, found)
    named = own or perms.over(actor, Permission.RECORD, found.activity) or perms.over(actor, Permission.VERIFY, found.activity)
    if named and not own:
        looked("service_hours.record", f"record:{found.pk}", by=actor)
    return _record_out(found, named=named)


def _run(request: HttpRequest, activity: int) -> Activity:
    found = selectors.run_by(activity_id=activity, actor=actor_of(request))
    if found is None:
        raise Http404
    return found


def _sign(request: HttpRequest, activity: int, data: PresenceIn, verb: Any) -> RecordOut:
    day = selectors.day(activity_id=activity, actor=actor_of(request), now=timezone.now())
    if day is None:
        raise Http404
    place = Place(data.place.longitude, data.place.latitude, data.place.accuracy) if data.place else None
    record = verb(activity=day.activity, by=actor_of(request), now=timezone.now(), code=data.code, place=place)
    return _changed(request, record.pk)


@router.post(
    "/activities/{activity}/sign-in",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign in by code or place",
)
def sign_in(request: HttpRequest, activity: Id, data: PresenceIn) -> RecordOut:
    return _sign(request, activity, data, services.sign_in)


@router.post(
    "/activities/{activity}/sign-out",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign out by code or place",
)
def sign_out(request: HttpRequest, activity: Id, data: PresenceIn) -> RecordOut:
    return _sign(request, activity, data, services.sign_out)


@router.get(
    "/activities/{activity}/code",
    response={200: CodeOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="The code of this half minute, for who runs the day",
)
def code(request: HttpRequest, activity: Id) -> CodeOut:
    found, now = _run(request, activity), timezone.now()
    return CodeOut(code=rotating_code(bytes(found.code_seed), now), seconds_left=seconds_left(now))


@router.get(
    "/activities/{activity}/attendance",
    response={200: list[AttendanceOut], **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Who is expected, present and out, for who runs the day",
)
def attendance(request: HttpRequest, activity: Id) -> list[AttendanceOut]:
    found = _run(request, activity)
    there = selectors.attendance(activity=found)
    looked("service_hours.attendance", f"activity:{found.pk}", by=actor_of(request), people=there.all)
    return [
        AttendanceOut(
            sign_up=row.pk,
            name=row.person.name,
            post=row.post.name,
            presence=presence,
            record=record.pk if record else None,
            signed_in_at=record.signed_in_at if record else None,
            signed_out_at=record.signed_out_at if record else None,
        )
        for presence, rows in (("expected", there.expected), ("present", there.present), ("out", there.out))
        for row in rows
        for record in [getattr(row, "record", None)]
    ]


def _sign_up(request: HttpRequest, sign_up: int) -> SignUp:
    rows = SignUp.objects.visible_to(actor_of(request)).select_related("activity__team", "activity__division")
    found = rows.filter(pk=sign_up).first()
    if found is None:
        raise Http404
    return found


@router.post(
    "/sign-ups/{sign_up}/sign-in",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign somebody in who has no phone",
)
def sign_in_for(request: HttpRequest, sign_up: Id, data: ForIn) -> RecordOut:
    row = _sign_up(request, sign_up)
    record = services.sign_in_for(sign_up=row, by=actor_of(request), now=timezone.now(), at=data.at, reason=data.reason)
    return _changed(request, record.pk)


@router.post(
    "/records/{record}/sign-out",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign somebody out who has no phone",
)
def sign_out_for(request: HttpRequest, record: Id, data: ForIn) -> RecordOut:
    found = _record(request, record)
    services.sign_out_for(record=found, by=actor_of(request), now=timezone.now(), at=data.at, reason=data.reason)
    return _changed(request, record)


@router.post(
    "/activities/{activity}/walk-ins",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Add and sign in who came without a sign-up, while places remain",
)
def add_walk_in(request: HttpRequest, activity: Id, data: WalkInIn) -> RecordOut:
    found = _run(request, activity)
    volunteer = selectors.volunteer_by_number(number=data.volunteer)
    if volunteer is None:
        raise Refused(_("没有这个编号的志愿者，请核对。"), code="not_found", field="volunteer")
    record = services.add_walk_in(activity=found, person_id=volunteer.person_id, by=actor_of(request), now=timezone.now())
    return _changed(request, record.pk)


@router.get("/totals", response={200: TotalsOut, **PROBLEMS}, auth=needs("records:read"), summary="One's own hours")
def totals(request: HttpRequest) -> TotalsOut:
    return TotalsOut(**vars(selectors.my_totals(actor=actor_of(request))))


@router.get(
    "/records", response={200: RecordPage, **PROBLEMS}, auth=needs("records:read"), summary="One's own records, latest first"
)
def records(request: HttpRequest, cursor: Cursor = None) -> RecordPage:
    page = selectors.my_records(actor=actor_of(request), cursor=cursor)
    return RecordPage(items=[_record_out(r, named=True) for r in page.items], next=page.next, previous=page.previous)


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


@router.get("/records/{record}", response={200: RecordOut, **PROBLEMS}, auth=needs("records:read"), summary="One record")
def record(request: HttpRequest, record: Id) -> RecordOut:
    return _changed(request, record)


@router.get(
    "/records/{record}/entries",
    response={200: list[EntryOut], **PROBLEMS},
    auth=needs("records:read"),
    summary="Its ledger entries",
)
def entries(request: HttpRequest, record: Id) -> list[EntryOut]:
    found = _record(request, record)
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


@router.post("/records/{record}/submit", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Submit")
def submit(request: HttpRequest, record: Id) -> RecordOut:
    only(services.submit(records=[_record(request, record)], by=actor_of(request), now=timezone.now()))
    return _changed(request, record)


@router.post("/records/{record}/verify", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Verify")
def verify(request: HttpRequest, record: Id) -> RecordOut:
    only(services.verify(records=[_record(request, record)], by=actor_of(request), now=timezone.now()))
    return _changed(request, record)


@router.post(
    "/records/{record}/confirm", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Confirm one's own"
)
def confirm(request: HttpRequest, record: Id) -> RecordOut:
    services.confirm(record=_record(request, record), by=actor_of(request), now=timezone.now())
    return _changed(request, record)


def _with_reason(request: HttpRequest, record: int, data: ReasonIn, verb: Any) -> RecordOut:
    verb(record=_record(request, record), reason=data.reason, by=actor_of(request), now=timezone.now())
    return _changed(request, record)


def _with_times(request: HttpRequest, record: int, data: TimesIn, verb: Any) -> RecordOut:
    found = _record(request, record)
    verb(
        record=found,
        signed_in_at=data.signed_in_at,
        signed_out_at=data.signed_out_at,
        reason=data.reason,
        by=actor_of(request),
        now=timezone.now(),
    )
    return _changed(request, record)


@router.post(
    "/records/{record}/dispute", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Dispute one's own"
)
def dispute(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.dispute)


@router.post(
    "/records/{record}/send-back",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Send back to the leader",
)
def send_back(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.send_back)


@router.post("/records/{record}/uphold", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Uphold")
def uphold(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.uphold)


@router.post(
    "/records/{record}/void", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Void by a reversal"
)
def void(request: HttpRequest, record: Id, data: ReasonIn) -> RecordOut:
    return _with_reason(request, record, data, services.void)


@router.post("/records/{record}/times", response={200: RecordOut, **PROBLEMS}, auth=needs("records:write"), summary="Set the times")
def set_times(request: HttpRequest, record: Id, data: TimesIn) -> RecordOut:
    return _with_times(request, record, data, services.set_times)


@router.post(
    "/records/{record}/correct",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Correct after a dispute",
)
def correct(request: HttpRequest, record: Id, data: TimesIn) -> RecordOut:
    return _with_times(request, record, data, services.correct)


@router.get(
    "/certificates", response={200: CertificatePage, **PROBLEMS}, auth=needs("certificates:read"), summary="One's own certificates"
)
def certificates(request: HttpRequest, cursor: Cursor = None) -> CertificatePage:
    page = selectors.my_certificates(actor=actor_of(request), cursor=cursor)
    return CertificatePage(items=[_certificate_out(c) for c in page.items], next=page.next, previous=page.previous)


@router.post(
    "/certificates", response={200: CertificateOut, **PROBLEMS}, auth=needs("certificates:write"), summary="Issue for a period"
)
def issue(request: HttpRequest, data: PeriodIn) -> CertificateOut:
    actor = actor_of(request)
    person: Person | None
    if data.volunteer:
        volunteer = selectors.volunteer_by_number(number=data.volunteer)
        if volunteer is None or not perms.may_issue_for(actor, volunteer.person, volunteer.division.path):
            raise Refused(_("您的辖区里没有这个编号的志愿者，请核对。"), code="not_found", field="volunteer")
        person = volunteer.person
    else:
        person = Person.objects.filter(pk=actor.person_id or 0).first()
    if person is None:
        raise Refused(_("请先登记个人资料。"), code="no_person")
    return _certificate_out(services.issue(person=person, since=data.since, until=data.until, by=actor, now=timezone.now()))


def _certificate(request: HttpRequest, number: str) -> Certificate:
    normal = normal_number(number)
    found = selectors.visible_certificate(number=normal, actor=actor_of(request)) if normal else None
    if found is None:
        raise Http404
    return found


@router.get(
    "/certificates/{number}", response={200: CertificateOut, **PROBLEMS}, auth=needs("certificates:read"), summary="One certificate"
)
def certificate(request: HttpRequest, number: str) -> CertificateOut:
    return _certificate_out(_certificate(request, number))


@router.get(
    "/certificates/{number}/pdf",
    response={200: None, **PROBLEMS},
    auth=needs("certificates:read"),
    summary="Its file (application/pdf)",
)
def certificate_pdf(request: HttpRequest, number: str) -> HttpResponse:
    found, actor = _certificate(request, number), actor_of(request)
    if not perms.may_download(actor, found, found.person.volunteer.division.path):
        raise Denied(Permission.ISSUE_CERTIFICATE)
    if found.person_id != actor.person_id:
        looked("service_hours.certificate_file", f"certificate:{found.pk}", by=actor)
    return HttpResponse(bytes(found.pdf), content_type="application/pdf")


@router.post(
    "/certificates/{number}/revoke", response={200: CertificateOut, **PROBLEMS}, auth=needs("certificates:write"), summary="Revoke"
)
def revoke(request: HttpRequest, number: str, data: ReasonIn) -> CertificateOut:
    services.revoke(certificate=_certificate(request, number), reason=data.reason, by=actor_of(request), now=timezone.now())
    return _certificate_out(_certificate(request, number))


def _verdict(found: verification.Verdict) -> VerdictOut:
    return VerdictOut(verdict=found.kind.value, number=found.number, paper=PaperOut(**vars(found.paper)) if found.paper else None)


@router.get("/verify/{number}", response={200: VerdictOut, **PROBLEMS}, auth=None, summary="Is a number genuine? Needs no sign-in")
def verify_number(request: HttpRequest, number: str) -> VerdictOut:
    if looked_too_often(request):
        raise Refused(_("查询太频繁，请过几分钟再试。"), code="too_many")
    return _verdict(verification.by_number(number))


@router.post("/verify", response={200: VerdictOut, **PROBLEMS}, auth=None, summary="Is a file genuine? Needs no sign-in")
def verify_file(request: HttpRequest, file: File[UploadedFile]) -> VerdictOut:
    count_upload(request)
    data = file.read(verification.LARGEST + 1)
    return _verdict(verification.by_file(data, now=timezone.now()))
