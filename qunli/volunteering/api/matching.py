"""Matching: recommendations, invitations, whom to ask, plans."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import BaseModel, Field

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of
from qunli.volunteering import selectors, services
from qunli.volunteering.api.common import Cursor, division_of
from qunli.volunteering.api.schemas import SignUpOut
from qunli.volunteering.asking import found
from qunli.volunteering.enums import DeclineReason, InvitationState, PlanState, SignUpState
from qunli.volunteering.matching import finding, reading
from qunli.volunteering.matching.finding import Match
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.models import Activity, Invitation, MatchPlan, Post, Volunteer
from qunli.volunteering.perms import Permission, may_invite

router = Router(tags=["matching"])
READ, WRITE = needs("signups:read"), needs("signups:write")
LEADER_READ, LEADER_WRITE = needs("activities:read"), needs("activities:write")


# Of these a list of matches has hundreds: plain models, since a Schema is checked twice.
class Signal(BaseModel):
    name: str
    text: str = Field(description="in the language of the request")
    value: int = Field(description="0 to 1000")
    points: int = Field(description="value times weight; the points of a match add up to its score")


class MatchOut(BaseModel):
    score: int
    highest: int = Field(description="the score that the weights admit at most")
    metres: int = Field(description="0 in one's own community")
    why: list[Signal]

    @staticmethod
    def of(match: Match) -> "MatchOut":
        words = match.words
        why = [Signal(name=p.name, text=words[p.name], value=p.value, points=p.points) for p in match.parts]
        return MatchOut(score=match.score, highest=match.highest, metres=match.metres, why=why)


class RecommendedOut(Schema):
    activity: int
    title: str
    post: int
    starts_at: datetime
    ends_at: datetime
    match: MatchOut


class AgainstOut(Schema):
    code: str
    text: str


class StandingMatchOut(Schema):
    post: int
    against: list[AgainstOut] = Field(description="what stands against a match; empty: it is recommended")
    match: MatchOut


class PreferenceOut(Schema):
    agrees: bool
    reach: int = Field(description="kilometres")
    weekly_limit: int
    paused_until: date | None


class PreferenceIn(Schema):
    agrees: bool
    reach: Annotated[int, Field(ge=1, le=100)] = 10
    weekly_limit: Annotated[int, Field(ge=1, le=7)] = 3
    paused_until: date | None = None


class InvitationOut(Schema):
    id: int
    activity: int
    post: int
    state: InvitationState
    reason: DeclineReason | None
    created_at: datetime
    expires_at: datetime

    @staticmethod
    def of(one: Invitation) -> "InvitationOut":
        reason = DeclineReason(one.reason) if one.reason else None
        return InvitationOut(
            id=one.pk, activity=one.activity_id, post=one.post_id, state=InvitationState(one.state), reason=reason,
            created_at=one.created_at, expires_at=one.expires_at,
        )  # fmt: skip


class DeclineIn(Schema):
    reason: DeclineReason


class CandidateOut(Schema):
    name: str = Field(description="masked")
    place: str
    match: MatchOut


class AskIn(Schema):
    post: Id
    count: Annotated[int, Field(ge=1, le=100)] = 20


class InvitedOut(Schema):
    sent: int
    passed: int = Field(description="not asked, because something has changed meanwhile or the cap of the week is reached")


class PlanIn(Schema):
    division: Annotated[str, Field(pattern=r"^[0-9A-Z]{12}$")]
    first_day: date
    days: Annotated[int, Field(ge=1, le=7)] = 1
    weights: dict[str, Annotated[int, Field(ge=0, le=100)]] = Field({}, description="those that differ from the city's")


class PlanOut(Schema):
    id: int
    division: str
    first_day: date
    days: int
    state: PlanState
    weights: dict[str, int]
    figures: dict[str, Any]

    @staticmethod
    def of(one: MatchPlan) -> "PlanOut":
        return PlanOut(
            id=one.pk, division=one.division.code, first_day=one.first_day, days=one.days, state=PlanState(one.state),
            weights=one.weights, figures=one.figures,
        )  # fmt: skip


class PlanPage(Schema):
    items: list[PlanOut]
    next: str | None
    previous: str | None


def _own(request: HttpRequest) -> Volunteer:
    one = selectors.volunteer_of(actor=actor_of(request))
    if one is None:
        raise Refused(_("先登记为志愿者，再设置智能匹配。"), code="not_volunteer")
    return one


@router.get("/matches", response={200: list[RecommendedOut], **PROBLEMS}, auth=READ, summary="The best open activities for oneself")
def matches(request: HttpRequest) -> list[RecommendedOut]:
    """Empty for who did not agree to be matched."""
    person, now = actor_of(request).person_id, timezone.now()
    best = None if person is None else finding.recommended(person=person, now=now)
    if best is None:
        _own(request)
        return []
    return [
        RecommendedOut(
            activity=one.activity, title=one.title, post=one.post, starts_at=one.starts_at, ends_at=one.ends_at,
            match=MatchOut.of(one.match),
        )
        for one in best
    ]  # fmt: skip


@router.get(
    "/activities/{id}/match", response={200: list[StandingMatchOut], **PROBLEMS}, auth=READ, summary="Why this one, or why not"
)
def match(request: HttpRequest, id: Id) -> list[StandingMatchOut]:
    one = found(selectors.activity, request, id)
    return [
        StandingMatchOut(
            post=s.post.pk, match=MatchOut.of(s.match),
            against=[AgainstOut(code=code, text=str(finding.REFUSALS[code])) for code in s.against],
        )
        for s in finding.standings(activity=one, volunteer=_own(request), now=timezone.now())
    ]  # fmt: skip


@router.get("/matches/settings", response={200: PreferenceOut, **PROBLEMS}, auth=READ, summary="How one wants to be matched")
def settings(request: HttpRequest) -> PreferenceOut:
    return _settings(_own(request))


@router.put(
    "/matches/settings", response={200: PreferenceOut, **PROBLEMS}, auth=WRITE, summary="Agree to be matched, or withdraw that"
)
def set_settings(request: HttpRequest, data: PreferenceIn) -> PreferenceOut:
    one = _own(request)
    services.set_matching(volunteer=one, by=actor_of(request), now=timezone.now(), **data.dict())
    return _settings(one)


def _settings(one: Volunteer) -> PreferenceOut:
    kept = finding.preference(volunteer=one)
    return PreferenceOut(
        agrees=finding.agreed(volunteer=one), reach=kept.reach, weekly_limit=kept.weekly_limit, paused_until=kept.paused_until
    )


@router.get("/invitations", response={200: list[InvitationOut], **PROBLEMS}, auth=READ, summary="Invitations to be answered")
def invitations(request: HttpRequest) -> list[InvitationOut]:
    return [InvitationOut.of(one) for one in finding.my_invitations(actor=actor_of(request), now=timezone.now())]


@router.post("/invitations/{id}/accept", response={200: SignUpOut, **PROBLEMS}, auth=WRITE, summary="Accept: an ordinary sign-up")
def accept(request: HttpRequest, id: Id) -> SignUpOut:
    one = found(finding.invitation, request, id)
    outcome = services.accept(invitation=one, by=actor_of(request), now=timezone.now())
    if outcome.sign_up is None:
        raise Refused(outcome.message, code=outcome.code, other=outcome.other)
    return SignUpOut(id=outcome.sign_up, activity=one.activity_id, post=one.post_id, state=SignUpState(outcome.code))


@router.post("/invitations/{id}/decline", response={200: InvitationOut, **PROBLEMS}, auth=WRITE, summary="Decline, with a reason")
def decline(request: HttpRequest, id: Id, data: DeclineIn) -> InvitationOut:
    one = found(finding.invitation, request, id)
    services.decline(invitation=one, reason=data.reason, by=actor_of(request), now=timezone.now())
    return InvitationOut.of(found(finding.invitation, request, id))


@router.get(
    "/activities/{id}/candidates",
    response={200: list[CandidateOut], **PROBLEMS},
    auth=LEADER_READ,
    summary="Whom to ask, names masked",
)
def candidates(
    request: HttpRequest, id: Id, post: Annotated[int | None, Field(ge=1, lt=2**63, description="the first one without it")] = None
) -> list[CandidateOut]:
    chosen = finding.whom_to_ask(post=_post(request, id, post), actor=actor_of(request), now=timezone.now())
    return [CandidateOut(name=c.name, place=c.place, match=MatchOut.of(c.match)) for c in chosen]


@router.post(
    "/activities/{id}/invitations", response={201: InvitedOut, **PROBLEMS}, auth=LEADER_WRITE, summary="Ask the first of them"
)
def invite(request: HttpRequest, id: Id, data: AskIn) -> Status[InvitedOut]:
    actor, now, post = actor_of(request), timezone.now(), _post(request, id, data.post)
    chosen = finding.whom_to_ask(post=post, actor=actor, now=now, count=data.count)
    sent, passed = services.invite(post=post, chosen=chosen, by=actor, now=now)
    return Status(201, InvitedOut(sent=sent, passed=passed))


def _post(request: HttpRequest, activity: int, key: int | None) -> Post:
    one: Activity = found(selectors.activity, request, activity)
    if not may_invite(actor_of(request), one):
        raise Denied(Permission.ASSIGN)
    for post in one.posts.all():
        if key in (None, post.pk):
            post.activity = one
            return post
    raise Refused(_("没有这个岗位，活动可能已经改动。请刷新页面。"), code="missing", field="post")


@router.get("/plans", response={200: PlanPage, **PROBLEMS}, auth=LEADER_READ, summary="Plans of one's divisions")
def plans(request: HttpRequest, cursor: Cursor = None) -> PlanPage:
    page = finding.plans(actor=actor_of(request), cursor=cursor)
    return PlanPage(items=[PlanOut.of(one) for one in page.items], next=page.next, previous=page.previous)


@router.post("/plans", response={201: PlanOut, **PROBLEMS}, auth=LEADER_WRITE, summary="Compute an assignment")
def make_plan(request: HttpRequest, data: PlanIn) -> Status[PlanOut]:
    """Ready at once when it is small; a large one is `queued`: ask for it again."""
    now = timezone.now()
    known = vars(reading.terms(now).weights)
    strange = sorted(set(data.weights) - set(known))
    if strange:
        raise Refused(_("没有这个权重：%(name)s。") % {"name": strange[0][:40]}, code="weight", field="weights")
    made = services.make_plan(
        division=division_of(data.division), first_day=data.first_day, days=data.days, weights=Weights(**known | data.weights),
        by=actor_of(request), now=now,
    )  # fmt: skip
    return Status(201, PlanOut.of(made))


@router.get("/plans/{id}", response={200: PlanOut, **PROBLEMS}, auth=LEADER_READ, summary="One plan and what came out")
def plan(request: HttpRequest, id: Id) -> PlanOut:
    return PlanOut.of(found(finding.plan, request, id))


@router.post("/plans/{id}/send", response={200: InvitedOut, **PROBLEMS}, auth=LEADER_WRITE, summary="Invite everybody of the plan")
def send(request: HttpRequest, id: Id) -> InvitedOut:
    sent, passed = services.send_plan(plan=found(finding.plan, request, id), by=actor_of(request), now=timezone.now())
    return InvitedOut(sent=sent, passed=passed)


@router.post("/plans/{id}/discard", response={200: PlanOut, **PROBLEMS}, auth=LEADER_WRITE, summary="Put a plan aside")
def discard(request: HttpRequest, id: Id) -> PlanOut:
    one = found(finding.plan, request, id)
    services.discard_plan(plan=one, by=actor_of(request), now=timezone.now())
    return PlanOut.of(one)
