"""What is due within 10 working days, and how organisations keep to it, for programs."""

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, or_404
from qunli.service_hours import due
from qunli.service_hours.api.schemas import Cursor
from qunli.service_hours.perms import Permission

router = Router()
Months = Annotated[int, Query(ge=1, le=12, description="1, 3 or 12 months, with the present one")]


class DueOut(Schema):
    activity: int
    title: str
    team: int
    team_name: str
    to_enter: int
    """Records that the leader has to hand in."""
    to_verify: int
    due_on: date
    days_left: int
    """Working days; negative when overdue."""


class DuePage(Schema):
    items: list[DueOut]
    next: str | None
    previous: str | None


class KeptOut(Schema):
    """Of records whose due day is past: verified on time, verified late, not verified yet. owed is their sum."""

    owed: int
    on_time: int
    late: int
    overdue: int
    share: float | None


class TeamKeptOut(KeptOut):
    team: int
    name: str
    division: str


class TeamsKeptPage(Schema):
    all: KeptOut
    items: list[TeamKeptOut]
    next: str | None
    previous: str | None


NUMBERS = ("owed", "on_time", "late", "overdue", "share")


def _numbers(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in NUMBERS}


@router.get(
    "/records/due",
    response={200: DuePage, **PROBLEMS},
    auth=needs("records:read"),
    summary="Activities whose records are due, the fewest days left first",
)
def due_list(request: HttpRequest, team: Id | None = None, cursor: Cursor = None) -> DuePage:
    actor = actor_of(request)
    if not actor.has(Permission.SEE):
        raise Denied(Permission.SEE)
    if team is not None:
        or_404(due.visible_team(team_id=team, actor=actor))
    # A program that may only read has no right to record or verify: it sees what is due where its person sees the hours.
    page = due.due_list(actor=actor, now=timezone.now(), team=team, cursor=cursor, holds=(Permission.SEE,))
    names = ("title", "to_enter", "to_verify", "due_on", "days_left")
    items = [
        DueOut(activity=one.pk, team=one.team_id, team_name=one.team.name, **{name: getattr(one, name) for name in names})
        for one in page.items
    ]
    return DuePage(items=items, next=page.next, previous=page.previous)


@router.get(
    "/records/due/teams",
    response={200: TeamsKeptPage, **PROBLEMS},
    auth=needs("records:read"),
    summary="How organisations keep to the 10 working days, the most late or overdue first; counted each night",
)
def teams(request: HttpRequest, months: Months = due.PERIODS[0], cursor: Cursor = None) -> TeamsKeptPage:
    actor, now = actor_of(request), timezone.now()
    if not actor.has(Permission.SEE):
        raise Denied(Permission.SEE)
    if months not in due.PERIODS:
        raise Refused(_("请选择近 1、3 或 12 个月。"), code="months", field="months")
    page = due.teams(actor=actor, now=now, months=months, cursor=cursor)
    return TeamsKeptPage(
        all=KeptOut(**_numbers(due.kept(actor=actor, now=now, months=months))),
        items=[TeamKeptOut(team=one.pk, name=one.name, division=one.division.code, **_numbers(one)) for one in page.items],
        next=page.next,
        previous=page.previous,
    )
