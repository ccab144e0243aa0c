"""Stars (星级): proposed by the rules, decided by who may, kept as entries that are never deleted."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.people.models import Person
from qunli.rules.models import Decision
from qunli.service_hours import enums, querysets
from qunli.service_hours.states import STAR


class StarProposal(models.Model):
    """A star that the rules "volunteer-stars" hold of a volunteer's hours, and what became of it. The highest one waits."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="star_proposals", db_index=False)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name=_("服务区域"))
    """Of the volunteer when it was proposed: its officers decide."""
    level = models.PositiveSmallIntegerField(_("星级"))
    approval = models.CharField(_("批准层级"), max_length=20)
    """Which level approves, as the rules name it: county, city, province."""
    minutes = models.PositiveIntegerField(_("已核实的时长（分钟）"))
    decision = models.OneToOneField(Decision, models.PROTECT, related_name="star_proposal", verbose_name=_("判断记录"))
    """Rules, facts and trace: it can be replayed."""
    state = models.CharField(_("状态"), max_length=10, choices=enums.StarState.choices, default=enums.StarState.PROPOSED)
    proposed_at = models.DateTimeField(_("提请时间"))
    decided_at = models.DateTimeField(_("评定时间"), null=True, blank=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(_("原因"), max_length=300, blank=True)
    document = models.CharField(_("批准文号"), max_length=100, blank=True)
    """Of the level above the city, which decides outside of the platform."""

    objects = querysets.StarProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("星级提请")
        constraints = [
            STAR.check(),
            models.CheckConstraint(condition=Q(level__range=(1, 9)), name="star_level"),
            models.UniqueConstraint(fields=["person"], condition=Q(state="proposed"), name="star_proposed_once"),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at=None) | (~Q(state="proposed") & Q(decided_at__isnull=False)),
                name="star_decided_at",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["refused", "withdrawn"]) | ~Q(reason=""), name="star_refused_with_reason"
            ),
        ]
        triggers = [
            STAR.trigger(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="as_proposed", fields=["division", "level", "approval", "minutes", "decision", "proposed_at"]),
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="star_proposal_person"),
            models.Index(fields=["approval", "id"], condition=Q(state="proposed"), name="star_waiting"),
            models.Index(fields=["-decided_at", "-id"], condition=~Q(state="proposed"), name="star_decided"),
        ]


class StarEntry(models.Model):
    """The ledger of stars: append-only. A volunteer has the highest star that was granted and not reversed."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="star_entries", db_index=False)
    proposal = models.ForeignKey(StarProposal, models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(_("类型"), max_length=10, choices=enums.StarKind.choices)
    level = models.PositiveSmallIntegerField(_("星级"))
    minutes = models.PositiveIntegerField(_("已核实的时长（分钟）"))
    """Of the volunteer at the time: what carried it, or what was left."""
    reverses = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="reversed_by")
    reason = models.CharField(_("原因"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("时间"))
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.StarEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("星级账目")
        constraints = [
            models.UniqueConstraint(fields=["proposal", "kind"], name="star_entry_once"),
            models.CheckConstraint(
                condition=Q(kind="granted", reverses=None) | (Q(kind="reversal", reverses__isnull=False) & ~Q(reason="")),
                name="star_entry_kind",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            # A merge moves the person; nothing else of an entry ever changes.
            pgtrigger.Protect(
                name="unchanged", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(exclude=["person"], exclude_auto=False)
            ),
        ]
        indexes = [models.Index(fields=["person", "-id"], name="star_entry_person")]
