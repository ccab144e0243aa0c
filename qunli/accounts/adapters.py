"""What allauth asks of us: where secrets are encrypted, who the account is, how a person proves again who they are."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from qunli.accounts.models import Account
from qunli.audit.context import client_address
from qunli.kernel.ciphers import decrypt, encrypt
from qunli.kernel.masking import mask_phone


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by a phone's code or by an outside identity, never by a form with a user name."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def populate_username(self, request: HttpRequest, user: Account) -> None:
        user.username = get_random_string(32)

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or ""

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """allauth's own messages are not shown: our pages say what happened."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Accounts have no mail address; changes of security are told by `notices` (see `signals`)."""

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, Account) and user.phone and not any(m["id"].startswith("mfa") for m in methods):
            methods.insert(0, {"id": "code", "description": _("短信验证码"), "url": reverse("accounts:confirm")})
        return methods


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of the second factor are encrypted with our own key."""

    def encrypt(self, text: str) -> str:
        return encrypt(text).hex()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(bytes.fromhex(encrypted_text))

    def _get_user_identifier(self, user: Any) -> str:
        return mask_phone(user.phone) if user.phone else str(user)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return _("这台设备")

    def _get_site_name(self) -> str:
        return "群力"
