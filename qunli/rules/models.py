"""Rule sets as they were loaded, and what was decided by them. Both are written once."""

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.kernel.fields import DigestField, EncryptedField
from qunli.people.models import Person
from qunli.rules import querysets
from qunli.rules.enums import Audience, Verdict


class DateRange(Func):
    """The days on which a version is in force: from the first to before the last."""

    function = "DATERANGE"
    output_field = DateRangeField()


NEVER_EMPTIED = pgtrigger.Trigger(
    name="never_emptied",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rules and decisions are kept' USING ERRCODE = 'restrict_violation';",
)


class Version(models.Model):
    """One rule set of one issuer for one period, exactly as it was loaded: never changed, never deleted.

    A file that says something else for the same period makes the next `revision`; the one before is superseded and stays for the
    decisions that rest on it. An open end may be closed once.
    """

    key = models.CharField(_("规则"), max_length=60)
    issuer = models.CharField(_("制定者"), max_length=12)
    """The nation ("national"), the platform's own sample ("default"), or a city by its code."""
    revision = models.PositiveIntegerField(_("修订"), default=1)
    audience = models.CharField(_("公开范围"), max_length=10, choices=Audience.choices)
    effective_from = models.DateField(_("生效日期"))
    effective_to = models.DateField(_("失效日期"), null=True, blank=True)
    """The first day on which it is no more in force."""
    content = models.TextField()
    """The rules and the facts that they use, as canonical JSON."""
    digest = models.BinaryField(max_length=32)
    """SM3 of the content."""
    file = models.CharField(max_length=200)
    loaded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True, blank=True)

    objects = querysets.VersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("规则版本")
        constraints = [
            models.UniqueConstraint(fields=["key", "issuer", "effective_from", "revision"], name="rules_version_once"),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gt=F("effective_from")),
                name="rules_version_period",
                violation_error_message=_("失效日期要晚于生效日期。"),
            ),
            ExclusionConstraint(
                name="rules_version_one_a_day",
                expressions=[
                    ("key", RangeOperators.EQUAL),
                    ("issuer", RangeOperators.EQUAL),
                    (DateRange("effective_from", "effective_to"), RangeOperators.OVERLAPS),
                ],
                condition=Q(superseded_at=None),
                violation_error_message=_("同一规则的两个版本有效期重叠。请给较早的一份写上失效日期。"),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            NEVER_EMPTIED,
            pgtrigger.Trigger(
                name="unchanged",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF to_jsonb(OLD) - 'effective_to' - 'superseded_at' = to_jsonb(NEW) - 'effective_to' - 'superseded_at'
                       AND (OLD.effective_to IS NULL OR OLD.effective_to IS NOT DISTINCT FROM NEW.effective_to)
                       AND (OLD.superseded_at IS NULL OR OLD.superseded_at IS NOT DISTINCT FROM NEW.superseded_at) THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'a version of rules never changes (%, from %)', OLD.key, OLD.effective_from
                        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rules_version_unchanged';
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.issuer} {self.effective_from} r{self.revision}"


class Decision(models.Model):
    """What a version of rules said of a case on a day, with the facts and the trace: it can be replayed."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="decisions")
    subject = models.CharField(_("对象"), max_length=60)
    """What was decided on, such as "record:7"."""
    person = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="rule_decisions")
    """Whom it is about, if it is about a person: they may read it."""
    division = models.ForeignKey(Division, models.PROTECT, related_name="+")
    """Where it belongs: who sees decisions of this division may read it."""
    on = models.DateField(_("判断日期"))
    verdict = models.CharField(_("结论"), max_length=10, choices=Verdict.choices)
    facts = EncryptedField(null=True)
    """The facts as JSON; emptied when the person is erased."""
    answer = EncryptedField(null=True)
    """The answer with its trace as JSON; emptied when the person is erased."""
    seal = DigestField()
    """Keyed digest of facts and answer: they may be encrypted anew with another key, but not say anything else."""
    decided_at = models.DateTimeField()
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    """None when the system decided."""

    objects = querysets.DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("规则判断记录")
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            NEVER_EMPTIED,
            # A merge moves it to the person who stays, an erasure empties what could tell of a person, a new key encrypts it anew
            # (the seal holds what it says); nothing else changes.
            pgtrigger.Trigger(
                name="unchanged",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF to_jsonb(OLD) - 'person_id' - 'facts' - 'answer' = to_jsonb(NEW) - 'person_id' - 'facts' - 'answer' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'a decision never changes (%)', OLD.id
                        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rules_decision_unchanged';
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "-id"], name="rules_decision_subject"),
            models.Index(fields=["person", "-id"], name="rules_decision_person"),
            models.Index(fields=["division", "-id"], name="rules_decision_division"),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.subject}"
