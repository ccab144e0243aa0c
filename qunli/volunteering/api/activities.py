"""Activities: finding, writing, approving."""

from datetime import date
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from pydantic import Field

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of
from qunli.people.models import Person
from qunli.volunteering import selectors, services
from qunli.volunteering.api.common import Cursor, division_of
from qunli.volunteering.api.schemas import ActivityChange, ActivityDetail, ActivityIn, ActivityPage, Text, Why
from qunli.volunteering.asking import found
from qunli.volunteering.enums import Category
from qunli.volunteering.models import Activity
from qunli.volunteering.selectors import Place, Wanted
from qunli.volunteering.services import ActivityValues, PostValues

router = Router(tags=["activities"])
READ, WRITE = needs("activities:read"), needs("activities:write")


class FindActivities(Schema):
    q: Annotated[Text, Field(max_length=50, description="words, pinyin or initials")] = ""
    category: Category | None = None
    division: Annotated[str | None, Field(pattern=r"^[0-9A-Z]{12}$", description="this division and all below it")] = None
    day: Annotated[date | None, Field(description="begins on this date of Asia/Shanghai")] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180, description="with latitude: nearest first")] = None
    latitude: Annotated[float | None, Field(ge=-85, le=85)] = None
    free: Annotated[bool, Field(description="only with places left")] = False
    when: Annotated[Literal["open", "past"], Field(description="to come, or over (by words: of the last 92 days)")] = "open"
    cursor: Cursor = None


@router.get("/activities", response={200: ActivityPage, **PROBLEMS}, auth=READ, summary="Find activities")
def find(request: HttpRequest, wanted: Query[FindActivities]) -> ActivityPage:
    """Soonest first, or nearest first when a place is given; past ones latest first."""
    near = None
    if wanted.longitude is not None and wanted.latitude is not None:
        near = Place(wanted.longitude, wanted.latitude)
    page = selectors.find_activities(
        wanted=Wanted(
            words=wanted.q,
            category=wanted.category or "",
            division=division_of(wanted.division) if wanted.division else None,
            day=wanted.day,
            near=near,
            free=wanted.free,
            past=wanted.when == "past",
        ),
        actor=actor_of(request),
        now=timezone.now(),
        cursor=wanted.cursor,
    )
    return ActivityPage.of(page)


@router.get(
    "/activities/led", response={200: ActivityPage, **PROBLEMS}, auth=READ, summary="Activities of the teams that one leads"
)
def led(request: HttpRequest, cursor: Cursor = None) -> ActivityPage:
    return ActivityPage.of(selectors.led_activities(actor=actor_of(request), cursor=cursor))


@router.get("/activities/to-decide", response={200: ActivityPage, **PROBLEMS}, auth=READ, summary="What waits for one's approval")
def to_decide(request: HttpRequest, cursor: Cursor = None) -> ActivityPage:
    return ActivityPage.of(selectors.activities_to_decide(actor=actor_of(request), cursor=cursor))


@router.get("/activities/{id}", response={200: ActivityDetail, **PROBLEMS}, auth=READ, summary="One activity with its posts")
def get(request: HttpRequest, id: Id) -> ActivityDetail:
    return _detail(request, id)


@router.post("/teams/{id}/activities", response={201: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="Write a draft for a team")
def create(request: HttpRequest, id: Id, data: ActivityIn) -> Status[ActivityDetail]:
    team = found(selectors.team, request, id)
    values, posts = _values(request, data)
    made = services.create_activity(team=team, values=values, posts=posts, by=actor_of(request), now=timezone.now())
    return Status(201, _detail(request, made.pk))


@router.put("/activities/{id}", response={200: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="Change an activity")
def change(request: HttpRequest, id: Id, data: ActivityChange) -> ActivityDetail:
    """A draft is changed freely; a published activity with a reason, and everybody signed up is told."""
    one = found(selectors.activity, request, id)
    values, posts = _values(request, data, one)
    actor, now = actor_of(request), timezone.now()
    if one.state == "published":
        services.change_activity(activity=one, values=values, posts=posts, reason=data.reason, by=actor, now=now)
    else:
        services.edit_activity(activity=one, values=values, posts=posts, by=actor, now=now)
    return _detail(request, id)


@router.post("/activities/{id}/submit", response={200: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="Ask for approval")
def submit(request: HttpRequest, id: Id) -> ActivityDetail:
    services.submit_activity(activity=found(selectors.activity, request, id), by=actor_of(request), now=timezone.now())
    return _detail(request, id)


@router.post("/activities/{id}/approve", response={200: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="Open it for sign-up")
def approve(request: HttpRequest, id: Id) -> ActivityDetail:
    services.approve_activity(activity=found(selectors.activity, request, id), by=actor_of(request), now=timezone.now())
    return _detail(request, id)


@router.post(
    "/activities/{id}/return", response={200: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="Give it back with a reason"
)
def send_back(request: HttpRequest, id: Id, why: Why) -> ActivityDetail:
    one = found(selectors.activity, request, id)
    services.return_activity(activity=one, reason=why.reason, by=actor_of(request), now=timezone.now())
    return _detail(request, id)


@router.post("/activities/{id}/cancel", response={200: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="Call it off")
def cancel(request: HttpRequest, id: Id, why: Why) -> ActivityDetail:
    """Everybody signed up or waiting is told."""
    one = found(selectors.activity, request, id)
    services.cancel_activity(activity=one, reason=why.reason, by=actor_of(request), now=timezone.now())
    return _detail(request, id)


@router.post("/activities/{id}/copy", response={201: ActivityDetail, **PROBLEMS}, auth=WRITE, summary="The same again as a draft")
def copy(request: HttpRequest, id: Id) -> Status[ActivityDetail]:
    one = found(selectors.activity, request, id)
    made = services.copy_activity(activity=one, by=actor_of(request), now=timezone.now())
    return Status(201, _detail(request, made.pk))


def _detail(request: HttpRequest, pk: int) -> ActivityDetail:
    return ActivityDetail.of(found(selectors.activity, request, pk))


def _values(request: HttpRequest, data: ActivityIn, one: Activity | None = None) -> tuple[ActivityValues, list[PostValues]]:
    fields = data.dict(exclude={"posts", "division", "person_in_charge", "reason"})
    chosen = data.person_in_charge or (one.person_in_charge_id if one is not None else actor_of(request).person_id)
    person = Person.objects.filter(pk=chosen or 0).first()
    if person is None:
        raise Refused(_("负责人要是这支队伍的队长。"), code="person_in_charge", field="person_in_charge")
    values = ActivityValues(division=division_of(data.division), person_in_charge=person, **fields)
    return values, [PostValues(p.name, p.places, [str(s) for s in p.skills], p.id) for p in data.posts]
