"""A volunteer's day, as a person lives it: from the first code by SMS to the certificate that a stranger checks."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import expect

from qunli.accounts.models import Account
from qunli.people.models import Person
from qunli.service_hours.models import Certificate, HourEntry, ServiceRecord
from qunli.volunteering.models import Activity, Volunteer
from tests import factories
from tests.browser.conftest import DESK, PHONE, Visitor
from tests.conftest import FrozenClock

NAME = "阿依古丽·买买提"
"""A name with a dot, as many minorities have."""


def words(language: str) -> Callable[[str], str]:
    """What the page says in that language."""

    def say(chinese: str) -> str:
        with translation.override(language):
            return gettext(chinese)

    return say


def sign_in_by_code(window: Visitor, phone: str) -> None:
    """Asks for a code, reads it in the demonstration's inbox, types it."""
    page = window.open("/accounts/sign-in/")
    page.locator("input[name=phone]").fill(phone)
    page.locator("form:has(input[name=phone]) button").first.click()
    expect(page.locator("input[name=code]")).to_be_visible()
    window.check()
    inbox = window.context.new_page()
    inbox.goto(window.server + "/accounts/inbox/")
    code = re.search(r"\b(\d{6})\b", inbox.locator(".card, article, section", has_text=phone[-4:]).first.inner_text())
    assert code, inbox.locator("main").inner_text()
    inbox.close()
    page.locator("input[name=code]").fill(code[1])
    page.locator("form:has(input[name=code]) button").first.click()
    page.wait_for_url(lambda url: "sign-in" not in url)
    window.check()


def register(window: Visitor, *, number: str, community: str) -> None:
    """Three screens; between the second and the third the person leaves and comes back."""
    page = window.open("/volunteer/register/")
    page.locator("input[name=name]").fill(NAME)
    page.locator("input[name=id_number]").fill(number)
    page.locator("main form.form button").first.click()
    page.wait_for_url("**/register/2/**")
    window.check()
    page.locator("input[name=division_words]").fill(community)
    page.locator("#id_division_choices input[type=radio]").first.check()
    page.locator("input[name=categories]").first.check()
    page.locator("main form.form button.btn-primary, main form.form button[type=submit]").first.click()
    page.wait_for_url("**/register/3/**")
    window.open("/")
    window.open("/volunteer/register/")
    assert "/register/3/" in page.url, "the screens that were filled are kept"
    for name in ("registration", "identity"):
        page.locator(f"input[name={name}]").check()
    page.locator("main form.form button").first.click()
    page.wait_for_url("**/volunteer/")
    window.check()


def find_and_sign_up(window: Visitor, activity: Activity) -> None:
    page = window.open("/activities/")
    page.locator("main input[name=q]").fill(activity.title[:4])
    with page.expect_navigation():
        page.locator("main input[name=q]").press("Enter")
    window.check()
    page.get_by_role("link", name=activity.title).first.click()
    page.wait_for_url(f"**/activities/{activity.pk}/")
    window.check()
    window.follow(page.locator('form[action$="/sign-up/"] button').first)


def code_on_screen(leader: Visitor, activity: Activity) -> str:
    page = leader.open(f"/day/{activity.pk}/screen/")
    return page.locator(".big-code").inner_text().replace(" ", "")


def type_code(window: Visitor, activity: Activity, code: str, way: str) -> None:
    page = window.open(f"/day/{activity.pk}/")
    page.locator("input[name=code]").fill(code)
    # The page first asks whether the server answers.
    window.follow(page.locator(f'form[action$="/{way}/"] button').first, check=False)


def press_for(window: Visitor, path: str, selector: str) -> None:
    page = window.open(path)
    for box in page.locator("main input[type=checkbox]:visible").all():
        box.check()
    window.follow(page.locator(selector).first)


@pytest.mark.parametrize(
    ("shape", "language", "elder"),
    [(PHONE, "zh-hans", False), (DESK, "en", False), (PHONE, "zh-hans", True)],
    ids=["phone-zh", "desk-en", "phone-elder"],
)
def test_day(
    shape: dict[str, Any], language: str, elder: bool, visitor: Callable[..., Visitor], frozen_now: FrozenClock, tmp_path: Path
) -> None:
    say = words(language)
    team = factories.team(name="水井坊银杏志愿服务队")
    led_by = factories.leader(team, name="王队长")
    worker = factories.person(division=team.division, name="社区小李")
    factories.posting(worker, "community_worker", team.division)
    starts_at = frozen_now.now + timedelta(hours=3)
    activity = factories.activity(team, title="陪老人逛菜市", starts_at=starts_at, min_age=16, created_by=led_by.person)
    factories.post(activity, places=5, name="陪伴")
    frozen_now.now = frozen_now.now.replace(microsecond=0)

    # The volunteer: signs in, registers, signs up.
    window = visitor(shape, language=language)
    if elder:
        window.context.add_cookies([{"name": "qunli_look", "value": "auto.elder", "url": window.server}])
    sign_in_by_code(window, "13912340001")
    if elder:
        Account.objects.update(elder=True)
    number = factories.id_number()
    register(window, number=number, community=team.division.name[:3])
    person = Person.objects.get(name=NAME)
    assert Volunteer.objects.get(person=person).state == "active"
    find_and_sign_up(window, activity)
    assert activity.sign_ups.get().state == "confirmed"
    window.open("/volunteer/activities/")

    # On the spot: the leader shows the code, the volunteer types it; yesterday's does not do.
    leader = visitor(shape, language=language).sign_in(factories.account(led_by.person, language=language))
    frozen_now.now = starts_at - timedelta(minutes=5)
    code = code_on_screen(leader, activity)
    assert re.fullmatch(r"\d{6}", code)
    frozen_now.move(minutes=3)
    type_code(window, activity, code, "in")
    expect(window.page.locator(".field-error, [role=alert]").first).to_be_visible()
    assert not ServiceRecord.objects.exists()
    type_code(window, activity, code_on_screen(leader, activity), "in")
    window.check()
    assert ServiceRecord.objects.get().state == "present"
    frozen_now.now = activity.ends_at + timedelta(minutes=5)
    type_code(window, activity, code_on_screen(leader, activity), "out")
    window.check()
    record = ServiceRecord.objects.get()
    assert (record.state, record.minutes) == ("draft", 120)

    # Submitted by the leader, verified by the community worker.
    press_for(leader, f"/records/activity/{activity.pk}/", 'button[formaction$="/submit/"]')
    desk = visitor(shape, language=language).sign_in(factories.account(worker, language=language))
    press_for(desk, f"/records/activity/{activity.pk}/", 'button[formaction$="/verify/"]')
    record.refresh_from_db()
    assert record.state == "verified"
    assert HourEntry.objects.get().minutes == 120
    window.open("/records/")
    window.open(f"/records/{record.pk}/")

    # The certificate: issued, downloaded, and checked by a stranger.
    page = window.open("/certificates/")
    page.locator("main form.form button").last.click()
    page.wait_for_url(lambda url: "/certificates/" in url and not url.endswith("/certificates/"))
    window.check()
    with page.expect_download() as downloading:
        page.locator('a[href$="/pdf/"]').first.click()
    paper = tmp_path / "certificate.pdf"
    downloading.value.save_as(paper)
    assert paper.read_bytes().startswith(b"%PDF-")
    certificate = Certificate.objects.get()

    stranger = visitor(shape, language=language)
    page = stranger.open("/verify/")
    page.locator("input[name=number]").fill(certificate.number)
    stranger.follow(page.locator("form:has(input[name=number]) button").first)
    expect(page.locator("main")).to_contain_text(say("真实，有效"))
    assert number not in stranger.text()
    assert person.name not in stranger.text(), "the page reveals no more than it must"

    def check_file(file: Path) -> None:
        page = stranger.open("/verify/")
        page.locator("input[type=file]").set_input_files(file)
        stranger.follow(page.locator("form:has(input[type=file]) button").last)

    check_file(paper)
    expect(page.locator("main")).to_contain_text(say("真实，有效"))
    altered = tmp_path / "altered.pdf"
    content = bytearray(paper.read_bytes())
    content[len(content) // 2] ^= 1
    altered.write_bytes(content)
    check_file(altered)
    expect(page.locator("main")).not_to_contain_text(say("真实，有效"))
    expect(page.locator("main .notice, main [role=status], main [role=alert]").first).to_be_visible()
