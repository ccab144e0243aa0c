"""What of this room an actor may see: one filter for lists and details."""

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from qunli.kernel.actor import Actor
from qunli.rules.enums import Audience
from qunli.rules.perms import Permission, may_read_all

if TYPE_CHECKING:
    from qunli.rules.models import Decision, Version  # noqa: F401


class VersionQuerySet(models.QuerySet["Version"]):
    def visible_to(self, actor: Actor) -> "VersionQuerySet":
        """Public ones for everyone, the others for who holds rules.read."""
        return self if may_read_all(actor) else self.filter(audience=Audience.PUBLIC)

    def standing(self) -> "VersionQuerySet":
        """Those that no later revision stands in for."""
        return self.filter(superseded_at=None)

    def in_force(self, day: date) -> "VersionQuerySet":
        """What counts on a day."""
        return self.standing().filter(Q(effective_to=None) | Q(effective_to__gt=day), effective_from__lte=day)


class DecisionQuerySet(models.QuerySet["Decision"]):
    def visible_to(self, actor: Actor) -> "DecisionQuerySet":
        """Decisions about oneself, and those in the divisions over which the actor holds rules.see_decisions."""
        seen = Q(person=actor.person_id) if actor.person_id is not None else Q(pk__in=[])
        for prefix in actor.ranges(Permission.SEE_DECISIONS):
            if prefix == "":
                return self
            seen |= Q(division__path__startswith=prefix)
        return self.filter(seen)
