"""Reads of one's own notices."""

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from qunli.kernel.actor import Actor
from qunli.notices.models import Feed, Notice, Preference
from qunli.people.models import Person


class Entry(NamedTuple):
    """One thing in a person's calendar. `uid` never changes for it; `changed_at` is when it last did."""

    uid: str
    title: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    place: str = ""
    text: str = ""
    url: str = ""
    """Path on this site."""
    cancelled: bool = False


def notices(actor: Actor) -> QuerySet[Notice]:
    """The actor's own notices."""
    return Notice.objects.visible_to(actor)


UNREAD = "SELECT count(*) FROM (SELECT FROM notices_notice WHERE person_id = %s AND read_at IS NULL LIMIT %s) unread"
"""Written out, as every page asks it: `Notice.objects.visible_to(actor).unread()`, counted."""


def unread_count(actor: Actor, at_most: int = 100) -> int:
    """How many of the actor's notices are unread; counting stops at `at_most`."""
    with connection.cursor() as cursor:
        cursor.execute(UNREAD, [actor.person_id, at_most])
        (counted,) = cursor.fetchone()
    return int(counted)


def preference(person_id: int) -> Preference:
    """The person's choices, or the usual ones."""
    return Preference.objects.filter(person_id=person_id).first() or Preference(person_id=person_id)


def feed_owner(key: str) -> Person | None:
    """Whose calendar feed has this secret key."""
    feed = Feed.objects.filter(digest=sha256(key.encode()).digest()).select_related("person").first()
    return feed.person if feed else None


def has_feed(actor: Actor) -> bool:
    """Whether the actor has an address for a calendar feed."""
    return actor.person_id is not None and Feed.objects.filter(person_id=actor.person_id).exists()
