"""A dead spot in the network: both pages of the day go on with the network off, and what was noted arrives once, at its time."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from qunli.accounts.models import Session
from qunli.kernel.codes import rotating_code
from qunli.service_hours import offline
from qunli.service_hours.models import LateStatement, ServiceRecord
from tests import factories
from tests.browser.conftest import DESK, PHONE, Visitor
from tests.conftest import FrozenClock

KEPT = """async () => navigator.serviceWorker.controller !== null
    && (await (await caches.open("qunli-day-pages")).match(location.pathname)) !== undefined"""
NOTES = """() => new Promise((resolve) => {
    const request = indexedDB.open("qunli-day");
    request.onsuccess = () => {
        const all = request.result.transaction("notes").objectStore("notes").getAll();
        all.onsuccess = () => { request.result.close(); resolve(all.result); };
    };
})"""

SEND = """async (note) => {
    const headers = {"X-CSRFToken": document.querySelector("meta[name=csrf-token]").content};
    return (await fetch(note.url, {method: "POST", body: new URLSearchParams(note), headers})).status;
}"""


def take_along(window: Visitor, path: str) -> None:
    """Opens a page with the network on, until the device has kept it."""
    page = window.open(path)
    page.wait_for_function(KEPT)


def away(window: Visitor) -> None:
    # What a browser writes to its console about requests without a network is the matter of this test, not a trouble;
    # it may write so a while after the network stands again.
    window.expected.append("net::ERR_")
    window.context.set_offline(True)
    expect(window.page.locator("[data-day] [data-when=away]").first).to_be_visible()


def back(window: Visitor) -> None:
    window.context.set_offline(False)
    expect(window.page.locator("[data-day] [data-when=away]").first).to_be_hidden()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_dead_spot(visitor: Callable[..., Visitor], frozen_now: FrozenClock, language: str) -> None:
    team = factories.team()
    led_by = factories.leader(team, name="王队长").person
    started = frozen_now.now.replace(microsecond=0)
    activity = factories.activity(team, title="山村助学", starts_at=started - timedelta(minutes=10), created_by=led_by)
    post = factories.post(activity, places=5)
    typing, ticked = (factories.volunteer(factories.person(name=name)).person for name in ("陈远山", "李近水"))
    for person in (typing, ticked):
        factories.sign_up(person, post)
    leader = visitor(DESK, language=language).sign_in(factories.account(led_by))
    phone = visitor(PHONE, language=language).sign_in(factories.account(typing))
    take_along(leader, f"/day/{activity.pk}/screen/")
    take_along(phone, f"/day/{activity.pk}/")

    away(leader)
    away(phone)
    for window in (leader, phone):  # closed and opened again, with the network off
        window.page.reload()
        expect(window.page.locator("[data-when=away]").first).to_be_visible()
    shown = leader.page.locator(".big-code").inner_text()
    assert offline.was_code(seed=bytes(activity.code_seed), code=shown, at=started)
    expect(leader.page.locator("#code .qr")).to_be_hidden()
    leader.page.locator(f'form[data-name="{ticked.name}"] button').click()
    expect(leader.page.locator("[data-notes]")).to_contain_text(ticked.name)
    phone.page.locator("#id_offline_code").fill(shown)
    phone.page.locator("form[data-offline-form] button[type=submit]").click()
    expect(phone.page.locator("[data-notes] li")).to_have_count(1)
    phone.page.reload()
    expect(phone.page.locator("[data-notes] li")).to_have_count(1)
    (note,) = phone.page.evaluate(NOTES)
    assert typing.name not in str(note), "a note does not say who"
    assert not ServiceRecord.objects.exists()

    frozen_now.move(minutes=40)
    second = phone.context.new_page()
    for window in (leader, phone):
        back(window)
    second.goto(f"{phone.server}/day/{activity.pk}/")  # a second tab sends as well
    expect(phone.page.locator("[data-notes] li")).to_have_count(0)
    expect(phone.page.locator('form[action$="/out/"]').first).to_be_visible()
    expect(leader.page.locator("[data-notes] li")).to_have_count(0)
    second.close()
    for person, method in ((typing, "code"), (ticked, "leader")):
        record = ServiceRecord.objects.get(person=person)
        assert started <= record.signed_in_at <= started + timedelta(minutes=2), "the time of the dead spot, not of the sending"
        assert record.in_method == method
        assert record.late_statements.get().received_at >= started + timedelta(minutes=40)
    assert LateStatement.objects.count() == 2
    phone.check()
    leader.check()

    # The network stands again: what is sent once more is known; signing out leaves no page behind.
    status = phone.page.evaluate(SEND, note)
    assert (status, ServiceRecord.objects.count(), LateStatement.objects.count()) == (200, 2, 2)
    phone.open("/accounts/sign-out/")
    phone.follow(phone.page.locator('main form[method="post"] button').first, check=False)
    phone.page.wait_for_function("async () => (await caches.keys()).length === 0")


def test_a_session_that_ended_meanwhile(visitor: Callable[..., Visitor], frozen_now: FrozenClock) -> None:
    """The note stays, the page asks to sign in, and then it is sent. On another's session it is not."""
    team = factories.team()
    activity = factories.activity(team, starts_at=frozen_now.now - timedelta(minutes=10))
    post = factories.post(activity, places=5)
    person, other = (factories.volunteer().person for _ in range(2))
    for one in (person, other):
        factories.sign_up(one, post)
    phone = visitor(PHONE).sign_in(factories.account(person))
    take_along(phone, f"/day/{activity.pk}/")
    away(phone)
    phone.page.locator("#id_offline_code").fill(rotating_code(bytes(activity.code_seed), frozen_now.now))
    phone.page.locator("form[data-offline-form] button[type=submit]").click()
    expect(phone.page.locator("[data-notes] li")).to_have_count(1)
    Session.objects.all().delete()
    back(phone)
    expect(phone.page.locator("[data-when=signed-out]")).to_be_visible()
    assert len(phone.page.evaluate(NOTES)) == 1
    phone.check()
    phone.page.locator("[data-when=signed-out] a").click()
    phone.page.wait_for_url("**/accounts/sign-in/**")
    phone.page.wait_for_function("async () => (await caches.keys()).length === 0")

    phone.sign_in(factories.account(other)).open(f"/day/{activity.pk}/")
    phone.page.wait_for_function(KEPT)
    assert len(phone.page.evaluate(NOTES)) == 1, "nobody sends another's"
    phone.open("/accounts/sign-in/", check=False)
    phone.sign_in(person.accounts.get()).open(f"/day/{activity.pk}/", check=False)
    expect(phone.page.locator('form[action$="/out/"]').first).to_be_visible()
    assert phone.page.evaluate(NOTES) == []
    assert ServiceRecord.objects.get().person == person
