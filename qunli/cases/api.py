"""Cases for programs: one's own, what waits, one case, its verbs, and the three rates."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import AfterValidator, Field

from qunli.cases import perms, selectors, services
from qunli.cases.enums import Channel, HandlerRole
from qunli.cases.models import Case
from qunli.cases.perms import Permission
from qunli.cases.selectors import Queue
from qunli.cases.views import by_code, units_in
from qunli.kernel.api import PROBLEMS, needs
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of

router = Router()


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("no NUL characters")
    return text


Text = Annotated[str, Field(max_length=2000), AfterValidator(_plain)]
Reason = Annotated[str, Field(max_length=300), AfterValidator(_plain)]
Number = Annotated[str, Field(pattern=r"^[0-9]{15}$")]
Cursor = Annotated[str | None, Field(max_length=600), AfterValidator(lambda text: text and _plain(text))]


class CaseLine(Schema):
    """One line of a list; nothing of who asks."""

    number: str
    kind: str
    matter: str
    nature: str
    title: str
    division: str
    """Code of the division."""
    state: str
    pressure: str
    urgent: bool
    owner: str
    """How the owner is called."""
    due_on: date
    received_at: datetime


class StepOut(Schema):
    verb: str
    state: str
    at: datetime
    unit: str
    note: str


class CaseOut(CaseLine):
    text: str | None
    """Empty for who may not see the contact."""
    reply: str | None
    replied_at: datetime | None
    solved: bool | None
    satisfied: bool | None
    repeats: int
    lead: str | None
    """Number of the lead case that this one was merged into."""
    steps: list[StepOut]


class CasePage(Schema):
    items: list[CaseLine]
    next: str | None
    previous: str | None


class CaseReasonIn(Schema):
    reason: Reason


class CaseContactIn(Schema):
    reached: bool
    note: Reason = ""


class CaseReplyIn(Schema):
    text: Text
    channel: Channel


class RatingIn(Schema):
    solved: bool
    satisfied: bool
    comment: Annotated[str, Field(max_length=500), AfterValidator(_plain)] = ""
    again: bool = False
    """Open it again when it is not solved or not satisfying."""


class RateOut(Schema):
    name: str
    numerator: int
    denominator: int
    percent: float | None


class RatesOut(Schema):
    division: str
    name: str
    received: int
    repeats: int
    reopened: int
    unreached: int
    rates: list[RateOut]


class RatesBelow(RatesOut):
    below: list[RatesOut]


READ = needs("cases:read")
WRITE = needs("cases:write")


def line_of(case: Case) -> dict[str, Any]:
    names = ("number", "kind", "matter", "nature", "title", "state", "pressure", "urgent", "due_on", "received_at")
    return {name: getattr(case, name) for name in names} | {"division": case.division.code, "owner": selectors.owner_name(case)}


def _found(request: HttpRequest, number: str) -> Case:
    try:
        return selectors.case_of(number=number, actor=actor_of(request))
    except Case.DoesNotExist as error:
        raise Http404 from error


def case_out(request: HttpRequest, number: str) -> CaseOut:
    case = _found(request, number)
    contact = perms.may_see_contact(actor_of(request), case)
    answer = case.reply
    return CaseOut(
        **line_of(case),
        text=case.text if contact else None,
        reply=answer.text if answer is not None and contact else None,
        replied_at=answer.replied_at if answer is not None else None,
        solved=case.solved,
        satisfied=case.satisfied,
        repeats=case.times,  # type: ignore[attr-defined]
        lead=case.lead.number if case.lead is not None else None,
        steps=[StepOut(verb=e.verb, state=e.state, at=e.at, unit=e.unit, note=e.note) for e in selectors.events_of(case)],
    )


@router.get("/mine", response={200: CasePage, **PROBLEMS}, auth=READ, summary="One's own cases, latest first")
def mine(request: HttpRequest, cursor: Cursor = None) -> CasePage:
    page = selectors.my_cases(actor=actor_of(request), cursor=cursor)
    return CasePage(items=[CaseLine(**line_of(case)) for case in page.items], next=page.next, previous=page.previous)


@router.get("/waiting/{which}", response={200: CasePage, **PROBLEMS}, auth=READ, summary="What waits, the earliest deadline first")
def queue(request: HttpRequest, which: Queue, cursor: Cursor = None) -> CasePage:
    actor = actor_of(request)
    if which not in selectors.queues(actor):
        raise Denied(Permission.SEE)
    page = selectors.queue(which=which, actor=actor, today=local_date(timezone.now()), cursor=cursor)
    return CasePage(items=[CaseLine(**line_of(case)) for case in page.items], next=page.next, previous=page.previous)


class RatesIn(Schema):
    division: Annotated[str, Field(pattern=r"^[0-9A-Z]{12}$")]
    since: date
    until: date
    kind: Annotated[str, Field(max_length=30), AfterValidator(_plain)] = ""


@router.get("/rates", response={200: RatesBelow, **PROBLEMS}, auth=READ, summary="The three rates of a division and those below it")
def rates(request: HttpRequest, wanted: Query[RatesIn]) -> RatesBelow:
    actor = actor_of(request)
    if not actor.has(Permission.SEE):
        raise Denied(Permission.SEE)
    place = by_code(wanted.division)
    if place is None or not any(place.path.startswith(path) for path in actor.ranges(Permission.SEE)):
        raise Http404
    whole, below = selectors.rates(actor=actor, division=place, since=wanted.since, until=wanted.until, kind=wanted.kind)
    return RatesBelow(**_rates(whole), below=[RatesOut(**_rates(line)) for line in below])


def _rates(line: selectors.Rates) -> dict[str, Any]:
    return {
        "division": line.node.code if line.node else "",
        "name": line.node.name if line.node else "",
        **{name: getattr(line, name) for name in ("received", "repeats", "reopened", "unreached")},
        "rates": [RateOut(name=n, numerator=part, denominator=whole, percent=rate) for n, part, whole, rate in line.rates],
    }


@router.get("/{number}", response={200: CaseOut, **PROBLEMS}, auth=READ, summary="One case with its steps")
def case(request: HttpRequest, number: Number) -> CaseOut:
    return case_out(request, number)


@router.post("/{number}/take", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Take it; of several the first wins")
def take(request: HttpRequest, number: Number) -> CaseOut:
    actor, found = actor_of(request), _found(request, number)
    units = units_in(found, actor, HandlerRole.OFFERED) or selectors.own_units(found, actor)
    if not units:
        raise Denied(Permission.HANDLE)
    services.take(case=found, unit=units[0], by=actor, now=timezone.now())
    return case_out(request, number)


@router.post("/{number}/contact", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Note a contact with the requester")
def contact(request: HttpRequest, number: Number, data: CaseContactIn) -> CaseOut:
    services.contact(case=_found(request, number), reached=data.reached, note=data.note, by=actor_of(request), now=timezone.now())
    return case_out(request, number)


@router.post("/{number}/reply", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Answer the requester")
def reply(request: HttpRequest, number: Number, data: CaseReplyIn) -> CaseOut:
    services.reply(case=_found(request, number), text=data.text, channel=data.channel, by=actor_of(request), now=timezone.now())
    return case_out(request, number)


@router.post("/{number}/return", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Give it back with a reason")
def give_back(request: HttpRequest, number: Number, data: CaseReasonIn) -> CaseOut:
    services.give_back(case=_found(request, number), reason=data.reason, by=actor_of(request), now=timezone.now())
    return case_out(request, number)


@router.post("/{number}/urge", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Urge one's own, once a day")
def urge(request: HttpRequest, number: Number) -> CaseOut:
    services.urge(case=_found(request, number), by=actor_of(request), now=timezone.now())
    return case_out(request, number)


@router.post("/{number}/rate", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Rate one's own")
def rate(request: HttpRequest, number: Number, data: RatingIn) -> CaseOut:
    services.rate(case=_found(request, number), by=actor_of(request), now=timezone.now(), **data.dict())
    return case_out(request, number)


@router.post("/{number}/withdraw", response={200: CaseOut, **PROBLEMS}, auth=WRITE, summary="Take one's own back")
def withdraw(request: HttpRequest, number: Number) -> CaseOut:
    services.withdraw(case=_found(request, number), by=actor_of(request), now=timezone.now())
    return case_out(request, number)
