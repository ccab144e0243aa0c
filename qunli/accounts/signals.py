"""What follows from signing in and from changes of the second factor (signals of Django and allauth, which have no other door)."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset, authenticator_used
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from qunli.accounts.devices import describe_device, mask_address
from qunli.accounts.models import Account
from qunli.accounts.sessions import SECOND_FACTOR, SessionStore
from qunli.audit.context import client_address
from qunli.audit.services import record
from qunli.kernel.actor import Actor


class _Self:
    """The account itself, where no actor exists yet: it is just signing in."""

    def __init__(self, account: Account) -> None:
        self.account_id = account.pk
        self.person_id = account.person_id
        self.label = f"account:{account.pk}"

    def has(self, permission: str, path: str | None = None, unit: str | None = None) -> bool:
        return False

    def ranges(self, permission: str) -> tuple[str, ...]:
        return ()

    def units(self, permission: str) -> frozenset[str]:
        return frozenset()


def _record(verb: str, account: Account, **facts: Any) -> None:
    by: Actor = _Self(account)
    with transaction.atomic():
        record(verb, f"account:{account.pk}", by=by, **facts)


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: Account, **_kwargs: Any) -> None:
    """Remember device and place for the list of sessions. The key was changed by Django's login (no session fixation)."""
    if isinstance(request.session, SessionStore):
        request.session.device = describe_device(request.headers.get("User-Agent", ""))
        request.session.address = mask_address(client_address(request))
    _record("accounts.sign_in", user)


@receiver(user_logged_out)
def signed_out(sender: Any, request: HttpRequest, user: Account | None, **_kwargs: Any) -> None:
    if user is not None:
        _record("accounts.sign_out", user)


@receiver(authenticator_used)
def factor_shown(sender: Any, request: HttpRequest, user: Account, reauthenticated: bool = False, **_kwargs: Any) -> None:
    request.session[SECOND_FACTOR] = str(user.pk)
    if not reauthenticated:
        # Whoever has just shown it at sign-in need not show it again a minute later to look at the recovery codes.
        record_authentication(request, user, method="mfa", reauthenticated=True)


@receiver(authenticator_added)
def factor_added(sender: Any, request: HttpRequest, user: Account, authenticator: Authenticator, **_kwargs: Any) -> None:
    """Setting one up is showing it: the code of the new device was asked for."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        # allauth would note the first look when the page is shown; a GET writes nothing here.
        authenticator.wrap().mark_as_viewed()
    else:
        request.session[SECOND_FACTOR] = str(user.pk)
        record_authentication(request, user, method="mfa", reauthenticated=True)
    _record("accounts.add_factor", user, type=str(authenticator.type))


@receiver(authenticator_reset)
def factor_reset(sender: Any, request: HttpRequest, user: Account, authenticator: Authenticator, **_kwargs: Any) -> None:
    """New recovery codes in the place of the old ones."""
    authenticator.wrap().mark_as_viewed()
    _record("accounts.reset_factor", user, type=str(authenticator.type))


@receiver(authenticator_removed)
def factor_removed(sender: Any, request: HttpRequest, user: Account, authenticator: Authenticator, **_kwargs: Any) -> None:
    if not Authenticator.objects.filter(user=user).exists():
        request.session.pop(SECOND_FACTOR, None)
    _record("accounts.remove_factor", user, type=str(authenticator.type))
