"""When somebody is paid to be on duty (值班): time on duty is no volunteer service."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.people.models import Person
from qunli.service_hours import querysets


class DutyShift(models.Model):
    """A paid shift of a community worker at a division, from its roster."""

    division = models.ForeignKey(Division, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="duty_shifts", db_index=False)
    since = models.DateTimeField()
    until = models.DateTimeField()
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+", db_index=False)

    objects = querysets.DutyQuerySet.as_manager()

    class Meta:
        verbose_name = _("值班安排")
        constraints = [models.CheckConstraint(condition=Q(until__gt=F("since")), name="duty_ends_after_start")]
        indexes = [models.Index(fields=["person", "since"], name="duty_person")]
