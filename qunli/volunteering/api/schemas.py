"""What the API takes and gives. Times are ISO 8601 with an offset; divisions are twelve-digit codes."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, Field

from qunli.kernel.api import Id
from qunli.kernel.masking import mask_name
from qunli.kernel.pages import Page
from qunli.people.enums import IdKind, Purpose, Relation, Sex
from qunli.volunteering import numbers
from qunli.volunteering.enums import (
    ActivityState,
    Category,
    MembershipState,
    Nature,
    SignUpState,
    Skill,
    Sponsor,
    TeamLevel,
    TeamState,
)
from qunli.volunteering.enums import VolunteerState as State
from qunli.volunteering.models import Activity, Membership, Post, SignUp, Team, Volunteer
from qunli.volunteering.selectors import Standing


def _storable(text: str) -> str:
    """What PostgreSQL can hold: no NUL, no half of a surrogate pair."""
    if "\x00" in text:
        raise ValueError("NUL characters are not allowed")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("not valid Unicode") from error
    return text


Text = Annotated[str, AfterValidator(_storable)]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{12}$", description="division code, twelve characters")]
Reason = Annotated[str, AfterValidator(_storable), Field(min_length=1, max_length=200)]


class PostOut(Schema):
    id: int
    name: str
    places: int
    taken: int = Field(description="sign-ups that hold a place")
    skills: list[Skill] = Field(description="skills that one must have")

    @staticmethod
    def of(post: Post) -> "PostOut":
        return PostOut(id=post.pk, name=post.name, places=post.places, taken=post.taken, skills=[Skill(s) for s in post.skills])


class ActivityOut(Schema):
    id: int
    title: str
    category: Category
    state: ActivityState
    team: int
    team_name: str
    division: str = Field(description="division code")
    division_name: str
    starts_at: datetime
    ends_at: datetime
    address: str
    longitude: float | None = Field(description="WGS-84 degrees")
    latitude: float | None
    places: int
    taken: int
    metres: int | None = Field(None, description="distance from `near`, if it was given")

    @staticmethod
    def fields_of(activity: Activity) -> dict[str, Any]:
        plain = ("title", "category", "state", "starts_at", "ends_at", "address", "longitude", "latitude", "places", "taken")
        return {name: getattr(activity, name) for name in plain} | {
            "id": activity.pk,
            "team": activity.team_id,
            "team_name": activity.team.name,
            "division": activity.division.code,
            "division_name": activity.division.name,
            "metres": getattr(activity, "metres", None),
        }


class ActivityDetail(ActivityOut):
    content: str
    risk_notice: str
    danger: bool
    min_age: int
    max_age: int | None
    radius: int = Field(description="metres within which signing in by place works")
    nature: Nature
    subsidy: Decimal = Field(description="yuan a person")
    state_reason: str = Field(description="why it was returned or cancelled")
    posts: list[PostOut]

    @staticmethod
    def of(activity: Activity) -> "ActivityDetail":
        plain = ("content", "risk_notice", "danger", "min_age", "max_age", "radius", "nature", "subsidy", "state_reason")
        more = {name: getattr(activity, name) for name in plain}
        posts = [PostOut.of(post) for post in sorted(activity.posts.all(), key=lambda post: post.pk)]
        return ActivityDetail(**ActivityOut.fields_of(activity), **more, posts=posts)


class ActivityPage(Schema):
    items: list[ActivityOut]
    next: str | None = Field(description="cursor of the next page")
    previous: str | None

    @staticmethod
    def of(page: Page[Activity]) -> "ActivityPage":
        items = [ActivityOut(**ActivityOut.fields_of(a)) for a in page.items]
        return ActivityPage(items=items, next=page.next, previous=page.previous)


class PostIn(Schema):
    id: Id | None = Field(None, description="the post that is changed; none for a new one")
    name: Text = Field(min_length=1, max_length=40)
    places: int = Field(ge=1, le=9999)
    skills: list[Skill] = []


class ActivityIn(Schema):
    title: Text = Field(min_length=1, max_length=100)
    category: Category
    content: Text = Field(min_length=1, max_length=4000)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    division: Code
    address: Text = Field(min_length=1, max_length=200)
    longitude: float | None = Field(None, ge=-180, le=180)
    latitude: float | None = Field(None, ge=-85, le=85)
    radius: int = Field(500, ge=50, le=5000)
    min_age: int = Field(18, ge=0, le=120)
    max_age: int | None = Field(None, ge=0, le=120)
    risk_notice: Text = Field(min_length=1, max_length=1000, description="《志愿服务条例》 article 12")
    danger: bool = Field(False, description="personal danger is possible: insurance is needed (article 17)")
    insurance: Text = Field("", max_length=60)
    nature: Nature = Field(Nature.SERVICE, description="only service counts (rules service-counts)")
    subsidy: Decimal = Field(Decimal(0), ge=0, lt=1_000_000, decimal_places=2, description="yuan a person")
    own_cost: Decimal = Field(Decimal(0), ge=0, lt=1_000_000, decimal_places=2, description="yuan that each spends, estimated")
    service_declared: bool = Field(
        False,
        description="of public benefit, freely given, nobody's own interest, not paid by those served; needed to submit",
    )
    person_in_charge: Id | None = Field(None, description="a leader of the team; the caller when none is given")
    posts: list[PostIn] = Field(min_length=1, max_length=20)


class ActivityChange(ActivityIn):
    reason: Text = Field("", max_length=200, description="needed when the activity is published: everybody signed up is told")


class Why(Schema):
    reason: Reason


class StandingOut(Schema):
    """How one stands to a post: every condition, by the facts on which the sign-up decides."""

    post: int
    ready: bool = Field(description="whether all conditions hold; a full post can still be waited for")
    full: bool
    already: int | None = Field(description="one's sign-up for this activity, if there is one")
    clash: int | None = Field(description="the activity that overlaps, if one does")
    checks: list[dict[str, Any]] = Field(description="code, holds, says, clause")

    @staticmethod
    def of(standing: Standing) -> "StandingOut":
        checks = [check._asdict() for check in standing.checks]
        return StandingOut(
            post=standing.post.pk,
            ready=standing.ready,
            full=standing.full,
            already=standing.already,
            clash=standing.clash,
            checks=checks,
        )


class SignUpIn(Schema):
    post: Id
    wait: bool = Field(False, description="onto the waiting list when the post is full")


class SignUpOut(Schema):
    id: int
    activity: int
    post: int
    state: SignUpState
    created_at: datetime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    title: str = ""

    @staticmethod
    def of(sign_up: SignUp) -> "SignUpOut":
        return SignUpOut(
            id=sign_up.pk,
            activity=sign_up.activity_id,
            post=sign_up.post_id,
            state=SignUpState(sign_up.state),
            created_at=sign_up.created_at,
            starts_at=sign_up.activity.starts_at,
            ends_at=sign_up.activity.ends_at,
            title=sign_up.activity.title,
        )


class SignUpPage(Schema):
    items: list[SignUpOut]
    next: str | None
    previous: str | None

    @staticmethod
    def of(page: Page[SignUp]) -> "SignUpPage":
        return SignUpPage(items=[SignUpOut.of(s) for s in page.items], next=page.next, previous=page.previous)


class RosterRow(Schema):
    id: int
    post: int
    state: SignUpState
    name: str = Field(description="masked")
    created_at: datetime

    @staticmethod
    def of(sign_up: SignUp) -> "RosterRow":
        return RosterRow(
            id=sign_up.pk,
            post=sign_up.post_id,
            state=SignUpState(sign_up.state),
            name=mask_name(sign_up.person.name),
            created_at=sign_up.created_at,
        )


class Roster(Schema):
    items: list[RosterRow]
    next: str | None
    previous: str | None


class TeamOut(Schema):
    id: int
    name: str
    level: TeamLevel
    sponsor: Sponsor
    sponsor_name: str
    credit_code: str
    division: str
    division_name: str
    parent: int | None
    state: TeamState
    state_reason: str
    members: int
    introduction: str
    founded_on: date

    @staticmethod
    def of(team: Team) -> "TeamOut":
        plain = (
            "name",
            "level",
            "sponsor",
            "sponsor_name",
            "credit_code",
            "state",
            "state_reason",
            "members",
            "introduction",
            "founded_on",
        )
        return TeamOut(
            **{name: getattr(team, name) for name in plain},
            id=team.pk,
            division=team.division.code,
            division_name=team.division.name,
            parent=team.parent_id,
        )


class TeamPage(Schema):
    items: list[TeamOut]
    next: str | None
    previous: str | None

    @staticmethod
    def of(page: Page[Team]) -> "TeamPage":
        return TeamPage(items=[TeamOut.of(t) for t in page.items], next=page.next, previous=page.previous)


class TeamIn(Schema):
    name: Text = Field(min_length=1, max_length=100)
    level: TeamLevel = TeamLevel.COMMUNITY
    division: Code
    sponsor: Sponsor
    sponsor_name: Text = Field("", max_length=100)
    credit_code: Text = Field("", max_length=18, description="GB 32100; needed of social organisations and enterprises")
    introduction: Text = Field("", max_length=2000)
    founded_on: date | None = None


class MembershipOut(Schema):
    id: int
    team: int
    state: MembershipState
    leader: bool
    name: str = Field(description="masked")
    number: str = Field(description="public number of the volunteer")
    applied_at: datetime
    joined_at: datetime | None

    @staticmethod
    def of(membership: Membership) -> "MembershipOut":
        return MembershipOut(
            id=membership.pk,
            team=membership.team_id,
            state=MembershipState(membership.state),
            leader=membership.leader,
            name=mask_name(membership.volunteer.person.name),
            number=membership.volunteer.number,
            applied_at=membership.applied_at,
            joined_at=membership.joined_at,
        )


class MembershipPage(Schema):
    items: list[MembershipOut]
    next: str | None
    previous: str | None


class TransferIn(Schema):
    to: Id = Field(description="the team to which one moves")


class VolunteerOut(Schema):
    number: str = Field(description="public number: fourteen digits with a check digit, says nothing of the identity number")
    shown: str
    state: State
    division: str
    skills: list[Skill]
    categories: list[Category]
    free_times: int = Field(description="21 bits: Monday morning, afternoon, evening, Tuesday morning, ...")
    minutes: int = Field(description="minutes of verified service")
    registered_at: datetime

    @staticmethod
    def of(volunteer: Volunteer) -> "VolunteerOut":
        return VolunteerOut(
            number=volunteer.number,
            shown=numbers.shown(volunteer.number),
            state=State(volunteer.state),
            division=volunteer.division.code,
            skills=[Skill(s) for s in volunteer.skills],
            categories=[Category(c) for c in volunteer.categories],
            free_times=volunteer.free_times,
            minutes=volunteer.minutes,
            registered_at=volunteer.registered_at,
        )


class OfferIn(Schema):
    division: Code
    skills: list[Skill] = []
    categories: list[Category] = []
    free_times: int = Field(0, ge=0, lt=2**21)


class GuardianIn(Schema):
    name: Text = Field(min_length=1, max_length=50)
    id_kind: IdKind = IdKind.RESIDENT
    id_number: Text = Field(min_length=1, max_length=32)
    phone: Text = Field(min_length=1, max_length=20)
    relation: Relation
    code: Text = Field("", max_length=10, description="what the guardian got by SMS and agrees with")


class GuardianAskedIn(GuardianIn):
    minor: Text = Field(min_length=1, max_length=50, description="the name of who wants to register")


class RegistrationIn(OfferIn):
    """Identity may be left out when the account's person has shown it before."""

    name: Text = Field("", max_length=50)
    id_kind: IdKind = IdKind.RESIDENT
    id_number: Text = Field("", max_length=32)
    sex: Sex | None = None
    birth_date: date | None = Field(None, description="only for documents whose number does not hold it")
    phone: Text = Field("", max_length=20)
    consents: list[Purpose] = Field(description="registration and identity are needed")
    guardian: GuardianIn | None = Field(None, description="needed under 18")
