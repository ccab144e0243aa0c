"""What allauth asks of us: where secrets are encrypted, who the account is, how a person proves again who they are."""

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
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

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """For accounts with neither password nor second factor allauth asks nothing: we ask for a code, unless they just gave one.

        Raises ReauthenticationRequired, which allauth's middleware answers with the page of `get_reauthentication_methods`.
        """
        request = context.request
        user = request.user
        if isinstance(user, Account) and user.phone and not get_reauthentication_flows(user):
            given = [r["at"] for r in get_authentication_records(request, user) if r.get("method") == "code"]
            if not given or time.time() - given[-1] > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
                raise ReauthenticationRequired
        required: bool = super().is_reauthentication_required(app=app, **kwargs)
        return required

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, Account) and user.phone and not any(m["id"].startswith("mfa") for m in methods):
            methods.insert(0, {"id": "code", "description": _("短信验证码"), "url": reverse("accounts:confirm")})
        return methods


class OutsideAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """WeChat and OIDC. A first sign-in opens an account without a phone; it is tied to a person when that person registers.

    Nothing of the outside profile is kept but the provider's own identifier: no name, picture or mail address.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        sociallogin.account.extra_data = {}
        return sociallogin.user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        account = sociallogin.user
        account.username = get_random_string(32)
        account.set_unusable_password()
        sociallogin.save(request)
        return account


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
