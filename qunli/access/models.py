"""Postings: which role a person holds, over which division, from when to when."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.people.models import Person


class Posting(models.Model):
    """`unit` narrows the grant to one object of a higher room, such as "team:42"; empty means the whole division."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="postings")
    role = models.CharField(_("角色"), max_length=30)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+")
    unit = models.CharField(max_length=40, blank=True, default="")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    granted_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    granted_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("任职")
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "division", "unit"], condition=models.Q(valid_to=None), name="posting_once")
        ]
        indexes = [models.Index(fields=["person"]), models.Index(fields=["unit"], condition=~models.Q(unit=""), name="posting_unit")]
