"""Stars for programs: one's own, what waits for officers, granting and refusing."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from qunli.audit.services import looked
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of, or_404
from qunli.kernel.masking import mask_name
from qunli.service_hours import perms, services
from qunli.service_hours.api.schemas import Cursor, Words
from qunli.service_hours.models import StarProposal
from qunli.service_hours.perms import Permission
from qunli.service_hours.services.stars import AT_ONCE
from qunli.service_hours.stars import showing

router = Router()


class StarEntryOut(Schema):
    kind: str
    """granted, or reversal."""
    level: int
    minutes: int
    reason: str
    created_at: datetime


class MineOut(Schema):
    level: int
    minutes: int
    next_in: int | None
    """Whole hours until the next star."""
    proposed: int | None
    """The star that waits for a decision."""
    entries: list[StarEntryOut]


class ProposalOut(Schema):
    id: int
    person: str
    """Masked in lists; in full for who decides on the one, and then the look is on record."""
    volunteer: str
    division: str
    level: int
    approval: str
    minutes: int
    state: str
    proposed_at: datetime
    decided_at: datetime | None
    reason: str
    document: str
    rules_decision: int


class ProposalPage(Schema):
    items: list[ProposalOut]
    next: str | None
    previous: str | None


class StarsWhich(StrEnum):
    WAITING = "waiting"
    DECIDED = "decided"


class DecideIn(Schema):
    proposals: Annotated[list[Id], Field(min_length=1, max_length=AT_ONCE)]
    verb: Literal["grant", "refuse"]
    reason: Words = ""
    """Wanted when refusing."""
    document: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""
    """Number of the paper by which the level above the city approved; wanted where it does."""


class NotDone(Schema):
    id: int
    code: str
    message: str


class DecideOut(Schema):
    done: list[int]
    refused: list[NotDone]


@router.get(
    "/stars", response={200: MineOut, **PROBLEMS}, auth=needs("records:read"), summary="One's own star, and all that happened to it"
)
def mine(request: HttpRequest) -> MineOut:
    found = showing.my_stars(actor=actor_of(request), now=timezone.now())
    names = StarEntryOut.model_fields
    return MineOut(
        level=found.level,
        minutes=found.minutes,
        next_in=found.next_in,
        proposed=next((one.level for one in found.proposals if one.state == "proposed"), None),
        entries=[StarEntryOut(**{name: getattr(entry, name) for name in names}) for entry in found.entries],
    )


@router.get(
    "/stars/proposals",
    response={200: ProposalPage, **PROBLEMS},
    auth=needs("records:read"),
    summary="Stars that wait for one's decision (the longest wait first), or were decided in one's reach",
)
def proposals(request: HttpRequest, which: StarsWhich = StarsWhich.WAITING, cursor: Cursor = None) -> ProposalPage:
    actor = actor_of(request)
    if not (actor.has(Permission.GRANT_STAR) or actor.has(Permission.GRANT_CITY_STAR)):
        raise Denied(Permission.GRANT_STAR)
    read = showing.decided if which == StarsWhich.DECIDED else showing.waiting
    page = read(actor=actor, cursor=cursor)
    return ProposalPage(items=[_out(one, named=False) for one in page.items], next=page.next, previous=page.previous)


@router.get(
    "/stars/proposals/{int:proposal}",
    response={200: ProposalOut, **PROBLEMS},
    auth=needs("records:read"),
    summary="One proposal; the rules, facts and trace stand under its rules_decision",
)
def proposal(request: HttpRequest, proposal: Id) -> ProposalOut:
    actor = actor_of(request)
    found = or_404(showing.visible(proposal_id=proposal, actor=actor))
    decides = perms.may_decide_star(actor, found)
    if decides:
        looked("service_hours.star", f"person:{found.person_id}", by=actor, proposal=found.pk)
    return _out(found, named=decides or actor.person_id == found.person_id)


@router.post(
    "/stars/proposals/decide",
    response={200: DecideOut, **PROBLEMS},
    auth=needs("stars:write"),
    summary="Grant or refuse several; those that are not one's own to decide are as if they were not there",
)
def decide(request: HttpRequest, data: DecideIn) -> DecideOut:
    actor, now = actor_of(request), timezone.now()
    if not (actor.has(Permission.GRANT_STAR) or actor.has(Permission.GRANT_CITY_STAR)):
        raise Denied(Permission.GRANT_STAR)
    rows = list(StarProposal.objects.decided_by(actor).filter(pk__in=data.proposals))
    if data.verb == "grant":
        done = services.grant_stars(proposals=rows, document=data.document, by=actor, now=now)
    else:
        done = services.refuse_stars(proposals=rows, reason=data.reason, by=actor, now=now)
    return DecideOut(
        done=[one.pk for one in done.proposals],
        refused=[NotDone(id=one.pk, code=refused.code, message=str(refused.message)) for one, refused in done.refused],
    )


def _out(found: StarProposal, *, named: bool) -> ProposalOut:
    names = [name for name in ProposalOut.model_fields if name not in ("id", "person", "volunteer", "division", "rules_decision")]
    return ProposalOut(
        id=found.pk,
        person=found.person.name if named else mask_name(found.person.name),
        volunteer=found.person.volunteer.number,
        division=found.division.code,
        rules_decision=found.decision_id,
        **{name: getattr(found, name) for name in names},
    )
