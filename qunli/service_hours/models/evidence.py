"""What speaks for an attendance beside codes and places: photos, and the word of who was served (服务对象确认)."""

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.files.models import Attachment
from qunli.people.models import Person
from qunli.service_hours import enums
from qunli.service_hours.models.hours import ServiceRecord
from qunli.volunteering.models import Activity


class Photo(models.Model):
    """A photo of the person at the service. Where and when it was taken is read from it, measured, and taken out of the picture.

    The picture is the volunteer's attachment and goes with them; the row stays, and counts no more.
    """

    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="photos")
    activity = models.ForeignKey(Activity, models.PROTECT, related_name="+", db_index=False)
    attachment = models.OneToOneField(Attachment, models.SET_NULL, null=True, related_name="+")
    sha256 = models.BinaryField(max_length=32, editable=False)
    """Of the picture as it is kept."""
    distance = models.PositiveIntegerField(null=True, blank=True)
    """Metres from the activity's place to that of the picture; nothing when it says none."""
    taken_at = models.DateTimeField(null=True, blank=True)
    """By the camera's clock; nothing when it says none."""
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("现场照片")
        constraints = [
            models.UniqueConstraint(fields=["record", "sha256"], name="photo_once"),
            # One picture may show several people at one activity, but never proves two activities.
            ExclusionConstraint(name="photo_of_one_activity", expressions=[("sha256", "="), ("activity", "<>")]),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="unchanged",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["attachment", "record", "added_by"], exclude_auto=False),
            ),
        ]


class ServedStatement(models.Model):
    """Who was served is asked by a message to their phone whether the volunteers came, and says so once, without an account.

    The phone itself is not kept, nor are link and code: only what recognises them.
    """

    activity = models.ForeignKey(Activity, models.PROTECT, related_name="served_statements")
    role = models.CharField(max_length=12, choices=enums.ServedRole.choices)
    contact = models.CharField(max_length=20)
    """The masked phone."""
    token_digest = models.BinaryField(max_length=32, unique=True, editable=False)
    code_digest = models.BinaryField(max_length=32, editable=False)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    valid_until = models.DateTimeField()
    answer = models.CharField(max_length=10, choices=enums.ServedAnswer.choices, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    way = models.CharField(max_length=4, choices=enums.ServedWay.choices, blank=True)
    """By the link on their own phone, or by telling the code."""

    class Meta:
        verbose_name = _("服务对象确认")
        constraints = [
            models.CheckConstraint(
                condition=Q(answer="", way="", answered_at=None)
                | Q(answer__in=enums.ServedAnswer.values, way__in=enums.ServedWay.values, answered_at__isnull=False),
                name="served_answer_whole",
            ),
            models.CheckConstraint(condition=Q(role__in=enums.ServedRole.values), name="served_role_known"),
            models.CheckConstraint(condition=Q(answered_at=None) | Q(answered_at__lte=F("valid_until")), name="served_in_time"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="said_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__answered_at__isnull=False)
                & (
                    pgtrigger.Q(old__answer__df=pgtrigger.F("new__answer"))
                    | pgtrigger.Q(old__answered_at__df=pgtrigger.F("new__answered_at"))
                    | pgtrigger.Q(old__contact__df=pgtrigger.F("new__contact"))
                ),
            ),
        ]


class ServedRecord(models.Model):
    """One attendance that a statement is about."""

    statement = models.ForeignKey(ServedStatement, models.PROTECT, related_name="lines", db_index=False)
    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="served")
    there = models.BooleanField(null=True)
    """Whether who was served says that this volunteer was there; nothing before the answer."""

    class Meta:
        verbose_name = _("服务对象确认的记录")
        constraints = [models.UniqueConstraint(fields=["statement", "record"], name="served_record_once")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="said_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__there__isnull=False) & pgtrigger.Q(old__there__df=pgtrigger.F("new__there")),
            ),
        ]
