"""Service records, the ledger of hours and the proofs that rest on them."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.people.models import Person
from qunli.service_hours import enums
from qunli.service_hours.states import CERTIFICATE, RECORD
from qunli.volunteering.models import Activity, SignUp


class ServiceRecord(models.Model):
    """One person's presence at one activity, from the sign-in to the hours that count. Places are kept as a distance only."""

    sign_up = models.OneToOneField(SignUp, models.PROTECT, related_name="record")
    activity = models.ForeignKey(Activity, models.PROTECT, related_name="records")
    person = models.ForeignKey(Person, models.PROTECT, related_name="service_records")
    signed_in_at = models.DateTimeField()
    signed_out_at = models.DateTimeField(null=True, blank=True)
    in_method = models.CharField(max_length=8, choices=enums.Method.choices)
    out_method = models.CharField(max_length=8, choices=enums.Method.choices, blank=True)
    in_distance = models.PositiveIntegerField(null=True, blank=True)
    out_distance = models.PositiveIntegerField(null=True, blank=True)
    minutes = models.PositiveIntegerField(default=0)
    """Minutes that count: presence clipped to the activity."""
    state = models.CharField(max_length=10, choices=enums.RecordState.choices, default=enums.RecordState.PRESENT)
    state_reason = models.CharField(max_length=300, blank=True)
    due_on = models.DateField()
    """Last working day for submission and verification."""
    recorded_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    verified_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("服务记录")
        constraints = [
            RECORD.check(),
            models.CheckConstraint(condition=Q(signed_out_at=None) | Q(signed_out_at__gte=F("signed_in_at")), name="record_out_after_in"),
            models.CheckConstraint(condition=Q(verified_by=None) | ~Q(verified_by=F("person")), name="record_not_own_verifier"),
        ]
        triggers = [RECORD.trigger()]
        indexes = [
            models.Index(fields=["person", "-signed_in_at"], name="record_person"),
            models.Index(fields=["activity", "state"], name="record_activity"),
            models.Index(fields=["due_on"], condition=Q(state__in=["present", "draft", "submitted"]), name="record_due"),
        ]


class HourEntry(models.Model):
    """The ledger of hours: append-only; a void is a reversal. A trigger keeps Volunteer.minutes."""

    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="entries")
    person = models.ForeignKey(Person, models.PROTECT, related_name="hour_entries")
    kind = models.CharField(max_length=10, choices=enums.EntryKind.choices)
    minutes = models.IntegerField()
    reverses = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="reversed_by")
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("时长账目")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="earned", minutes__gte=0, reverses=None) | Q(kind="reversal", minutes__lte=0, reverses__isnull=False),
                name="hour_entry_sign",
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]
        indexes = [models.Index(fields=["person", "id"], name="hour_entry_person")]


class Certificate(models.Model):
    """A proof of service (证明): the paper, its digest, and what it rests on."""

    number = models.CharField(_("证书编号"), max_length=24, unique=True)
    person = models.ForeignKey(Person, models.PROTECT, related_name="certificates")
    minutes = models.PositiveIntegerField()
    since = models.DateField()
    until = models.DateField()
    issuer = models.CharField(_("出具单位"), max_length=100)
    state = models.CharField(max_length=10, choices=enums.CertificateState.choices, default=enums.CertificateState.ISSUED)
    sha256 = models.BinaryField(max_length=32, unique=True, editable=False)
    pdf = models.BinaryField(editable=False)
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=300, blank=True)
    records = models.ManyToManyField(ServiceRecord, related_name="certificates")

    class Meta:
        verbose_name = _("志愿服务证明")
        constraints = [CERTIFICATE.check()]
        triggers = [CERTIFICATE.trigger()]
        indexes = [models.Index(fields=["person", "-issued_at"], name="certificate_person")]
