"""Which events an actor may read."""

from typing import TYPE_CHECKING

from django.db import models

from qunli.audit.perms import may_search
from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.audit.models import Event  # noqa: F401


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, actor: Actor) -> "EventQuerySet":
        """The auditor sees all events; everybody else sees none. Who looked at one's own data is told by `selectors.looks_at`."""
        return self if may_search(actor) else self.none()
