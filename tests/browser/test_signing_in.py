"""Signing in with a passkey and with an authenticator, in a real browser with a virtual authenticator."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

from qunli.accounts.models import Account, Session
from qunli.divisions.enums import Level
from tests import factories
from tests.browser.conftest import DESK, PHONE, Visitor
from tests.browser.test_day import sign_in_by_code

VIRTUAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_authenticator(window: Visitor) -> Visitor:
    """Gives the browser a fingerprint reader that always says yes."""
    debugger = window.context.new_cdp_session(window.page)
    debugger.send("WebAuthn.enable")
    debugger.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})
    return window


@pytest.fixture(autouse=True)
def without_tls(settings: Any) -> None:
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True


def test_a_passkey_is_added_and_signs_in_alone(visitor: Callable[..., Visitor]) -> None:
    window = with_authenticator(visitor(PHONE))
    phone = factories.phone_number()
    sign_in_by_code(window, phone)
    page = window.open("/accounts/factor/webauthn/add/")
    page.locator("input[name=name]").fill("我的手机")
    page.locator("input[name=passwordless]").check()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url("**/accounts/factor/recovery-codes/")
    window.check()
    assert Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN).count() == 1
    window.open("/accounts/factor/")
    window.open("/accounts/factor/webauthn/")

    window.open("/accounts/sign-out/")
    window.follow(page.locator("main form button"), check=False)
    assert not Session.objects.filter(account__isnull=False).exists()
    window.open("/accounts/sign-in/?next=/accounts/")
    page.locator("#passkey_login").click()
    page.wait_for_url(window.server + "/accounts/")
    window.check()
    assert Session.objects.get(account__isnull=False).account_id == Account.objects.get().pk


def code_of(secret: str) -> str:
    """What the app shows now."""
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


@pytest.mark.parametrize("shape", [PHONE, DESK], ids=["phone", "desk"])
def test_an_officer_sets_an_authenticator_up_and_shows_it_the_next_time(visitor: Callable[..., Visitor], shape: Any) -> None:
    person = factories.person()
    officer = Account.objects.create_user(phone=factories.phone_number(), phone_verified=True, person=person)
    factories.posting(person, "district_officer", factories.division(Level.DISTRICT))
    window = visitor(shape)
    sign_in_by_code(window, str(officer.phone))
    page = window.open("/access/")
    assert "/accounts/second-factor/" in page.url
    window.open("/accounts/factor/totp/activate/")
    secret = page.locator("main code").inner_text().strip()
    page.locator("input[name=code]").fill(code_of(secret))
    page.locator("main form button").click()
    page.wait_for_url("**/accounts/factor/recovery-codes/")
    window.check()
    assert "/accounts/second-factor/" not in window.open("/access/").url
