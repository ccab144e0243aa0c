"""Signing in with a one-time code: the pages, the limits, and what a stranger can learn."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from qunli.accounts import codes, services
from qunli.accounts.models import Account, CodePurpose, OneTimeCode, Session
from qunli.kernel.errors import Refused
from qunli.notices.models import DemoSms
from tests.factories import phone_number

pytestmark = pytest.mark.django_db
PASSWORD = "a long password 1"  # noqa: S105
SIGN_IN = reverse("accounts:sign_in")
CODE = reverse("accounts:code")


@pytest.fixture(autouse=True)
def demonstration(settings: Any) -> None:
    settings.DEMO = True
    settings.SMS_SENDER = "qunli.notices.sms.InboxSender"


def last_code() -> str:
    text: str = DemoSms.objects.latest("id").text  # type: ignore[assignment]
    return re.findall(r"\d{6}", text)[0]


def ask(client: Client, phone: str, **more: str) -> Any:
    return client.post(SIGN_IN, {"phone": phone, **more})


def test_a_new_phone_opens_an_account_and_comes_back_to_the_page(client: Client) -> None:
    phone = phone_number()
    assert ask(client, phone[3:], next="/accounts/settings/").status_code == 302
    assert "***" in client.get(CODE).content.decode() or "****" in client.get(CODE).content.decode()
    answer = client.post(CODE, {"code": last_code(), "next": "/accounts/settings/"})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/settings/")
    account = Account.objects.get()
    assert (account.phone, account.phone_verified) == (phone, True)
    assert Session.objects.get(account=account)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_a_visitor_chose_goes_into_the_new_account_only(client: Client, language: str) -> None:
    client.post("/preferences", {"theme": "contrast", "elder": "on", "language": language})
    phone = phone_number()
    ask(client, phone)
    client.post(CODE, {"code": last_code()})
    account = Account.objects.get()
    assert (account.theme, account.elder, account.language) == ("contrast", True, language)
    other = Client()  # a device that looks otherwise leaves the account's own choice as it is
    other.post("/preferences", {"theme": "dark"})
    ask(other, phone)
    other.post(CODE, {"code": last_code()})
    account.refresh_from_db()
    assert (account.theme, account.elder, account.language) == ("contrast", True, language)


def test_going_on_leaves_the_site_for_nobody(client: Client) -> None:
    ask(client, phone_number())
    answer = client.post(CODE, {"code": last_code(), "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_the_same_phone_is_the_same_account(client: Client) -> None:
    account = Account.objects.create_user(phone=phone_number(), phone_verified=True)
    ask(client, str(account.phone))
    client.post(CODE, {"code": last_code()})
    assert Account.objects.count() == 1
    assert Session.objects.get(account=account)


@pytest.mark.parametrize("given", ["", "123", "1391234567", "not a phone", "+1 202 555"])
def test_what_is_no_phone_is_said_at_its_field(client: Client, given: str) -> None:
    answer = ask(client, given)
    assert answer.status_code == 422
    assert 'id="id_phone_error"' in answer.content.decode() or "aria-invalid" in answer.content.decode()
    assert not OneTimeCode.objects.exists()


def test_a_stranger_learns_nothing_about_accounts(client: Client) -> None:
    """The answers for a phone with and without an account are the same, to the byte but for tokens and the masked number."""
    known = Account.objects.create_user(phone=phone_number(), password=PASSWORD)
    answers = []
    for phone in (str(known.phone), phone_number()):
        browser = Client()
        first = ask(browser, phone)
        page = browser.get(CODE)
        wrong = browser.post(CODE, {"code": "000000" if last_code() != "000000" else "111111"})
        by_password = Client().post(reverse("accounts:password_sign_in"), {"phone": phone, "password": "wrong password"})
        answers.append(
            [first.status_code, first["Location"], page.status_code, wrong.status_code, by_password.status_code]
            + [sorted(str(e) for e in r.context["form"].errors.values()) for r in (wrong, by_password)]
        )
    assert answers[0] == answers[1]


def test_a_code_is_tried_five_times_at_most(frozen: Any) -> None:
    phone = phone_number()
    services.send_code(phone=phone, now=timezone.now())
    right = last_code()
    wrong = "000000" if right != "000000" else "111111"
    for _try in range(codes.TRIES):
        with pytest.raises(Refused):
            services.check_code(phone=phone, code=wrong, now=timezone.now())
    with pytest.raises(Refused):
        services.check_code(phone=phone, code=right, now=timezone.now())
    assert not Account.objects.exists()


def test_a_code_is_valid_for_ten_minutes(frozen: Any) -> None:
    phone = phone_number()
    services.send_code(phone=phone, now=timezone.now())
    frozen.move(minutes=10, seconds=1)
    with pytest.raises(Refused):
        services.check_code(phone=phone, code=last_code(), now=timezone.now())


def test_only_the_newest_code_counts(frozen: Any) -> None:
    phone = phone_number()
    services.send_code(phone=phone, now=timezone.now())
    old = last_code()
    frozen.move(seconds=61)
    services.send_code(phone=phone, now=timezone.now())
    if old != last_code():
        with pytest.raises(Refused):
            services.check_code(phone=phone, code=old, now=timezone.now())
    assert services.check_code(phone=phone, code=last_code(), now=timezone.now())


def test_a_code_of_another_purpose_does_not_sign_in() -> None:
    phone = phone_number()
    services.send_code(phone=phone, purpose=CodePurpose.PHONE_NEW, now=timezone.now())
    with pytest.raises(Refused):
        services.check_code(phone=phone, code=last_code(), now=timezone.now())


def test_codes_are_sent_a_minute_apart_and_few_an_hour(frozen: Any) -> None:
    phone = phone_number()
    for _sent in range(codes.PER_PHONE_HOUR):
        services.send_code(phone=phone, now=timezone.now())
        with pytest.raises(Refused) as soon:
            services.send_code(phone=phone, now=timezone.now())
        assert soon.value.code == "too_soon"
        frozen.move(seconds=61)
    with pytest.raises(Refused) as many:
        services.send_code(phone=phone, now=timezone.now())
    assert many.value.code == "too_many"


def test_neither_phone_nor_code_stands_in_the_table() -> None:
    phone = phone_number()
    services.send_code(phone=phone, now=timezone.now())
    row = OneTimeCode.objects.values().get()
    assert phone not in str(row)
    assert last_code() not in str(row)


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_with_one_code_one_gets_in() -> None:
    phone = phone_number()
    for _volley in range(5):
        OneTimeCode.objects.all().delete()
        services.send_code(phone=phone, now=timezone.now())
        code = last_code()

        def enter(code: str = code) -> bool:
            try:
                return codes.use_code(phone=phone, purpose=CodePurpose.SIGN_IN, code=code, now=timezone.now())
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(lambda _n: enter(), range(4))) == 1


def test_five_wrong_passwords_lock_the_phone_wherever_they_come_from() -> None:
    account = Account.objects.create_user(phone=phone_number(), password=PASSWORD)
    url = reverse("accounts:password_sign_in")
    for number in range(5):
        Client(REMOTE_ADDR=f"10.0.0.{number}").post(url, {"phone": account.phone, "password": "wrong"})
    answer = Client().post(url, {"phone": account.phone, "password": PASSWORD})
    assert answer.status_code == 422
    kept = str(list(AccessAttempt.objects.values()))
    assert str(account.phone) not in kept
    assert "wrong" not in kept
    assert "15" in str(answer.context["form"].errors)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert Client().post(url, {"phone": account.phone, "password": PASSWORD}).status_code == 302


def test_the_key_of_the_session_changes_at_sign_in_and_is_not_stored(client: Client) -> None:
    ask(client, phone_number())
    before = client.cookies["qunli_session"].value
    client.post(CODE, {"code": last_code()})
    after = client.cookies["qunli_session"].value
    assert before != after
    assert after not in str(Session.objects.values().get())


def test_a_session_and_its_account_cost_one_query(as_role: Callable[..., Any], max_queries: Callable[[int], Any]) -> None:
    browser = as_role("community_worker")
    with max_queries(1):
        assert browser.get(reverse("accounts:sign_in")).status_code == 302
