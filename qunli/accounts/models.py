"""Signing in. What a person may do is `access`; who the person is, is `people`."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _

from qunli.kernel.fields import DigestField, EncryptedField
from qunli.people.models import Person


class Theme(models.TextChoices):
    AUTO = "auto", _("跟随系统")
    LIGHT = "light", _("浅色")
    DARK = "dark", _("深色")
    CONTRAST = "contrast", _("高对比度")


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "Account":
        account = self.model(username=username, **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "Account":
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class Account(AbstractBaseUser, PermissionsMixin):
    """`username` is a random key that nobody types: people sign in with phone, passkey or an outside identity."""

    username = models.CharField(max_length=40, unique=True)
    phone = EncryptedField(_("手机号码"), null=True, blank=True)
    phone_digest = DigestField(null=True, blank=True, unique=True)
    phone_verified = models.BooleanField(default=False)
    person = models.OneToOneField(Person, models.SET_NULL, null=True, blank=True, related_name="account")
    language = models.CharField(max_length=10, default="zh-hans")
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.AUTO)
    elder = models.BooleanField(_("长者模式"), default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    objects = AccountManager()

    class Meta:
        verbose_name = _("账号")
