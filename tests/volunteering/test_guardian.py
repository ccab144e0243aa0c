"""A minor becomes a volunteer only when the guardian has given the code that went to the guardian's own phone."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from qunli.access.selectors import actor_of
from qunli.accounts import codes
from qunli.accounts.models import Account, OneTimeCode
from qunli.accounts.services import open_session
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.notices.models import DemoSms
from qunli.people import services as people
from qunli.people.enums import Purpose
from qunli.people.models import Consent
from qunli.volunteering import services
from qunli.volunteering.models import Volunteer
from qunli.volunteering.services import GuardianAnswers, RegistrationAnswers
from tests import factories as make

pytestmark = pytest.mark.django_db
BOTH = frozenset({"registration", "identity"})
PHONE = "+8613912349999"


def born(age: int) -> date:
    today = local_date(timezone.now())
    return date(today.year - age, 1, 1)


def minor(age: int = 15) -> Account:
    return make.account(make.person(birth_date=born(age)))


def guardian(**more: str) -> GuardianAnswers:
    number = make.id_number(date(1980, 1, 1))
    return GuardianAnswers(
        **{"name": "司马懿", "id_kind": "resident", "id_number": number, "phone": PHONE, "relation": "parent"} | more
    )


def sent_code() -> str:
    return re.findall(r"\d{6}", str(DemoSms.objects.latest("id").text))[0]


def wrong_code() -> str:
    return "000000" if sent_code() != "000000" else "111111"


def register(account: Account, answers: GuardianAnswers | None, **more: Any) -> Volunteer:
    now = more.pop("now", timezone.now())
    given = RegistrationAnswers(division=make.division(), consents=BOTH, guardian=answers)
    return services.register(account=account, answers=given, by=actor_of(account, local_date(now)), now=now)


def ask(account: Account, answers: GuardianAnswers) -> None:
    services.ask_guardian(account=account, name="司马昭", answers=answers, now=timezone.now())


def coded(answers: GuardianAnswers, code: str) -> GuardianAnswers:
    return GuardianAnswers(**{**vars(answers), "code": code})


@pytest.mark.parametrize("age", [8, 13, 14, 17])
def test_nothing_stands_before_the_guardian_has_given_the_code(age: int) -> None:
    account, answers = minor(age), guardian()
    for without in (answers, coded(answers, "123456")):
        with pytest.raises(Refused) as refused:
            register(account, without)
        assert (refused.value.code, refused.value.field) == ("guardian_code", "guardian_code")
    ask(account, answers)
    assert "司马昭" in DemoSms.objects.latest("id").text
    assert not OneTimeCode.objects.filter(code_digest=sent_code().encode()).exists(), "kept as a digest only"
    with pytest.raises(Refused):
        register(account, coded(answers, wrong_code()))
    assert not Volunteer.objects.exists()
    assert not Consent.objects.exists()
    volunteer = register(account, coded(answers, sent_code()))
    given = {c.purpose: c.given_by.name for c in Consent.objects.select_related("given_by")}
    assert given["minor"] == "司马懿"
    post = make.post(make.activity(min_age=6))
    by = actor_of(account, local_date(timezone.now()))
    assert services.sign_up(post=post.pk, by=by, now=timezone.now()).code == "confirmed"
    people.withdraw_consent(person=volunteer.person, purpose=Purpose.MINOR, by=by, now=timezone.now())
    other = make.post(make.activity(min_age=6, starts_at=timezone.now() + timedelta(days=9)))
    assert services.sign_up(post=other.pk, by=by, now=timezone.now()).code == "consent_missing"


def test_a_code_is_used_once_and_for_a_few_tries_and_minutes() -> None:
    account, answers, now = minor(), guardian(), timezone.now()
    ask(account, answers)
    with pytest.raises(Refused):
        register(account, coded(answers, sent_code()), now=now + codes.VALID + timedelta(minutes=1))
    for _try in range(codes.TRIES):
        with pytest.raises(Refused):
            register(account, coded(answers, wrong_code()))
    with pytest.raises(Refused):
        register(account, coded(answers, sent_code()))
    OneTimeCode.objects.all().update(tries=0)
    register(account, coded(answers, sent_code()))
    with pytest.raises(Refused) as refused:
        register(minor(), coded(answers, sent_code()))
    assert refused.value.code == "guardian_code"


def test_the_code_goes_to_a_phone_of_an_adult_and_not_to_the_minor() -> None:
    account = minor()
    known = make.person(birth_date=date(1980, 1, 1))
    for answers, field in (
        (guardian(phone=account.phone or ""), "guardian_phone"),
        (guardian(phone="12345"), "guardian_phone"),
        (guardian(id_number=known.id_number or ""), "guardian_phone"),
        (guardian(id_number=make.id_number(born(16))), "guardian_id_number"),
    ):
        with pytest.raises(Refused) as refused:
            ask(account, answers)
        assert refused.value.field == field
    assert not DemoSms.objects.exists()
    ask(account, guardian(id_number=known.id_number or "", phone=known.phone or ""))
    with pytest.raises(Refused) as refused:
        ask(account, guardian(id_number=known.id_number or "", phone=known.phone or ""))
    assert refused.value.code == "too_soon"


def test_a_code_of_signing_in_is_none_of_a_guardian() -> None:
    from qunli.accounts.services import send_code

    send_code(phone=PHONE, now=timezone.now())
    with pytest.raises(Refused):
        register(minor(), guardian(code=sent_code()))


def test_the_guardians_own_account_may_consent_instead_and_own_income_needs_none() -> None:
    account, parent = minor(), make.person(birth_date=date(1980, 1, 1))
    people.add_guardian(minor=account.person, guardian=parent, relation="parent", by=SYSTEM, now=timezone.now())
    own = actor_of(make.account(parent), local_date(timezone.now()))
    people.give_consent(person=account.person, purpose=Purpose.MINOR, by=own, now=timezone.now())
    assert register(account, None).state == "active"
    earning = make.account(make.person(birth_date=born(17), self_supporting_on=local_date(timezone.now())))
    assert register(earning, None).state == "active"


def test_the_pages_of_a_minor() -> None:
    account = Account.objects.create_user("young", None, phone="+8613912340001", phone_verified=True)
    client, cookie = Client(), open_session(account)
    client.cookies[cookie.name] = cookie.value

    def post(step: int, **data: Any) -> Any:
        return client.post(reverse("volunteering:register_step", args=[step]), data)

    post(1, name="司马昭", id_kind="resident", id_number=make.id_number(born(12)), phone="13912340001")
    post(2, division=make.division().code)
    assert client.get(reverse("volunteering:register_step", args=[4]))["Location"].endswith("/3/"), "nobody was asked yet"
    known = vars(guardian())
    answers = {f"guardian_{name}": value for name, value in known.items() if name != "code"}
    assert post(3, registration="on", identity="on").status_code == 422
    own = post(3, registration="on", identity="on", **answers | {"guardian_phone": "13912340001"})
    assert "不能与您登录的号码相同" in own.content.decode()
    assert post(3, registration="on", identity="on", **answers)["Location"].endswith("/4/")
    page = client.get(reverse("volunteering:register_step", args=[4])).content.decode()
    assert "9999" in page
    assert PHONE not in page
    assert client.get(reverse("volunteering:register"))["Location"].endswith("/4/"), "found again where it was left"
    assert "验证码不正确" in post(4, guardian_code=wrong_code()).content.decode()
    assert "秒后再试" in client.post(reverse("volunteering:register_step", args=[4]), {"again": "1"}, follow=True).content.decode()
    assert not Volunteer.objects.exists()
    assert post(4, guardian_code=sent_code()).status_code == 302
    assert Volunteer.objects.get().person.name == "司马昭"
    assert set(Consent.objects.values_list("given_by__name", flat=True)) == {"司马懿"}, "under 14 the guardian consents to all"
