"""The audit for a log store of the city's own."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from qunli.audit import selectors
from qunli.audit.perms import Permission, may_search
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of
from qunli.kernel.pages import paginate

router = Router(tags=["audit"])


class EventOut(Schema):
    id: int
    at: datetime
    actor: str
    person_id: int | None
    verb: str
    subject: str
    facts: dict[str, Any]
    address: str | None
    request_id: str
    position: int | None
    """Place in the chain; null while not sealed."""
    digest: str | None


class EventPage(Schema):
    items: list[EventOut]
    next: str | None
    previous: str | None


@router.get("/", response={200: EventPage, **PROBLEMS}, auth=needs("audit:read"), summary="Events, the newest first")
def events(
    request: HttpRequest,
    verb: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = "",
    subject: Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")] = "",
    person: Id | None = None,
    since: date | None = None,
    until: date | None = None,
    cursor: str | None = None,
) -> EventPage:
    actor = actor_of(request)
    if not may_search(actor):
        raise Denied(Permission.SEARCH)
    found = selectors.search(actor=actor, verb=verb, subject=subject, person_id=person, since=since, until=until)
    page = paginate(found, order=("-id",), cursor=cursor, size=100)
    items = [
        EventOut(
            id=event.pk,
            at=event.at,
            actor=event.actor,
            person_id=event.person_id,
            verb=event.verb,
            subject=event.subject,
            facts=event.facts,
            address=event.address,
            request_id=event.request_id,
            position=event.position,
            digest=bytes(event.digest).hex() if event.digest else None,
        )
        for event in page.items
    ]
    return EventPage(items=items, next=page.next, previous=page.previous)
