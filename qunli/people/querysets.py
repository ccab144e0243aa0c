"""Which records of people an actor may reach: the one filter for lists and details."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from qunli.divisions.selectors import within
from qunli.kernel.actor import Actor
from qunli.people.perms import Permission

if TYPE_CHECKING:
    from qunli.people.models import Person  # noqa: F401


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, actor: Actor) -> "PersonQuerySet":
        """One's own record, those of one's wards, and those of people who live where people.see is held.

        A person without a division is seen by whoever holds it over a whole city.
        """
        return self.reached_by(actor, Permission.SEE)

    def reached_by(self, actor: Actor, permission: Permission) -> "PersonQuerySet":
        """One's own, one's wards', and those of the range of `permission`."""
        ranges = actor.ranges(permission)
        if "" in ranges:
            return self
        reach = within(ranges)
        if any(path.count("/") == 1 for path in ranges):
            reach |= Q(division=None)
        if actor.person_id is not None:
            mine = Q(guardianships__guardian_id=actor.person_id, guardianships__until=None)
            reach |= Q(pk=actor.person_id) | Q(pk__in=self.model.objects.filter(mine).values("pk"))
        return self.filter(reach)

    def alive(self) -> "PersonQuerySet":
        """Records that stand for a person: neither merged into another nor erased."""
        return self.filter(merged_into=None, erased_at=None)
