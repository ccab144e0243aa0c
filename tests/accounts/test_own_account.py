"""Pages of one's own account: devices, tokens, password, phone, second factor."""

import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.core import context
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value, yield_hotp_counters_from_time
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.internal.flows.login import complete_login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from qunli.accounts import services
from qunli.accounts.middleware import SEEN_EVERY
from qunli.accounts.models import Account, CodePurpose, OneTimeCode, Remembered, Session, Token
from qunli.accounts.selectors import SESSION_SQL
from qunli.accounts.sessions import digest_of
from qunli.audit.models import Event
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import DemoSms
from tests.factories import phone_number
from tests.roles import client_of, person_of

pytestmark = pytest.mark.django_db
PASSWORD = "a long password 1"  # noqa: S105
ROLES_WITH_FACTOR = ("street_officer", "district_officer", "city_officer", "supervisor", "auditor", "system_administrator")


@pytest.fixture(autouse=True)
def demonstration(settings: Any) -> None:
    settings.DEMO = True
    settings.SMS_SENDER = "qunli.notices.sms.InboxSender"


def codes_sent() -> list[str]:
    """The codes of the demonstration's inbox, the newest first."""
    return [re.findall(r"\d{6}", str(sms.text))[0] for sms in DemoSms.objects.order_by("-id")]


def account_with_phone() -> Account:
    account, _place = person_of("community_worker")
    phone = phone_number()
    Account.objects.filter(pk=account.pk).update(phone=phone, phone_digest=services.blind_index("phone", phone))
    return Account.objects.get(pk=account.pk)


PAGES = ("settings", "sessions", "tokens", "phone", "second_factor")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_pages_are_shown(page: str, language: str) -> None:
    answer = client_of(account_with_phone(), language=language).get(reverse(f"accounts:{page}"))
    assert answer.status_code == 200
    assert answer["Content-Language"] == language


@pytest.mark.parametrize("page", [*PAGES, "password"])
def test_pages_ask_for_a_sign_in(client: Client, page: str) -> None:
    url = reverse(f"accounts:{page}")
    assert client.get(url)["Location"] == f"{reverse('accounts:sign_in')}?next={url}"


def test_signing_out_there_takes_effect_at_once() -> None:
    account = account_with_phone()
    here, there = client_of(account), client_of(account)
    settings_page = reverse("accounts:settings")
    assert there.get(settings_page).status_code == 200
    key = digest_of(there.cookies["qunli_session"].value).hex()
    assert here.post(reverse("accounts:sign_out_there", args=[key])).status_code == 302
    assert there.get(settings_page).status_code == 302
    assert here.get(settings_page).status_code == 200
    assert Event.objects.filter(verb="accounts.sign_out_there").exists()


def test_nobody_signs_another_person_out() -> None:
    mine, stranger = client_of(account_with_phone()), client_of(account_with_phone())
    key = digest_of(stranger.cookies["qunli_session"].value).hex()
    mine.post(reverse("accounts:sign_out_there", args=[key]))
    assert stranger.get(reverse("accounts:settings")).status_code == 200
    assert mine.post(reverse("accounts:sign_out_there", args=["zz"])).status_code == 404


def test_signing_out_everywhere_leaves_this_browser() -> None:
    account = account_with_phone()
    here, *others = (client_of(account) for _n in range(3))
    here.post(reverse("accounts:sign_out_everywhere"))
    assert [c.get(reverse("accounts:settings")).status_code for c in (here, *others)] == [200, 302, 302]


def test_signing_out_everywhere_ends_the_tokens_unless_they_are_to_stay() -> None:
    account = account_with_phone()
    here = client_of(account)
    services.issue_token(account=account, name="program", scopes=["people:read"], days=1, by=SYSTEM)
    assert 'name="tokens" value="1" checked' in here.get(reverse("accounts:sessions")).content.decode()
    here.post(reverse("accounts:sign_out_everywhere"))
    assert Token.objects.get().revoked_at is None
    here.post(reverse("accounts:sign_out_everywhere"), {"tokens": "1"})
    assert Token.objects.get().revoked_at is not None


def test_a_session_that_was_signed_out_does_not_come_back_by_being_saved() -> None:
    account = account_with_phone()
    browser = client_of(account)
    store = browser.session
    store["later"] = 1
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_a_deactivated_account_is_out_at_once() -> None:
    account = account_with_phone()
    browser = client_of(account)
    Account.objects.filter(pk=account.pk).update(is_active=False)
    assert browser.get(reverse("accounts:settings")).status_code == 302


def test_one_statement_resolves_a_session() -> None:
    account = account_with_phone()
    browser = client_of(account)
    digest = digest_of(browser.cookies["qunli_session"].value)

    def resolve() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(SESSION_SQL, {"session": digest})
            return cursor.fetchone()

    assert resolve() == (account.pk, account.person_id, "zh-hans")
    Account.objects.filter(pk=account.pk).update(is_active=False)
    assert resolve() is None
    Account.objects.filter(pk=account.pk).update(is_active=True)
    Session.objects.filter(digest=digest).delete()
    assert resolve() is None


def test_last_seen_is_written_seldom() -> None:
    browser = client_of(account_with_phone())
    seen = Session.objects.get().last_seen_at
    browser.get(reverse("accounts:settings"))
    assert Session.objects.get().last_seen_at == seen
    Session.objects.update(last_seen_at=timezone.now() - 2 * SEEN_EVERY)
    browser.get(reverse("accounts:settings"))
    assert timezone.now() - Session.objects.get().last_seen_at < SEEN_EVERY


def test_a_new_password_signs_the_others_out() -> None:
    account = account_with_phone()
    here, there = client_of(account), client_of(account)
    store = here.session
    store["account_authentication_methods"] = [{"method": "code", "at": timezone.now().timestamp()}]
    store["account_authentication_methods_user"] = str(account.pk)
    store.save()
    url = reverse("accounts:password")
    assert here.post(url, {"password": "1234567890", "again": "1234567890"}).status_code == 422
    assert here.post(url, {"password": PASSWORD, "again": "another one"}).status_code == 422
    assert here.post(url, {"password": PASSWORD, "again": PASSWORD}).status_code == 302
    assert here.get(reverse("accounts:settings")).status_code == 200
    assert there.get(reverse("accounts:settings")).status_code == 302
    login = Client().post(reverse("accounts:password_sign_in"), {"phone": account.phone, "password": PASSWORD})
    assert login.status_code == 302


def test_a_password_is_not_changed_without_proving_again_who_one_is() -> None:
    account = account_with_phone()
    browser = client_of(account)
    assert browser.get(reverse("mfa_activate_totp"))["Location"].startswith(reverse("accounts:confirm"))
    answer = browser.get(reverse("accounts:password"))
    assert answer["Location"].startswith(reverse("accounts:confirm"))
    confirm = answer["Location"]
    assert browser.post(confirm, {"send": "1"}).status_code == 200
    done = browser.post(confirm, {"code": codes_sent()[0], "next": reverse("accounts:password")})
    assert done["Location"] == reverse("accounts:password")
    assert browser.get(reverse("accounts:password")).status_code == 200


def test_the_phone_changes_only_with_both_codes() -> None:
    account = account_with_phone()
    old, new = str(account.phone), phone_number()
    browser = client_of(account)
    url = reverse("accounts:phone")
    assert browser.post(url, {"step": "phone", "phone": new}).status_code == 200
    of_old, of_new = codes_sent()[:2]
    wrong = "000000" if "000000" not in (of_old, of_new) else "111111"
    refused = browser.post(url, {"step": "codes", "old_code": wrong, "new_code": of_new})
    assert refused.status_code == 422
    assert "old_code" in refused.context["form"].errors
    refused = browser.post(url, {"step": "codes", "old_code": of_old, "new_code": wrong})
    assert "new_code" in refused.context["form"].errors
    assert Account.objects.get(pk=account.pk).phone == old
    assert browser.post(url, {"step": "codes", "old_code": of_old, "new_code": of_new}).status_code == 302
    assert Account.objects.get(pk=account.pk).phone == new


def test_a_phone_of_another_account_is_refused_and_nothing_is_half_done() -> None:
    account, other = account_with_phone(), account_with_phone()
    now = timezone.now()
    for phone, purpose in ((account.phone, CodePurpose.PHONE_OLD), (other.phone, CodePurpose.PHONE_NEW)):
        services.send_code(phone=str(phone), purpose=purpose, now=now)
    of_new, of_old = codes_sent()[:2]
    with pytest.raises(Refused) as refused:
        services.change_phone(account=account, phone=str(other.phone), old_code=of_old, new_code=of_new, by=SYSTEM, now=now)
    assert refused.value.code == "taken"
    assert Account.objects.get(pk=account.pk).phone == account.phone


@pytest.mark.parametrize("role", ROLES_WITH_FACTOR)
def test_an_officer_without_second_factor_is_sent_to_set_one_up(role: str) -> None:
    account, _place = person_of(role)
    cookie = services.open_session(account, second_factor=False)
    browser = Client()
    browser.cookies[cookie.name] = cookie.value
    answer = browser.get(reverse("notices:list"))
    assert answer["Location"] == f"{reverse('accounts:second_factor')}?next={reverse('notices:list')}"
    # Where they wanted to go keeps its own query.
    asked = browser.get(reverse("notices:list"), {"cursor": "a&b", "next": "/"})["Location"]
    assert parse_qs(urlsplit(asked).query) == {"next": [f"{reverse('notices:list')}?cursor=a%26b&next=%2F"]}
    page = browser.get(answer["Location"]).content.decode()
    assert reverse("mfa_activate_totp") in page
    assert browser.get("/api/v1/accounts/me").status_code == 200
    assert client_of(account).get(reverse("notices:list")).status_code == 200


def totp_code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


@pytest.mark.django_db(transaction=True)  # what follows from it happens after the commit
def test_setting_up_an_authenticator_shows_it() -> None:
    account, _place = person_of("district_officer")
    cookie = services.open_session(account, second_factor=False)
    browser = Client()
    browser.cookies[cookie.name] = cookie.value
    store = browser.session
    store["account_authentication_methods"] = [{"method": "code", "at": timezone.now().timestamp()}]
    store["account_authentication_methods_user"] = str(account.pk)
    store.save()
    page = browser.get(reverse("mfa_activate_totp"))
    assert page.status_code == 200
    answer = browser.post(reverse("mfa_activate_totp"), {"code": totp_code(page.context["form"].secret)})
    assert answer.status_code == 302
    assert browser.get(reverse("notices:list")).status_code == 200
    assert browser.get(reverse("mfa_view_recovery_codes")).status_code == 200
    assert browser.get(reverse("mfa_index")).status_code == 200


def test_signing_in_asks_for_the_second_factor_and_takes_a_code_once() -> None:
    account = account_with_phone()
    secret = generate_totp_secret()
    TOTP.activate(account, secret)
    assert secret not in str(account.authenticator_set.values().get())  # type: ignore[attr-defined]
    browser = Client()
    browser.post(reverse("accounts:sign_in"), {"phone": account.phone})
    answer = browser.post(reverse("accounts:code"), {"code": codes_sent()[0]})
    assert answer["Location"] == reverse("mfa_authenticate")
    assert browser.get(reverse("accounts:settings")).status_code == 302
    assert browser.get(reverse("mfa_authenticate")).status_code == 200
    wrong = browser.post(reverse("mfa_authenticate"), {"code": "abcdef"})
    assert wrong.status_code == 200
    code = totp_code(secret)
    assert browser.post(reverse("mfa_authenticate"), {"code": code}).status_code == 302
    assert browser.get(reverse("accounts:settings")).status_code == 200
    assert Session.objects.filter(account=account).count() == 1


def waiting_for_the_second_factor(account: Account) -> Client:
    """A browser whose phone was shown: the page that asks for the second factor is before it."""
    OneTimeCode.objects.all().delete()
    browser = Client()
    browser.post(reverse("accounts:sign_in"), {"phone": account.phone})
    assert browser.post(reverse("accounts:code"), {"code": codes_sent()[0]})["Location"] == reverse("mfa_authenticate")
    return browser


def test_tries_of_a_second_factor_and_used_codes_are_known_to_all_processes() -> None:
    """Kept in the database: what another process has counted counts here. Neither account nor address can be read there."""
    account, secret = account_with_phone(), generate_totp_secret()
    TOTP.activate(account, secret)
    first, code = waiting_for_the_second_factor(account), totp_code(secret)
    assert first.post(reverse("mfa_authenticate"), {"code": code}).status_code == 302
    again = waiting_for_the_second_factor(account)
    assert again.post(reverse("mfa_authenticate"), {"code": code}).status_code == 200, "a code is used once, wherever"
    for _n in range(5):
        again.post(reverse("mfa_authenticate"), {"code": "abcdef"})
    kept = list(Remembered.objects.all())
    assert kept, "counted in the database, not in this process"
    assert not any("mfa" in row.cache_key or "127.0.0.1" in row.cache_key for row in kept)
    recovery = "12345678"
    page = waiting_for_the_second_factor(account).post(reverse("mfa_authenticate"), {"code": recovery})
    assert "尝试次数" in page.content.decode() or "过多" in page.content.decode() or "太多" in page.content.decode()
    Remembered.objects.all().delete()
    fresh = waiting_for_the_second_factor(account).post(reverse("mfa_authenticate"), {"code": recovery})
    assert "太多" not in fresh.content.decode()


def test_a_second_factor_of_another_account_does_not_count() -> None:
    """A session key that was set for one account says nothing about the next one at the same browser."""
    officer, _place = person_of("district_officer")
    cookie = services.open_session(officer, second_factor=False)
    browser = Client()
    browser.cookies[cookie.name] = cookie.value
    store = browser.session
    store[services.SECOND_FACTOR] = str(officer.pk + 1)
    store.save()
    assert browser.get(reverse("notices:list")).status_code == 302


def test_a_token_is_shown_once_listed_and_revoked() -> None:
    account = account_with_phone()
    browser = client_of(account)
    form = {"name": "公众号", "scopes": ["account:read"], "days": 30}
    asked = browser.post(reverse("accounts:tokens"), form)
    assert asked["Location"].startswith(reverse("accounts:confirm"))
    assert not Token.objects.exists(), "a session alone takes no key along that outlives it"
    browser.post(asked["Location"], {"send": "1"})
    answer = browser.post(asked["Location"], {"code": codes_sent()[0]})
    text = Token.objects.get().hint
    text = next(word for word in re.findall(r"qlt_[\w-]{40,}", answer.content.decode()) if word.startswith(text))
    assert text not in browser.get(reverse("accounts:tokens")).content.decode()
    assert text not in str(Token.objects.values().get())
    caller = Client(headers={"authorization": f"Bearer {text}"})
    assert caller.get("/api/v1/accounts/me").json()["account_id"] == account.pk
    assert caller.patch("/api/v1/accounts/me", {"elder": True}, content_type="application/json").status_code == 403
    browser.post(reverse("accounts:revoke_token", args=[Token.objects.get().pk]))
    assert caller.get("/api/v1/accounts/me").status_code == 401


def test_a_token_of_another_account_is_not_issued_or_revoked() -> None:
    mine, other = account_with_phone(), account_with_phone()
    from qunli.access.selectors import actor_of

    with pytest.raises(Denied):
        services.issue_token(account=other, name="x", scopes=["account:read"], days=1, by=actor_of(mine, timezone.localdate()))
    services.issue_token(account=other, name="x", scopes=["account:read"], days=1, by=SYSTEM)
    client_of(mine).post(reverse("accounts:revoke_token", args=[Token.objects.get().pk]))
    assert Token.objects.get().revoked_at is None


@pytest.mark.parametrize(
    ("scopes", "days", "field"), [([], 1, "scopes"), (["everything"], 1, "scopes"), (["account:read"], 0, "days")]
)
def test_a_token_that_cannot_be_is_refused_at_its_field(scopes: list[str], days: int, field: str) -> None:
    with pytest.raises(Refused) as refused:
        services.issue_token(account=account_with_phone(), name="x", scopes=scopes, days=days, by=SYSTEM)
    assert refused.value.field == field


def test_settings_are_kept_with_the_account() -> None:
    account = account_with_phone()
    browser = client_of(account)
    answer = browser.post(reverse("accounts:settings"), {"language": "en", "theme": "dark", "elder": "on"})
    assert answer.status_code == 302
    account.refresh_from_db()
    assert (account.language, account.theme, account.elder) == ("en", "dark", True)
    assert browser.get(reverse("accounts:settings"))["Content-Language"] == "en"


def test_the_inbox_exists_in_the_demonstration_only(client: Client, settings: Any) -> None:
    TOTP.activate(account_with_phone(), generate_totp_secret())
    services.send_code(phone=phone_number(), now=timezone.now())
    page = client.get(reverse("accounts:inbox"))
    assert page.status_code == 200
    assert codes_sent()[0] in page.content.decode()
    assert len(page.context["factors"]) == 1
    settings.DEMO = False
    assert client.get(reverse("accounts:inbox")).status_code == 404


def test_an_account_of_an_outside_identity_takes_a_phone_with_one_code() -> None:
    account, _place = person_of("resident")
    Account.objects.filter(pk=account.pk).update(phone=None, phone_digest=None)
    browser, new = client_of(Account.objects.get(pk=account.pk)), phone_number()
    url = reverse("accounts:phone")
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"step": "phone", "phone": new}).status_code == 200
    assert browser.post(url, {"step": "codes", "new_code": codes_sent()[0]}).status_code == 302
    assert Account.objects.get(pk=account.pk).phone == new


def test_an_outside_identity_opens_an_account_and_keeps_nothing_of_the_profile(rf: RequestFactory) -> None:
    def arrive() -> Any:
        request = rf.get("/accounts/outside/city/login/callback/")
        request.session = services.SessionStore()
        request.user = AnonymousUser()
        request.allauth = SimpleNamespace()  # type: ignore[attr-defined]
        outside = SocialAccount(
            provider="weixin", uid="o6_bmjrPTlm6_2sgVt7hMZOPfL2M", extra_data={"nickname": "昵称", "headimgurl": "x"}
        )
        login = SocialLogin(user=Account(), account=outside)
        with context.request_context(request):
            get_social_adapter().populate_user(request, login, {"name": "昵称"})
            return complete_login(request, login), request

    answer, request = arrive()
    assert answer.status_code == 302
    account = Account.objects.get()
    assert (account.phone, account.has_usable_password(), account.person) == (None, False, None)
    assert SocialAccount.objects.get().extra_data == {}
    assert request.user == account
    assert request.session["_auth_user_id"] == str(account.pk)
    arrive()
    assert Account.objects.count() == 1


def test_no_page_of_somebody_signed_in_is_kept_by_browser_or_proxy() -> None:
    account = account_with_phone()
    browser = client_of(account)
    for address in ("/", "/people/me", "/api/v1/accounts/me", "/nowhere"):
        assert browser.get(address)["Cache-Control"] == "private, no-store", address
    token = services.issue_token(account=account, name="x", scopes=["account:read"], days=1, by=SYSTEM)
    program = Client(headers={"authorization": f"Bearer {token}"})
    assert program.get("/api/v1/accounts/me")["Cache-Control"] == "private, no-store"
    assert "Cache-Control" not in Client().get("/about").headers
    assert browser.get("/divisions/areas.geojson")["Cache-Control"] == "public, max-age=3600"
