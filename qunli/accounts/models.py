"""Signing in. What a person may do is `access`; who the person is, is `people`."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from qunli.kernel.ciphers import blind_index
from qunli.kernel.fields import DigestField, EncryptedField
from qunli.people.models import Person


class Theme(models.TextChoices):
    AUTO = "auto", _("跟随系统")
    LIGHT = "light", _("浅色")
    DARK = "dark", _("深色")
    CONTRAST = "contrast", _("高对比度")


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, username: str = "", password: str | None = None, *, phone: str | None = None, **fields: Any) -> "Account":
        """A new account. `phone` must be normal (people.identity.normal_phone); without a password none can be used."""
        account = self.model(username=username or get_random_string(32), **fields)
        if phone:
            account.phone, account.phone_digest = phone, blind_index("phone", phone)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser):
    """`username` is a random key that nobody types: people sign in with phone, passkey or an outside identity.

    There is no superuser and no staff flag: what an account may do is decided by postings alone (`qunli.access`).
    """

    username = models.CharField(max_length=40, unique=True)
    phone = EncryptedField(_("手机号码"), null=True, blank=True)
    phone_digest = DigestField(null=True, blank=True, unique=True)
    phone_verified = models.BooleanField(default=False)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="accounts")
    joined = models.BooleanField(default=False)
    """Came to its person by the merge of two records that both had an account: both sign the one person in."""
    language = models.CharField(_("语言"), max_length=10, default="zh-hans")
    theme = models.CharField(_("外观"), max_length=10, choices=Theme.choices, default=Theme.AUTO)
    elder = models.BooleanField(_("长者模式"), default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    objects = AccountManager()

    class Meta:
        verbose_name = _("账号")
        constraints = [models.UniqueConstraint(fields=["person"], condition=models.Q(joined=False), name="account_once")]

    def __str__(self) -> str:
        return f"account:{self.pk}"


class Session(models.Model):
    """One signed-in browser. The cookie's value is not stored, only its SHA-256: a copy of the database signs nobody in.

    `account` is a column, so that one statement can check session and account (`accounts.selectors.SESSION_SQL`), and so that
    deleting a row signs that browser out at once.
    """

    digest = models.BinaryField(max_length=32, primary_key=True)
    data = models.TextField()
    expires_at = models.DateTimeField()
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="sessions")
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(auto_now_add=True)
    address = models.CharField(max_length=45, blank=True)
    """Place of sign-in: the network part of the address, the rest masked."""
    device = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("登录")
        indexes = [models.Index(fields=["account"]), models.Index(fields=["expires_at"])]


class CodePurpose(models.TextChoices):
    SIGN_IN = "sign_in", _("登录")
    CONFIRM = "confirm", _("再次确认身份")
    PHONE_OLD = "phone_old", _("更换手机号码：原号码")
    PHONE_NEW = "phone_new", _("更换手机号码：新号码")
    GUARDIAN = "guardian", _("监护人同意")


class OneTimeCode(models.Model):
    """A code sent to a phone. Neither phone nor code can be read from here; used once, tried a few times, valid for minutes."""

    purpose = models.CharField(max_length=10, choices=CodePurpose.choices)
    phone_digest = DigestField()
    code_digest = DigestField()
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=45, blank=True)

    class Meta:
        verbose_name = _("验证码")
        indexes = [
            models.Index(fields=["phone_digest", "-created_at"], name="code_phone"),
            models.Index(fields=["address", "-created_at"], name="code_address"),
        ]


class Token(models.Model):
    """A key of a program that acts for an account through the API. Only its SHA-256 is stored; it is shown once, when issued."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="tokens")
    name = models.CharField(_("名称"), max_length=60)
    digest = models.BinaryField(max_length=32, unique=True)
    hint = models.CharField(max_length=12)
    """The first characters, by which the owner knows it again."""
    scopes = ArrayField(models.CharField(max_length=40))
    second_factor = models.BooleanField(default=False)
    """Issued by a session that had shown a second factor: roles that require one count for this token."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("访问令牌")
        indexes = [models.Index(fields=["account"])]


class Attempt(models.Model):
    """What is counted in a window of time, over all processes: tries of a code, looks, requests. `key` holds no personal data."""

    key = models.CharField(max_length=80, unique=True)
    count = models.PositiveIntegerField()
    counting_since = models.DateTimeField()

    class Meta:
        verbose_name = _("尝试次数")


class Remembered(models.Model):
    """The table of Django's cache "default", which all processes share: allauth counts tries in it and keeps used codes."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    valid_until = models.DateTimeField(db_column="expires", db_index=True)

    class Meta:
        verbose_name = _("共用缓存")
