"""On the day."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router

from qunli.audit.services import looked
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.codes import rotating_code, seconds_left
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, or_404
from qunli.service_hours import selectors, services
from qunli.service_hours.api.schemas import AttendanceOut, CodeOut, ForIn, PresenceIn, RecordOut, WalkInIn
from qunli.service_hours.api.shown import shown, visible
from qunli.service_hours.services import Place
from qunli.volunteering.models import Activity, SignUp
from qunli.volunteering.selectors import volunteer_by_number

router = Router()


def _run(request: HttpRequest, activity: int) -> Activity:
    return or_404(selectors.run_by(activity_id=activity, actor=actor_of(request)))


def _sign(request: HttpRequest, activity: int, data: PresenceIn, verb: Any) -> RecordOut:
    day = or_404(selectors.day(activity_id=activity, actor=actor_of(request), now=timezone.now()))
    place = Place(data.place.longitude, data.place.latitude, data.place.accuracy) if data.place else None
    record = verb(activity=day.activity, by=actor_of(request), now=timezone.now(), code=data.code, place=place)
    return shown(request, record.pk)


@router.post(
    "/activities/{int:activity}/sign-in",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign in by code or place",
)
def sign_in(request: HttpRequest, activity: Id, data: PresenceIn) -> RecordOut:
    return _sign(request, activity, data, services.sign_in)


@router.post(
    "/activities/{int:activity}/sign-out",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign out by code or place",
)
def sign_out(request: HttpRequest, activity: Id, data: PresenceIn) -> RecordOut:
    return _sign(request, activity, data, services.sign_out)


@router.get(
    "/activities/{int:activity}/code",
    response={200: CodeOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="The code of this half minute, for who runs the day",
)
def code(request: HttpRequest, activity: Id) -> CodeOut:
    found, now = _run(request, activity), timezone.now()
    return CodeOut(code=rotating_code(bytes(found.code_seed), now), seconds_left=seconds_left(now))


@router.get(
    "/activities/{int:activity}/attendance",
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
    return or_404(selectors.sign_up_run_by(sign_up_id=sign_up, actor=actor_of(request)))


@router.post(
    "/sign-ups/{int:sign_up}/sign-in",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign somebody in who has no phone",
)
def sign_in_for(request: HttpRequest, sign_up: Id, data: ForIn) -> RecordOut:
    row = _sign_up(request, sign_up)
    record = services.sign_in_for(sign_up=row, by=actor_of(request), now=timezone.now(), at=data.at, reason=data.reason)
    return shown(request, record.pk)


@router.post(
    "/records/{int:record}/sign-out",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Sign somebody out who has no phone",
)
def sign_out_for(request: HttpRequest, record: Id, data: ForIn) -> RecordOut:
    found = visible(request, record)
    services.sign_out_for(record=found, by=actor_of(request), now=timezone.now(), at=data.at, reason=data.reason)
    return shown(request, record)


@router.post(
    "/activities/{int:activity}/walk-ins",
    response={200: RecordOut, **PROBLEMS},
    auth=needs("attendance:write"),
    summary="Add and sign in who came without a sign-up, while places remain",
)
def add_walk_in(request: HttpRequest, activity: Id, data: WalkInIn) -> RecordOut:
    found = _run(request, activity)
    volunteer = volunteer_by_number(number=data.volunteer)
    if volunteer is None:
        raise Refused(_("没有这个编号的志愿者，请核对。"), code="not_found", field="volunteer")
    record = services.add_walk_in(activity=found, person_id=volunteer.person_id, by=actor_of(request), now=timezone.now())
    return shown(request, record.pk)
