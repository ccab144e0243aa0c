"""A real browser in front of the live server: phone and desk, Chinese, English and elder mode, axe on every page.

`visitor(...)` opens a window of its own for one person. Whatever a person would mind fails: an error in the console, an
answer of 500, a request to another host, a serious finding of axe. A window that was open when a test failed leaves its
picture under `test-results/` of the data folder.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.http import HttpRequest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response
from pytest_django.live_server_helper import LiveServer

from tests.architecture.house import ROOT
from tests.conftest import FrozenClock

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES_OF_STYLE = ["color-contrast", "target-size", "scrollable-region-focusable"]
"""What a page of the same elements can fail at another size."""
SETTLED = """() => document.readyState === 'complete' && document.fonts.status === 'loaded'
    && !document.querySelector('.htmx-request')"""
PATIENCE = 30_000
"""Milliseconds until an element that does not come is a failure."""
CHROMIUM_ARGS = [
    *("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The Chromium of the machine; the one that Playwright brings where there is none."""
    found = (
        os.environ.get("QUNLI_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    return {"args": CHROMIUM_ARGS, **({"executable_path": found} if found else {})}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":  # type: ignore[attr-defined]
        item.stash[FAILED] = report.failed  # type: ignore[attr-defined]
    return report


FAILED = pytest.StashKey[bool]()


class Visitor:
    """One person at one window."""

    def __init__(self, context: BrowserContext, server: str) -> None:
        self.context = context
        self.server = server
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.troubles: list[str] = []
        self.expected = ["the server responded with a status of 4"]
        """Parts of console errors that are no trouble. A refused form (422) and a missing page the tests judge themselves."""
        self.visited: list[str] = []
        context.on("request", self._ask)  # not `route`, which would turn the browser's cache off
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script error on {self.page.url}: {error}"))
        self.page.on("response", self._look)

    def _ask(self, request: Request) -> None:
        if not request.url.startswith((self.server, "data:", "blob:")):
            self.troubles.append(f"{self.page.url} asks another host for {request.url}")

    def _hear(self, message: Any) -> None:
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.troubles.append(f"console of {self.page.url}: {message.text}")

    def _look(self, response: Response) -> None:
        if response.status >= 500:
            self.troubles.append(f"{response.status} from {response.url}")

    def open(self, path: str, *, check: bool = True) -> Page:
        """Goes to an address as if typed, and looks at the page that comes."""
        self.page.goto(self.server + path if path.startswith("/") else path)
        if check:
            self.check()
        return self.page

    def check(self, *, idle: bool = True, rules: list[str] | None = None) -> None:
        """The page as it stands: no trouble so far, nothing serious for axe, nothing wider than the window.

        `idle`: until half a second without requests; a page that was opened by its address need not wait so long. `rules`: of axe.
        """
        self.page.wait_for_load_state("networkidle" if idle else "load")
        self.page.wait_for_function(SETTLED)
        assert not self.troubles, "\n".join(self.troubles)
        self.visited.append(self.page.url.removeprefix(self.server))
        found = serious(self.page, rules or ALL_RULES)
        assert not found, f"axe on {self.page.url}:\n" + "\n".join(found)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"{self.page.url} is {wide} pixels wider than the window"

    def press(self, name: str | re.Pattern[str], *, check: bool = True) -> Page:
        """Presses the button or follows the link of that name, and looks at what comes."""
        target = self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name))
        return self.follow(target.locator("visible=true").first, check=check)

    def follow(self, target: Locator, *, check: bool = True) -> Page:
        """Presses what leads to a page, waits for that page, however slow the machine is, and looks at it."""
        with self.page.expect_navigation():
            target.click()
        if check:
            self.check()
        return self.page

    def sign_in(self, account: Any) -> "Visitor":
        """Takes a session of `account`, as `script/manage demo_login` gives one."""
        from qunli.accounts.services import open_session

        cookie = open_session(account)
        self.context.add_cookies([{"name": cookie.name, "value": cookie.value, "url": self.server}])
        return self

    def text(self) -> str:
        return self.page.locator("body").inner_text()


def serious(page: Page, rules: list[str]) -> list[str]:
    """Violations that axe calls serious or critical. Its source runs through the debugger, so the page's own policy stays on."""
    page.evaluate(AXE.read_text())
    run = "rules => axe.run(document, {resultTypes: ['violations'], selectors: false, runOnly: rules})"
    return [
        f"{violation['impact']} {violation['id']}: {violation['help']}\n    "
        + "\n    ".join(n["html"][:200] for n in violation["nodes"][:5])
        for violation in page.evaluate(run, rules)["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.fixture(autouse=True)
def demonstration(settings: Any) -> None:
    """Codes land in an inbox page, and the gallery is there."""
    settings.DEMO = True
    settings.SMS_SENDER = "qunli.notices.sms.InboxSender"


@pytest.fixture(scope="session")
def built() -> Iterator[None]:
    """The style sheet and the scripts, built by script/setup; a window keeps them, as with the real server."""
    assert AXE.exists(), "node_modules is missing: run script/setup"

    def kept(handler: StaticFilesHandler, request: HttpRequest) -> Any:
        response = serve(handler, request)
        response["Cache-Control"] = "max-age=3600"
        return response

    serve = StaticFilesHandler.serve
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "serve", kept)
        yield


@pytest.fixture
def visitor(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer, built: None, frozen_now: FrozenClock
) -> Iterator[Callable[..., Visitor]]:
    """`visitor(PHONE, language="en")` opens a window."""
    opened: list[Visitor] = []

    def open_window(shape: dict[str, Any] = PHONE, language: str = "zh-CN", **more: Any) -> Visitor:
        steady = {"timezone_id": "Asia/Shanghai", "accept_downloads": True, "reduced_motion": "reduce"}
        context = browser.new_context(**shape, locale=language, **steady, **more)
        opened.append(Visitor(context, live_server.url))
        return opened[-1]

    yield open_window
    failed = request.node.stash.get(FAILED, False)
    folder = Path(django_settings.HOME) / "test-results"
    troubles = []
    for number, window in enumerate(opened):
        if failed:
            folder.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w.-]+", "_", request.node.name)
            window.page.screenshot(path=folder / f"{name}-{number}.png", full_page=True)
        troubles += window.troubles
        window.context.close()
    assert failed or not troubles, "\n".join(troubles)


@pytest.fixture
def frozen_now(frozen: FrozenClock) -> FrozenClock:
    """A clock that stands at this very moment: sessions and cookies of a real browser live by the real time."""
    frozen.now = datetime.now(ZoneInfo("Asia/Shanghai"))
    return frozen
