"""Service records, the ledger of hours and the proofs that rest on them."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qunli.people.models import Person
from qunli.rules.models import Version
from qunli.service_hours import enums, guards, querysets
from qunli.service_hours.numbering import grouped
from qunli.service_hours.states import CERTIFICATE, FINDING, RECORD
from qunli.volunteering.models import Activity, SignUp


class ServiceRecord(models.Model):
    """One person's presence at one activity, from the sign-in to the hours that count. Places are kept as a distance only."""

    sign_up = models.OneToOneField(SignUp, models.PROTECT, related_name="record")
    activity = models.ForeignKey(Activity, models.PROTECT, related_name="records", db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="service_records", db_index=False)
    signed_in_at = models.DateTimeField()
    signed_out_at = models.DateTimeField(null=True, blank=True)
    in_method = models.CharField(max_length=8, choices=enums.Method.choices)
    out_method = models.CharField(max_length=8, choices=enums.Method.choices, blank=True)
    in_distance = models.PositiveIntegerField(null=True, blank=True)
    out_distance = models.PositiveIntegerField(null=True, blank=True)
    """Metres from the activity's place when signing in and out by place."""
    minutes = models.PositiveIntegerField(default=0)
    """Minutes that count: presence clipped to the activity."""
    state = models.CharField(max_length=10, choices=enums.RecordState.choices, default=enums.RecordState.PRESENT)
    state_reason = models.CharField(max_length=300, blank=True)
    """Why it was corrected, upheld, sent back or made void; or why the leader set the time."""
    dispute_reason = models.CharField(max_length=300, blank=True)
    """What the volunteer says is wrong."""
    due_on = models.DateField()
    """Last working day for submission and verification."""
    chased = models.PositiveSmallIntegerField(choices=enums.Chased.choices, default=enums.Chased.NOBODY)
    state_since = models.DateTimeField(default=timezone.now)
    """When the present state was entered."""
    recorded_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    """The leader who signed the person in or set the times."""
    submitted_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    submitted_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    verified_at = models.DateTimeField(null=True, blank=True)

    objects = querysets.RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("服务记录")
        constraints = [
            RECORD.check(),
            models.CheckConstraint(
                condition=Q(signed_out_at=None) | Q(signed_out_at__gte=F("signed_in_at")), name="record_out_after_in"
            ),
            models.CheckConstraint(condition=Q(verified_by=None) | ~Q(verified_by=F("person")), name="record_not_own_verifier"),
            models.CheckConstraint(
                condition=Q(state__in=["present", "draft", "void"]) | Q(signed_out_at__isnull=False),
                name="record_submitted_with_times",
            ),
        ]
        triggers = [RECORD.trigger()]
        indexes = [
            models.Index(fields=["person", "-signed_in_at"], name="record_person"),
            models.Index(fields=["activity", "state"], name="record_activity"),
            models.Index(
                fields=["due_on"], condition=Q(state__in=["present", "draft", "submitted", "disputed"]), name="record_due"
            ),
        ]


class LateStatement(models.Model):
    """A sign-in or sign-out that a device noted without a network and sent afterwards, on which a record's time rests. Evidence."""

    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="late_statements", db_index=False)
    way = models.CharField(max_length=3, choices=enums.Way.choices)
    key = models.UUIDField(editable=False)
    """Made by the device, so that what is sent twice is written once."""
    stated_at = models.DateTimeField()
    """When it happened, by the device's clock set right by what it knew of the server's."""
    received_at = models.DateTimeField()
    skew = models.IntegerField()
    """Seconds by which the device's own clock was ahead when it was last measured."""
    sent_by = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("离线登记")
        constraints = [
            models.UniqueConstraint(fields=["sent_by", "key"], name="late_statement_once"),
            models.UniqueConstraint(fields=["record", "way"], name="late_statement_way_once"),
            models.CheckConstraint(condition=Q(received_at__gte=F("stated_at")), name="late_statement_not_of_the_future"),
            models.CheckConstraint(condition=Q(way__in=enums.Way.values), name="late_statement_way"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            # A merge moves the sender; nothing else of a statement ever changes.
            pgtrigger.Protect(
                name="unchanged",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["sent_by", "record"], exclude_auto=False),
            ),
        ]


class HourEntry(models.Model):
    """The ledger of hours: append-only; a void is a reversal. Its triggers keep Volunteer.minutes.

    The entries of one record are a chain by `turn`: 0 earned, 1 its reversal, 2 earned again after a correction, 3 its
    reversal, ... So a record has one live earned entry at most, whoever writes at the same time.
    """

    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="entries", db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="hour_entries", db_index=False)
    kind = models.CharField(max_length=10, choices=enums.EntryKind.choices)
    turn = models.PositiveSmallIntegerField(default=0)
    minutes = models.IntegerField()
    reverses = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="reversed_by", db_index=False)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("时长账目")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="earned", minutes__gte=0, reverses=None)
                | Q(kind="reversal", minutes__lte=0, reverses__isnull=False),
                name="hour_entry_sign",
            ),
            models.UniqueConstraint(fields=["record", "turn"], name="hour_entry_turn_once"),
            # Reversals are rare: the others need no entry in the index.
            models.UniqueConstraint(fields=["reverses"], condition=Q(reverses__isnull=False), name="hour_entry_reversed_once"),
            models.CheckConstraint(
                condition=Q(kind="earned") & Q(turn__in=range(0, 64, 2)) | Q(kind="reversal") & Q(turn__in=range(1, 64, 2)),
                name="hour_entry_turns_alternate",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete),
            # A merge of two records of one person moves the entries; nothing else of an entry ever changes.
            pgtrigger.Protect(
                name="unchanged", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(exclude=["person"], exclude_auto=False)
            ),
            *guards.LEDGER,
        ]
        indexes = [models.Index(fields=["person", "id"], name="hour_entry_person")]


class Finding(models.Model):
    """A sign of fabrication that the rules "hour-integrity" hold of a record: what they saw, the reply, the decision."""

    record = models.ForeignKey(ServiceRecord, models.PROTECT, related_name="findings", db_index=False)
    kind = models.CharField(max_length=60)
    """Key of the rule."""
    severity = models.CharField(max_length=10, choices=enums.Severity.choices)
    facts = models.JSONField()
    """What the rule looked at, by the facts' names."""
    others = ArrayField(models.BigIntegerField(), default=list)
    """Keys of other records that it is about."""
    rules = models.ForeignKey(Version, models.PROTECT, related_name="+", db_index=False)
    """The version that was asked, of the day of the service."""
    state = models.CharField(max_length=10, choices=enums.FindingState.choices, default=enums.FindingState.OPEN)
    found_on = models.DateField()
    reply_until = models.DateField()
    """Until this working day nobody decides against the person without a reply."""
    reply = models.CharField(max_length=1000, blank=True)
    replied_at = models.DateTimeField(null=True, blank=True)
    replied_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    """Why it was decided so."""
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    objects = querysets.FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("时长疑点")
        constraints = [
            FINDING.check(),
            models.UniqueConstraint(fields=["record", "kind"], name="finding_once"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "answered"]) | (~Q(reason="") & Q(decided_at__isnull=False)),
                name="finding_decided_with_reason",
            ),
            models.CheckConstraint(condition=~Q(state="answered") | ~Q(reply=""), name="finding_answered_with_reply"),
        ]
        triggers = [
            FINDING.trigger(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="as_found", fields=["record", "kind", "severity", "facts", "others", "rules", "found_on"]),
        ]
        indexes = [models.Index(fields=["reply_until", "id"], condition=Q(state__in=["open", "answered"]), name="finding_waiting")]


class Seal(models.Model):
    """What the ledger held when it was sealed: the root of a hash tree (RFC 9162) over the entries since the seal before.

    Seals form a chain: `digest` covers the one before. Both are published and signed with the city's key, so that an entry that is
    changed, removed or slipped in afterwards is found and named (`script/manage verify_hours`), also by whoever kept an old root.
    """

    day = models.DateField(_("日期"))
    """Day of Asia/Shanghai on which it was made."""
    after = models.BigIntegerField()
    until = models.BigIntegerField(unique=True)
    """Keys of entries: those greater than `after`, up to and with `until`, in the order of their keys."""
    size = models.PositiveIntegerField(_("账目"))
    root = models.BinaryField(max_length=32)
    previous = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)
    signature = models.BinaryField()
    """Of the digest, with SHA-256, by the city's key at the time; `signer` is its certificate (DER)."""
    signer = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("时长账目封存")
        constraints = [models.UniqueConstraint(fields=["previous"], name="seal_follows_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete | pgtrigger.Update)]


class SealBlock(models.Model):
    """The leaves of 1,024 entries of a seal (the last block: of the rest), 32 bytes each. Its root is a node of the seal's tree."""

    seal = models.ForeignKey(Seal, models.PROTECT, related_name="blocks", db_index=False)
    number = models.PositiveIntegerField()
    first = models.BigIntegerField(unique=True)
    """Key of the block's first entry."""
    leaves = models.BinaryField()

    class Meta:
        verbose_name = _("封存块")
        constraints = [models.UniqueConstraint(fields=["seal", "number"], name="seal_block_number")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Delete | pgtrigger.Update)]


class Certificate(models.Model):
    """A proof of service (证明): the paper, its digest, and what it rests on."""

    number = models.CharField(_("证明编号"), max_length=24, unique=True)
    person = models.ForeignKey(Person, models.PROTECT, related_name="certificates")
    minutes = models.PositiveIntegerField()
    since = models.DateField()
    until = models.DateField()
    issuer = models.CharField(_("出具单位"), max_length=100)
    state = models.CharField(max_length=10, choices=enums.CertificateState.choices, default=enums.CertificateState.ISSUED)
    content_sha256 = models.BinaryField(max_length=32, editable=False)
    """Digest of what the paper says: the same content is issued once."""
    sha256 = models.BinaryField(max_length=32, unique=True, editable=False)
    """Digest of the file."""
    pdf = models.BinaryField(editable=False)
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    revoked_reason = models.CharField(max_length=300, blank=True)
    records = models.ManyToManyField(ServiceRecord, related_name="certificates")

    objects = querysets.CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = _("志愿服务证明")
        constraints = [
            CERTIFICATE.check(),
            models.UniqueConstraint(fields=["content_sha256"], condition=Q(state="issued"), name="certificate_content_once"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="certificate_period"),
        ]
        triggers = [CERTIFICATE.trigger()]
        indexes = [models.Index(fields=["person", "-issued_at"], name="certificate_person")]

    def __str__(self) -> str:
        return self.grouped

    @property
    def grouped(self) -> str:
        """The number as people read it."""
        return grouped(self.number)
