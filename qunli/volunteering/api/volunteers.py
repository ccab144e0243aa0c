"""Volunteers of a division, for those who answer for it."""

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of
from qunli.volunteering import numbers, selectors, services
from qunli.volunteering.api.common import Cursor
from qunli.volunteering.api.schemas import Text, Why
from qunli.volunteering.asking import found
from qunli.volunteering.enums import VolunteerState as State
from qunli.volunteering.models import Volunteer
from qunli.volunteering.perms import Permission

router = Router(tags=["volunteers"])
READ, WRITE = needs("volunteers:read"), needs("volunteers:write")


class FindVolunteers(Schema):
    q: Annotated[Text, Field(max_length=50, description="the whole public number; or, with people:read, a part of the name")] = ""
    state: State | None = None
    cursor: Cursor = None


class OneVolunteer(Schema):
    id: int
    number: str = Field(description="public number")
    shown: str
    name: str = Field(description="masked")
    state: State
    division: str
    minutes: int = Field(description="minutes of verified service")

    @staticmethod
    def of(volunteer: Volunteer) -> "OneVolunteer":
        return OneVolunteer(
            id=volunteer.pk,
            number=volunteer.number,
            shown=numbers.shown(volunteer.number),
            name=volunteer.person.masked_name,
            state=State(volunteer.state),
            division=volunteer.division.code,
            minutes=volunteer.minutes,
        )


class VolunteerPage(Schema):
    items: list[OneVolunteer]
    next: str | None
    previous: str | None


@router.get("/volunteers", response={200: VolunteerPage, **PROBLEMS}, auth=READ, summary="Volunteers of one's range, names masked")
def find(request: HttpRequest, wanted: Query[FindVolunteers]) -> VolunteerPage:
    actor = actor_of(request)
    if not actor.ranges(Permission.VIEW_VOLUNTEERS):
        raise Denied(Permission.VIEW_VOLUNTEERS)
    page = selectors.find_volunteers(words=wanted.q, state=wanted.state or "", actor=actor, cursor=wanted.cursor)
    return VolunteerPage(items=[OneVolunteer.of(one) for one in page.items], next=page.next, previous=page.previous)


@router.post("/volunteers/{id}/suspend", response={200: OneVolunteer, **PROBLEMS}, auth=WRITE, summary="Suspend a volunteer")
def suspend(request: HttpRequest, id: Id, data: Why) -> OneVolunteer:
    """No new sign-ups until restored; the person reads the reason."""
    one = found(selectors.volunteer, request, id)
    services.suspend(volunteer=one, reason=data.reason, by=actor_of(request), now=timezone.now())
    return OneVolunteer.of(one)


@router.post("/volunteers/{id}/restore", response={200: OneVolunteer, **PROBLEMS}, auth=WRITE, summary="End a suspension")
def restore(request: HttpRequest, id: Id) -> OneVolunteer:
    one = found(selectors.volunteer, request, id)
    services.restore(volunteer=one, by=actor_of(request), now=timezone.now())
    return OneVolunteer.of(one)
