"""One person, one record (一人一档), however many teams the person is in."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.divisions.models import Division
from qunli.kernel.fields import DigestField, EncryptedField
from qunli.people.enums import IdKind, Purpose, Sex


class Person(models.Model):
    name = models.CharField(_("姓名"), max_length=50)
    sex = models.CharField(_("性别"), max_length=1, choices=Sex.choices, blank=True)
    birth_date = models.DateField(_("出生日期"), null=True, blank=True)
    id_kind = models.CharField(_("证件类型"), max_length=20, choices=IdKind.choices, default=IdKind.RESIDENT)
    id_number = EncryptedField(_("证件号码"), null=True, blank=True)
    id_digest = DigestField(null=True, blank=True)
    phone = EncryptedField(_("手机号码"), null=True, blank=True)
    phone_digest = DigestField(null=True, blank=True)
    email = EncryptedField(_("电子邮箱"), null=True, blank=True)
    division = models.ForeignKey(Division, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("居住区域"))
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("人员")
        constraints = [
            models.UniqueConstraint(
                fields=["id_digest"], condition=models.Q(merged_into=None), name="person_identity_once",
                violation_error_message=_("这个证件号码已经登记过。请直接登录，或联系社区找回账号。"),
            ),
        ]
        indexes = [models.Index(fields=["phone_digest"], name="person_phone"), models.Index(fields=["division"], name="person_division")]

    def __str__(self) -> str:
        return self.name


class Guardianship(models.Model):
    """Who answers for a minor."""

    minor = models.ForeignKey(Person, models.CASCADE, related_name="guardianships")
    guardian = models.ForeignKey(Person, models.PROTECT, related_name="wards")
    relation = models.CharField(_("关系"), max_length=20)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    class Meta:
        verbose_name = _("监护关系")
        constraints = [models.UniqueConstraint(fields=["minor", "guardian"], condition=models.Q(until=None), name="guardianship_once")]


class Consent(models.Model):
    """One consent to one purpose; withdrawn as easily as given (PIPL 15). Given by the guardian for a minor."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    wording = models.CharField(max_length=20)
    """Version of the text that was shown."""
    given_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("同意")
        constraints = [models.UniqueConstraint(fields=["person", "purpose"], condition=models.Q(withdrawn_at=None), name="consent_once")]
