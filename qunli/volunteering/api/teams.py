"""Teams and their members."""

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of
from qunli.volunteering import selectors, services
from qunli.volunteering.api.common import Cursor, division_of
from qunli.volunteering.api.schemas import MembershipOut, MembershipPage, TeamIn, TeamOut, TeamPage, Text, TransferIn, Why
from qunli.volunteering.asking import found
from qunli.volunteering.enums import MembershipState, Sponsor, TeamLevel
from qunli.volunteering.perms import Permission, may_see_members
from qunli.volunteering.selectors import WantedTeams
from qunli.volunteering.services import TeamValues

router = Router(tags=["teams"])
READ, WRITE = needs("teams:read"), needs("teams:write")


class FindTeams(Schema):
    q: Annotated[Text, Field(max_length=50, description="words, pinyin or initials")] = ""
    division: Annotated[str | None, Field(pattern=r"^[0-9A-Z]{12}$", description="this division and all below it")] = None
    level: TeamLevel | None = None
    sponsor: Sponsor | None = None
    cursor: Cursor = None


@router.get("/teams", response={200: TeamPage, **PROBLEMS}, auth=READ, summary="Find teams, largest first")
def find(request: HttpRequest, wanted: Query[FindTeams]) -> TeamPage:
    page = selectors.find_teams(
        wanted=WantedTeams(
            words=wanted.q,
            division=division_of(wanted.division) if wanted.division else None,
            level=wanted.level or "",
            sponsor=wanted.sponsor or "",
        ),
        actor=actor_of(request),
        cursor=wanted.cursor,
    )
    return TeamPage.of(page)


@router.get(
    "/teams/to-decide", response={200: TeamPage, **PROBLEMS}, auth=READ, summary="Applications that wait for one's decision"
)
def to_decide(request: HttpRequest, cursor: Cursor = None) -> TeamPage:
    return TeamPage.of(selectors.teams_to_decide(actor=actor_of(request), cursor=cursor))


@router.get("/teams/mine", response={200: list[MembershipOut], **PROBLEMS}, auth=READ, summary="Teams that one is in")
def mine(request: HttpRequest) -> list[MembershipOut]:
    return [MembershipOut.of(m) for m in selectors.my_memberships(actor=actor_of(request))]


@router.get("/teams/{id}", response={200: TeamOut, **PROBLEMS}, auth=READ, summary="One team")
def get(request: HttpRequest, id: Id) -> TeamOut:
    return TeamOut.of(found(selectors.team, request, id))


@router.post("/teams", response={201: TeamOut, **PROBLEMS}, auth=WRITE, summary="Apply for a new team")
def apply(request: HttpRequest, data: TeamIn) -> Status[TeamOut]:
    """The level above decides; the applicant becomes its leader."""
    made = services.apply_team(values=_values(data), by=actor_of(request), now=timezone.now())
    return Status(201, TeamOut.of(made))


@router.put("/teams/{id}", response={200: TeamOut, **PROBLEMS}, auth=WRITE, summary="Hand a rejected application in again")
def again(request: HttpRequest, id: Id, data: TeamIn) -> TeamOut:
    one = found(selectors.team, request, id)
    services.apply_again(team=one, values=_values(data), by=actor_of(request), now=timezone.now())
    return get(request, id)


@router.post("/teams/{id}/approve", response={200: TeamOut, **PROBLEMS}, auth=WRITE, summary="Take the team in")
def approve(request: HttpRequest, id: Id) -> TeamOut:
    services.approve_team(team=found(selectors.team, request, id), by=actor_of(request), now=timezone.now())
    return get(request, id)


@router.post("/teams/{id}/reject", response={200: TeamOut, **PROBLEMS}, auth=WRITE, summary="Say no, with a reason")
def reject(request: HttpRequest, id: Id, why: Why) -> TeamOut:
    one = found(selectors.team, request, id)
    services.reject_team(team=one, reason=why.reason, by=actor_of(request), now=timezone.now())
    return TeamOut.of(one)


@router.post("/teams/{id}/dissolve", response={200: TeamOut, **PROBLEMS}, auth=WRITE, summary="End a team")
def dissolve(request: HttpRequest, id: Id, why: Why) -> TeamOut:
    one = found(selectors.team, request, id)
    services.dissolve_team(team=one, reason=why.reason, by=actor_of(request), now=timezone.now())
    return TeamOut.of(one)


@router.get("/teams/{id}/members", response={200: MembershipPage, **PROBLEMS}, auth=READ, summary="Members, names masked")
def members(request: HttpRequest, id: Id, state: MembershipState = MembershipState.ACTIVE, cursor: Cursor = None) -> MembershipPage:
    one = found(selectors.team, request, id)
    if not may_see_members(actor_of(request), one):
        raise Denied(Permission.LEAD_TEAM)
    page = selectors.members(team=one, actor=actor_of(request), state=state, cursor=cursor)
    return MembershipPage(items=[MembershipOut.of(m) for m in page.items], next=page.next, previous=page.previous)


@router.post("/teams/{id}/members", response={201: MembershipOut, **PROBLEMS}, auth=WRITE, summary="Ask to be taken in")
def join(request: HttpRequest, id: Id) -> Status[MembershipOut]:
    made = services.join(team=found(selectors.team, request, id), by=actor_of(request), now=timezone.now())
    return Status(201, _membership(request, made.pk))


@router.post("/memberships/{id}/approve", response={200: MembershipOut, **PROBLEMS}, auth=WRITE, summary="Take an applicant in")
def approve_member(request: HttpRequest, id: Id) -> MembershipOut:
    services.approve_member(membership=found(selectors.membership, request, id), by=actor_of(request), now=timezone.now())
    return _membership(request, id)


@router.post("/memberships/{id}/reject", response={200: MembershipOut, **PROBLEMS}, auth=WRITE, summary="Say no to an applicant")
def reject_member(request: HttpRequest, id: Id, why: Why) -> MembershipOut:
    one = found(selectors.membership, request, id)
    services.reject_member(membership=one, reason=why.reason, by=actor_of(request), now=timezone.now())
    return _membership(request, id)


@router.post("/memberships/{id}/leader", response={200: MembershipOut, **PROBLEMS}, auth=WRITE, summary="Make a member a leader")
def make_leader(request: HttpRequest, id: Id) -> MembershipOut:
    services.make_leader(membership=found(selectors.membership, request, id), by=actor_of(request), now=timezone.now())
    return _membership(request, id)


@router.delete("/memberships/{id}/leader", response={200: MembershipOut, **PROBLEMS}, auth=WRITE, summary="Step down as a leader")
def unmake_leader(request: HttpRequest, id: Id) -> MembershipOut:
    services.unmake_leader(membership=found(selectors.membership, request, id), by=actor_of(request), now=timezone.now())
    return _membership(request, id)


@router.delete("/memberships/{id}", response={204: None, **PROBLEMS}, auth=WRITE, summary="Leave a team")
def leave(request: HttpRequest, id: Id) -> Status[None]:
    services.leave(membership=found(selectors.membership, request, id), by=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/memberships/{id}/transfer", response={201: MembershipOut, **PROBLEMS}, auth=WRITE, summary="Move to another team")
def transfer(request: HttpRequest, id: Id, data: TransferIn) -> Status[MembershipOut]:
    one = found(selectors.membership, request, id)
    made = services.transfer(membership=one, to=found(selectors.team, request, data.to), by=actor_of(request), now=timezone.now())
    return Status(201, _membership(request, made.pk))


def _membership(request: HttpRequest, pk: int) -> MembershipOut:
    return MembershipOut.of(found(selectors.membership, request, pk))


def _values(data: TeamIn) -> TeamValues:
    division = division_of(data.division)
    return TeamValues(
        division=division, parent=selectors.parent_for(level=data.level, division=division), **data.dict(exclude={"division"})
    )
