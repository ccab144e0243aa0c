"""One's own messages."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.http import actor_of
from qunli.kernel.pages import paginate
from qunli.notices import selectors, services
from qunli.notices.rendering import text_of

router = Router(tags=["notices"])


class NoticeOut(Schema):
    id: int
    subject: str
    body: str
    url: str
    created_at: datetime
    read_at: datetime | None


class NoticePage(Schema):
    items: list[NoticeOut]
    next: str | None
    previous: str | None


class MarkIn(Schema):
    ids: Annotated[list[Id], Field(max_length=500)] | None = None
    """Messages to mark; left out: all."""


class Marked(Schema):
    marked: int


@router.get("/", response={200: NoticePage, **PROBLEMS}, auth=needs("account:read"), summary="One's own messages, the newest first")
def list_notices(request: HttpRequest, cursor: str | None = None) -> NoticePage:
    page = paginate(selectors.notices(actor_of(request)), order=("-id",), cursor=cursor)
    items = []
    for notice in page.items:
        text = text_of(notice)
        items.append(
            NoticeOut(
                id=notice.pk,
                subject=text.subject,
                body=text.body,
                url=notice.url,
                created_at=notice.created_at,
                read_at=notice.read_at,
            )
        )
    return NoticePage(items=items, next=page.next, previous=page.previous)


@router.post("/read", response={200: Marked, **PROBLEMS}, auth=needs("account:write"), summary="Mark messages as read")
def mark_read(request: HttpRequest, data: MarkIn) -> Marked:
    done = services.mark_read(notice_ids=data.ids, by=actor_of(request), now=timezone.now())
    return Marked(marked=done)
