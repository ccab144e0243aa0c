"""Spot checks (抽查): rounds, what they drew, what was said of it."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.kernel.fields import LINES
from qunli.people.models import Person
from qunli.rules.models import Version
from qunli.service_hours import enums, querysets
from qunli.service_hours.models.hours import ServiceRecord
from qunli.service_hours.states import ROUND
from qunli.volunteering.models import Team


class SamplingRound(models.Model):
    """A spot check of the hours of one division and period: drawn by risk from a seed, judged, closed and published."""

    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name=_("区域"))
    since = models.DateField(_("服务日期从"))
    until = models.DateField(_("服务日期到"))
    """Both days included, by the start of the activity in Shanghai."""
    size = models.PositiveIntegerField(_("抽取条数"))
    """How many were asked for; all, when there are fewer."""
    seed = models.BigIntegerField(editable=False)
    """Chance of the draw: with it, the rules and the same records, anybody draws the same again."""
    state = models.CharField(max_length=10, choices=enums.RoundState.choices, default=enums.RoundState.DRAWING)
    rules = models.ForeignKey(Version, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    """The version of "sampling-risk" that was asked, of the round's last day."""
    records = models.PositiveIntegerField(default=0)
    """Records that could be drawn."""
    organisations = models.PositiveIntegerField(default=0)
    """Organisations that have them."""
    frame_digest = models.BinaryField(max_length=32, default=b"", editable=False)
    """SM3 of what was drawn from: keys, strata, weights."""
    drawn = models.PositiveIntegerField(default=0)
    judged = models.PositiveIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    rate = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    """Share of wrong records and its interval (95 %), set when it is closed; None when the sample tells too little."""
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    drawn_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.RoundQuerySet.as_manager()

    class Meta:
        verbose_name = _("抽查")
        constraints = [
            ROUND.check(),
            models.CheckConstraint(
                condition=Q(until__gte=F("since")),
                name="sampling_round_period",
                violation_error_message=_("结束日期不能早于开始日期。"),
            ),
            models.CheckConstraint(condition=Q(size__gte=1), name="sampling_round_size"),
            models.CheckConstraint(
                condition=Q(rate=None, low=None, high=None) | Q(low__gte=0, rate__gte=F("low"), high__gte=F("rate"), high__lte=1),
                name="sampling_round_rate",
            ),
        ]
        triggers = [
            ROUND.trigger(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="as_planned", fields=["division", "since", "until", "size", "seed"]),
            # A merge moves who planned and closed it; nothing else of a published round ever changes.
            pgtrigger.Trigger(
                name="published",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.state = 'closed'
                       AND to_jsonb(OLD) - 'created_by_id' - 'closed_by_id' <> to_jsonb(NEW) - 'created_by_id' - 'closed_by_id' THEN
                        RAISE EXCEPTION 'a published spot check never changes (%)', OLD.id
                            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sampling_round_published';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
        indexes = [models.Index(fields=["-closed_at", "-id"], condition=Q(state="closed"), name="sampling_round_published")]


class SamplingStratum(models.Model):
    """One class of risk in a round: how many records it has, how much they weigh, how many were drawn."""

    round = models.ForeignKey(SamplingRound, models.PROTECT, related_name="strata", db_index=False)
    key = models.CharField(max_length=20)
    """As the rules name it: high, middle, low."""
    records = models.PositiveIntegerField()
    weight = models.BigIntegerField()
    """Sum over its records."""
    drawn = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("抽查分层")
        constraints = [models.UniqueConstraint(fields=["round", "key"], name="sampling_stratum_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete | pgtrigger.Update)]


class SamplingResult(models.Model):
    """What a round says of one organisation of which it drew records."""

    round = models.ForeignKey(SamplingRound, models.PROTECT, related_name="results", db_index=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+")
    records = models.PositiveIntegerField()
    """That could be drawn."""
    drawn = models.PositiveIntegerField()
    judged = models.PositiveIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    rate = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)

    class Meta:
        verbose_name = _("抽查结果")
        constraints = [models.UniqueConstraint(fields=["round", "team"], name="sampling_result_once")]
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]
        indexes = [models.Index(fields=["round", "-drawn", "-id"], name="sampling_result_round")]


class SampleItem(models.Model):
    """A drawn record: the probability with which it was drawn, and the verdict of who looked at it."""

    round = models.ForeignKey(SamplingRound, models.PROTECT, related_name="items", db_index=False)
    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="sampled")
    team = models.ForeignKey(Team, models.PROTECT, related_name="+")
    """The organisation at the time of the draw."""
    stratum = models.CharField(max_length=20)
    weight = models.PositiveSmallIntegerField()
    chance = models.FloatField()
    """Inclusion probability."""
    verdict = models.CharField(max_length=10, choices=enums.Checked.choices, blank=True)
    note = models.CharField(_("说明"), max_length=500, blank=True, validators=[LINES])
    judged_at = models.DateTimeField(null=True, blank=True)
    judged_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.ItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("抽查记录")
        constraints = [
            models.UniqueConstraint(fields=["round", "record"], name="sample_item_once"),
            models.CheckConstraint(condition=Q(chance__gt=0, chance__lte=1), name="sample_item_chance"),
            models.CheckConstraint(condition=Q(verdict__in=["", *enums.Checked.values]), name="sample_item_verdict"),
            models.CheckConstraint(condition=Q(verdict="") | Q(judged_at__isnull=False), name="sample_item_judged_when"),
            models.CheckConstraint(condition=Q(verdict__in=["", "right"]) | ~Q(note=""), name="sample_item_with_note"),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="as_drawn", fields=["round", "record", "team", "stratum", "weight", "chance"]),
            # A merge moves who judged; a verdict is given once.
            pgtrigger.Trigger(
                name="judged_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.verdict <> ''
                       AND (OLD.verdict, OLD.note, OLD.judged_at) IS DISTINCT FROM (NEW.verdict, NEW.note, NEW.judged_at) THEN
                        RAISE EXCEPTION 'a verdict of a spot check is given once (%)', OLD.id
                            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sample_item_judged_once';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
        indexes = [models.Index(fields=["round", "id"], condition=Q(verdict=""), name="sample_item_waiting")]
