"""Signing in with phone and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from qunli.accounts.models import Account


class PhoneBackend(BaseBackend):
    """`username` is the hexadecimal blind index of the phone: so that nothing which counts failures by it holds a phone."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_other: Any
    ) -> Account | None:
        if username is None or password is None:
            return None
        try:
            digest = bytes.fromhex(username)
        except ValueError:
            return None
        account = Account.objects.filter(phone_digest=digest, is_active=True).first()
        if account is None:
            # Hash all the same: the time of the answer must not tell whether the account exists.
            make_password(password)
            return None
        return account if account.check_password(password) else None

    def get_user(self, user_id: int) -> Account | None:
        return Account.objects.filter(pk=user_id, is_active=True).first()
