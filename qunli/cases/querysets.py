"""What of this room an actor may see: one filter for lists and details."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from qunli.cases.enums import ENDED
from qunli.cases.perms import Permission
from qunli.divisions.selectors import within
from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.cases.models import Case, CaseEvent, Handler, Tally  # noqa: F401

SEEING = (Permission.SEE, Permission.DISPATCH, Permission.SUPERVISE)


def seen_ranges(actor: Actor) -> tuple[str, ...]:
    """Ranges of the divisions whose cases the actor sees."""
    return tuple(dict.fromkeys(path for permission in SEEING for path in actor.ranges(permission)))


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, actor: Actor) -> "CaseQuerySet":
        """One's own, those of the divisions that one sees, and those that one's unit has, helps with or was offered."""
        from qunli.cases.models import Handler

        ranges, units = seen_ranges(actor), sorted(actor.units(Permission.HANDLE))
        seen = within(ranges) | within(ranges, "owner_division")
        if actor.person_id is not None:
            seen |= Q(requester=actor.person_id)
        if units:
            helping = Handler.objects.filter(unit__in=units).filter(Q(role="assist") | Q(case__state="dispatched"))
            seen |= Q(owner_unit__in=units) | Q(pk__in=helping.values("case"))
        return self.filter(seen)

    def open(self) -> "CaseQuerySet":
        """Somebody still has to do something."""
        return self.exclude(state__in=ENDED)

    def with_places(self) -> "CaseQuerySet":
        """With the divisions that permissions ask for."""
        return self.select_related("division", "desk", "owner_division")


class EventQuerySet(models.QuerySet["CaseEvent"]):
    def visible_to(self, actor: Actor) -> "EventQuerySet":
        """Those of the cases that the actor sees."""
        from qunli.cases.models import Case

        return self.filter(case__in=Case.objects.visible_to(actor))


class HandlerQuerySet(models.QuerySet["Handler"]):
    def visible_to(self, actor: Actor) -> "HandlerQuerySet":
        """Those of the cases that the actor sees."""
        from qunli.cases.models import Case

        return self.filter(case__in=Case.objects.visible_to(actor))


class TallyQuerySet(models.QuerySet["Tally"]):
    def visible_to(self, actor: Actor) -> "TallyQuerySet":
        """Those of the divisions whose cases the actor sees."""
        return self.filter(within(seen_ranges(actor)))
