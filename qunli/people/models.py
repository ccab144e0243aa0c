"""One person, one record (一人一档), however many teams the person is in."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.kernel.fields import Characters, DigestField, EncryptedField
from qunli.kernel.masking import mask_email, mask_id_number, mask_name, mask_phone
from qunli.people import enums
from qunli.people.querysets import PersonQuerySet


class Person(models.Model):
    name = models.CharField(_("姓名"), max_length=50)
    sex = models.CharField(_("性别"), max_length=1, choices=enums.Sex.choices, blank=True)
    birth_date = models.DateField(_("出生日期"), null=True, blank=True)
    id_kind = models.CharField(_("证件类型"), max_length=20, choices=enums.IdKind.choices, default=enums.IdKind.RESIDENT)
    id_number = EncryptedField(_("证件号码"), null=True, blank=True)
    id_digest = DigestField(null=True, blank=True)
    phone = EncryptedField(_("手机号码"), null=True, blank=True)
    phone_digest = DigestField(null=True, blank=True)
    email = EncryptedField(_("电子邮箱"), null=True, blank=True)
    division = models.ForeignKey(
        Division, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("居住区域")
    )
    self_supporting_on = models.DateField(_("核实以自己的劳动收入为主要生活来源"), null=True, blank=True)
    """A minor of 16 or 17 who lives on own income counts as an adult (Civil Code 18); when it was checked."""
    self_supporting_by = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, editable=False
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", db_index=False, editable=False
    )
    erased_at = models.DateTimeField(_("注销时间"), null=True, blank=True, editable=False)
    """All that identified the person is gone; records of service that the law keeps hang on the bare number."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("人员")
        constraints = [
            models.UniqueConstraint(
                fields=["id_digest"],
                condition=Q(merged_into=None),
                name="person_identity_once",
                violation_error_message=_("这个证件号码已经登记过。请直接登录，或联系社区找回账号。"),
            ),
            models.CheckConstraint(
                condition=Q(id_number=None, id_digest=None) | Q(id_number__isnull=False, id_digest__isnull=False),
                name="person_identity_digest",
            ),
            models.CheckConstraint(
                condition=Q(phone=None, phone_digest=None) | Q(phone__isnull=False, phone_digest__isnull=False),
                name="person_phone_digest",
            ),
        ]
        indexes = [
            models.Index(fields=["phone_digest"], name="person_phone"),
            models.Index(fields=["division"], name="person_division"),
            models.Index(fields=["name"], name="person_name"),
            # Nearly all rows are NULL here: only the others are worth an entry.
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="person_merged_into"),
            models.Index(fields=["self_supporting_by"], condition=Q(self_supporting_by__isnull=False), name="person_supporting_by"),
            GinIndex(Characters("name"), name="person_name_characters"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def masked_name(self) -> str:
        return mask_name(self.name)

    @property
    def masked_phone(self) -> str:
        return mask_phone(self.phone) if self.phone else ""

    @property
    def masked_id_number(self) -> str:
        return mask_id_number(self.id_number) if self.id_number else ""

    @property
    def masked_email(self) -> str:
        return mask_email(self.email) if self.email else ""


class Guardianship(models.Model):
    """Who answers for a minor."""

    minor = models.ForeignKey(Person, models.CASCADE, related_name="guardianships")
    guardian = models.ForeignKey(Person, models.PROTECT, related_name="wards")
    relation = models.CharField(_("关系"), max_length=20, choices=enums.Relation.choices)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("监护关系")
        constraints = [
            models.UniqueConstraint(fields=["minor", "guardian"], condition=Q(until=None), name="guardianship_once"),
            models.CheckConstraint(
                condition=~Q(minor=F("guardian")),
                name="guardianship_of_another",
                violation_error_message=_("监护人不能是本人。"),
            ),
        ]


class Consent(models.Model):
    """One consent to one purpose; withdrawn as easily as given (PIPL 15). Given by the guardian for a minor."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="consents")
    purpose = models.CharField(_("目的"), max_length=20, choices=enums.Purpose.choices)
    wording = models.CharField(_("文本版本"), max_length=20)
    """Version of the text that was shown: `people/data/consents.toml`."""
    given_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(_("同意时间"))
    withdrawn_at = models.DateTimeField(_("撤回时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("同意")
        constraints = [
            models.UniqueConstraint(fields=["person", "purpose"], condition=Q(withdrawn_at=None), name="consent_once"),
            models.CheckConstraint(condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("given_at")), name="consent_period"),
        ]


class Duplicate(models.Model):
    """Two records that may be one person: offered to whoever may merge them, until somebody decides."""

    one = models.ForeignKey(Person, models.CASCADE, related_name="+")
    other = models.ForeignKey(Person, models.CASCADE, related_name="+")
    """Always the later record."""
    reason = models.CharField(_("依据"), max_length=20, choices=enums.Suspicion.choices)
    found_on = models.DateField()
    decision = models.CharField(_("处理"), max_length=12, choices=enums.Decision.choices, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("疑似重复")
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="duplicate_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="duplicate_order"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(decision=""), name="duplicate_open")]


class Merge(models.Model):
    """One merge: `gone` became part of `kept`. `moved` says for each row what it was, so that it can be undone."""

    kept = models.ForeignKey(Person, models.PROTECT, related_name="merges")
    gone = models.ForeignKey(Person, models.PROTECT, related_name="merges_away")
    reason = models.CharField(_("理由"), max_length=200)
    moved = models.JSONField(default=list)
    merged_at = models.DateTimeField()
    merged_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("合并记录")
        constraints = [
            models.UniqueConstraint(fields=["gone"], condition=Q(undone_at=None), name="merge_once"),
            models.CheckConstraint(condition=~Q(kept=F("gone")), name="merge_of_two"),
        ]
