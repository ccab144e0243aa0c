"""Reading the audit: the auditor searches all of it, a person sees who looked at their own data."""

from datetime import date, datetime, time
from typing import NamedTuple

from django.db.models import QuerySet

from qunli.audit.models import Event
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI


def search(
    *,
    actor: Actor,
    verb: str = "",
    subject: str = "",
    person_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
) -> QuerySet[Event]:
    """Events by what is given: the beginning of a verb, a subject, who acted, days of Shanghai from `since` to `until`."""
    found = Event.objects.visible_to(actor)
    if verb:
        found = found.filter(verb__startswith=verb)
    if subject:
        found = found.filter(subject=subject)
    if person_id is not None:
        found = found.filter(person_id=person_id)
    if since:
        found = found.filter(at__gte=datetime.combine(since, time(), SHANGHAI))
    if until:
        found = found.filter(at__lte=datetime.combine(until, time.max, SHANGHAI))
    return found


class Look(NamedTuple):
    """One look at what is masked, as the person concerned may know it."""

    when: datetime
    person_id: int | None
    """Who looked; none for the system itself."""
    what: str
    """`room.what`."""
    reason: str


def looks_at(subject: str, limit: int = 200) -> list[Look]:
    """The latest looks at what is masked of a subject: when, who, what, why. For the person concerned."""
    found = Event.objects.filter(subject=subject, verb__startswith="look.").order_by("-id")[:limit]
    return [Look(e.at, e.person_id, e.verb.removeprefix("look."), str(e.facts.get("reason", ""))) for e in found]
