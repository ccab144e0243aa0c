"""Signing up."""

from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status
from pydantic import Field

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of
from qunli.volunteering import selectors, services
from qunli.volunteering.api.common import Cursor
from qunli.volunteering.api.schemas import Roster, RosterRow, SignUpIn, SignUpOut, SignUpPage, StandingOut
from qunli.volunteering.asking import found
from qunli.volunteering.enums import SignUpState
from qunli.volunteering.perms import Permission, may_see_sign_ups
from qunli.volunteering.signing_up import Outcome

router = Router(tags=["sign-ups"])
READ, WRITE = needs("signups:read"), needs("signups:write")


@router.get(
    "/activities/{id}/standing", response={200: list[StandingOut], **PROBLEMS}, auth=READ, summary="Why one can or cannot sign up"
)
def standing(request: HttpRequest, id: Id) -> list[StandingOut]:
    one = found(selectors.activity, request, id)
    return [StandingOut.of(s) for s in selectors.standings(activity=one, actor=actor_of(request), now=timezone.now())]


@router.post("/activities/{id}/sign-ups", response={201: SignUpOut, **PROBLEMS}, auth=WRITE, summary="Sign up")
def sign_up(request: HttpRequest, id: Id, data: SignUpIn) -> Status[SignUpOut]:
    """201 with state `confirmed` or `waiting`.

    409 with the code of the rule that says no: full, already, overlap, too_young, too_old, age_unknown, consent_missing,
    skills_missing, not_volunteer, closed, missing.
    """
    one = found(selectors.activity, request, id)
    if data.post not in {post.pk for post in one.posts.all()}:
        outcome = Outcome("missing")
    else:
        outcome = services.sign_up(post=data.post, by=actor_of(request), now=timezone.now(), wait=data.wait)
    if outcome.sign_up is None:
        raise Refused(outcome.message, code=outcome.code, field="post", other=outcome.other)
    return Status(201, SignUpOut(id=outcome.sign_up, activity=id, post=data.post, state=SignUpState(outcome.code)))


@router.get("/sign-ups", response={200: SignUpPage, **PROBLEMS}, auth=READ, summary="One's own sign-ups")
def mine(
    request: HttpRequest,
    when: Annotated[Literal["coming", "past"], Field(description="to come, or over")] = "coming",
    cursor: Cursor = None,
) -> SignUpPage:
    page = selectors.my_sign_ups(actor=actor_of(request), now=timezone.now(), past=when == "past", cursor=cursor)
    return SignUpPage.of(page)


@router.get("/sign-ups/{id}", response={200: SignUpOut, **PROBLEMS}, auth=READ, summary="One sign-up")
def get(request: HttpRequest, id: Id) -> SignUpOut:
    return SignUpOut.of(found(selectors.sign_up, request, id))


@router.delete("/sign-ups/{id}", response={204: None, **PROBLEMS}, auth=WRITE, summary="Give the place back")
def cancel(request: HttpRequest, id: Id) -> Status[None]:
    """Until the activity begins. Who waits first moves up."""
    services.cancel_sign_up(sign_up=found(selectors.sign_up, request, id), by=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.get("/activities/{id}/sign-ups", response={200: Roster, **PROBLEMS}, auth=READ, summary="Who signed up, names masked")
def roster(request: HttpRequest, id: Id, state: SignUpState | None = None, cursor: Cursor = None) -> Roster:
    one = found(selectors.activity, request, id)
    if not may_see_sign_ups(actor_of(request), one):
        raise Denied(Permission.LEAD_TEAM)
    page = selectors.roster(activity=one, actor=actor_of(request), state=state or "", cursor=cursor)
    return Roster(items=[RosterRow.of(s) for s in page.items], next=page.next, previous=page.previous)
