"""Postings: which role a person holds, over which division, from when to when."""

from datetime import date
from typing import Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.divisions.selectors import within
from qunli.kernel.actor import Actor
from qunli.people.models import Person

ADMINISTRATORS = ("system_administrator", "security_administrator", "auditor")
"""System, security and audit administrator are three people (等保, domain-rules section 6)."""


class DateRange(Func):
    function = "daterange"
    output_field = DateRangeField()


class PostingQuerySet(models.QuerySet["Posting"]):
    def in_force(self, on: date) -> Self:
        """Valid on a day: `valid_from` is the first, `valid_to` the first one after it."""
        return self.filter(Q(valid_to=None) | Q(valid_to__gt=on), valid_from__lte=on)

    def visible_to(self, actor: Actor) -> Self:
        """One's own, and those in the ranges over which the actor may view postings."""
        seen = within(actor.ranges("access.view_postings"))
        return self.filter(seen | Q(person_id=actor.person_id)) if actor.person_id else self.filter(seen)


class Posting(models.Model):
    """`unit` narrows the grant to one object of a higher room, such as "team:42"; empty means the whole division.

    Valid on days with `valid_from` <= day < `valid_to`: ending it today takes effect at once.
    """

    person = models.ForeignKey(Person, models.PROTECT, related_name="postings", db_index=False)
    role = models.CharField(_("角色"), max_length=30)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+")
    unit = models.CharField(max_length=40, blank=True, default="")
    valid_from = models.DateField(_("开始日期"))
    valid_to = models.DateField(_("结束日期"), null=True, blank=True)
    granted_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    granted_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(_("理由"), max_length=200, blank=True)

    objects = PostingQuerySet.as_manager()

    class Meta:
        verbose_name = _("任职")
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "division", "unit"],
                condition=Q(valid_to=None),
                name="posting_once",
                violation_error_message=_("此人在这里已经担任这个角色。"),
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="posting_dates",
                violation_error_message=_("结束日期不能早于开始日期。"),
            ),
            models.CheckConstraint(
                condition=~Q(granted_by=F("person")),
                name="posting_not_by_oneself",
                violation_error_message=_("不能给自己授予角色，请由另一位有权限的同事办理。"),
            ),
            ExclusionConstraint(
                name="posting_administrators_distinct",
                expressions=[
                    ("person", RangeOperators.EQUAL),
                    ("role", RangeOperators.NOT_EQUAL),
                    (DateRange("valid_from", "valid_to"), RangeOperators.OVERLAPS),
                ],
                condition=Q(role__in=ADMINISTRATORS),
                violation_error_message=_("系统管理员、安全保密管理员和安全审计员必须由不同的人担任。"),
            ),
        ]
        indexes = [models.Index(fields=["person"]), models.Index(fields=["unit"], condition=~Q(unit=""), name="posting_unit")]
