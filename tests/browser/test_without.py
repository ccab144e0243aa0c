"""Without a mouse, and without JavaScript: the core path works all the same."""

from collections.abc import Callable

from playwright.sync_api import Page

from qunli.people.models import Person
from qunli.volunteering.models import Activity, Volunteer
from tests import factories
from tests.browser.conftest import DESK, PHONE, Visitor

MOST_TABS = 80


def upcoming(places: int = 3) -> Activity:
    activity = factories.activity(title="给独居老人送餐")
    factories.post(activity, places, name="送餐")
    return activity


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the element has the focus; the focus must be seen on every stop."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const shown = e => {
                    const style = getComputedStyle(e);
                    return style.outlineStyle !== 'none' || style.boxShadow !== 'none';
                };
                const focused = document.activeElement;
                // A card, a tile or a field may show the focus of what is inside it.
                const around = focused.closest('.panel, .tiles label, .field');
                return focused === document.body || shown(focused) || (around !== null && shown(around));
            }"""
        )
        assert seen, f"no visible focus on {page.evaluate('document.activeElement.outerHTML')[:200]}"
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{MOST_TABS} times Tab do not reach {selector}")


def test_sign_up_by_keyboard(visitor: Callable[..., Visitor]) -> None:
    """From the list of activities to the place, with Tab and Enter alone."""
    activity = upcoming()
    person = factories.volunteer().person
    window = visitor(DESK).sign_in(factories.account(person))
    page = window.open("/activities/")
    tab_to(page, f'a[href="/activities/{activity.pk}/"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/activities/{activity.pk}/")
    window.check()
    tab_to(page, 'form[action$="/sign-up/"] button')
    page.keyboard.press("Enter")
    page.locator('form[action*="/sign-ups/"]').wait_for()
    window.check()
    assert activity.sign_ups.get().person == person


def test_skip_to_the_content(visitor: Callable[..., Visitor]) -> None:
    """The first stop of Tab leads past the navigation."""
    page = visitor(DESK).open("/")
    page.keyboard.press("Tab")
    target = page.evaluate("document.activeElement.getAttribute('href')")
    assert target, "the first stop is no link"
    assert target.startswith("#")
    page.keyboard.press("Enter")
    assert page.locator(target).count() == 1


def test_register_and_sign_up_without_javascript(visitor: Callable[..., Visitor]) -> None:
    """The three screens, the search for an activity, the sign-up and its cancelling: plain forms."""
    activity = upcoming()
    community = activity.division
    account = factories.account(factories.person(id_number=None, name="尚未登记", division=None))
    window = visitor(PHONE, java_script_enabled=False).sign_in(account)
    page = window.open("/volunteer/register/", check=False)
    page.locator("input[name=name]").fill("张三丰")
    page.locator("input[name=id_number]").fill(factories.id_number())
    page.locator("input[name=phone]").fill("13912340009")
    page.locator("main form.form button").first.click()
    page.locator("input[name=division_words]").fill(community.name[:1])
    page.locator("main form.form button[type=submit], main form.form button.btn-primary").first.click()
    page.locator("input[name=division]").first.check()
    page.locator("main form.form button[type=submit], main form.form button.btn-primary").first.click()
    for name in ("registration", "identity"):
        page.locator(f"input[name={name}]").check()
    page.locator("main form.form button").first.click()
    page.wait_for_url("**/volunteer/")
    assert Volunteer.objects.get(person=Person.objects.get(name="张三丰")).state == "active"

    page = window.open("/activities/?q=" + activity.title[:4], check=False)
    page.get_by_role("link", name=activity.title).first.click()
    window.follow(page.locator('form[action$="/sign-up/"] button').first, check=False)
    assert activity.sign_ups.get().state == "confirmed"
    window.follow(page.locator('form[action*="/sign-ups/"] button').first, check=False)
    assert activity.sign_ups.get().state == "cancelled"
    assert not window.troubles
