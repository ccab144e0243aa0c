"""Every page of the site, as somebody who may see it: phone in Chinese, desk in English, phone in elder mode.

Which pages there are comes from the addresses; who may see them from `tests/permission_table.csv`. On each: axe finds nothing
serious, nothing is wider than the window, the console is silent, and the page has one heading. Elder mode changes sizes and not
the elements, so axe judges there what depends on sizes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Error

from tests.browser.conftest import DESK, PHONE, RULES_OF_STYLE, Visitor
from tests.permissions import world
from tests.permissions.addresses import Address, address_of, pages, wheres
from tests.permissions.test_permission_table import table
from tests.roles import roles

DEMONSTRATION = ("web:gallery", "accounts:inbox")
"""Only in the demonstration city, for everybody."""
PREFERRED = ("volunteer", "team_leader", "community_worker", "city_officer", "auditor", "system_administrator")
"""Whose eyes to look with when several may see a page: the one that it is made for comes first."""


def seen_by(name: str, where: str) -> str | None:
    """A role that may see the page, or None when nobody may see it by GET (it only takes POST)."""
    if name in DEMONSTRATION:
        return "volunteer"
    cells = table().get(Address("GET", name, where), {})
    for role in (*PREFERRED, *roles(), world.ANONYMOUS):
        if cells.get(role) == "yes":
            return role
    return None


def build_and_hang_up() -> world.World:
    try:
        return world.build()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "language", "elder"),
    [(PHONE, "zh-hans", False), (DESK, "en", False), (PHONE, "zh-hans", True)],
    ids=["phone-zh", "desk-en", "phone-elder"],
)
def test_every_page(shape: dict[str, Any], language: str, elder: bool, visitor: Callable[..., Visitor]) -> None:
    with ThreadPoolExecutor(1) as elsewhere:  # services put jobs into the queue, which the browser's own loop would not allow
        the_world = elsewhere.submit(build_and_hang_up).result()
    windows: dict[str, Visitor] = {}
    faults = []
    for route in pages():
        where = "inside" if "inside" in wheres(route.pattern) else ""
        role = seen_by(route.name, where)
        if role is None:
            continue
        if role not in windows:
            windows[role] = visitor(shape, language=language)
            if role != world.ANONYMOUS:
                account = the_world.accounts[role]
                account.language, account.elder = language, elder
                account.save(update_fields=["language", "elder"])
                windows[role].sign_in(account)
        window = windows[role]
        try:
            window.open(address_of(route, the_world.places["inside"]), check=False)
            if window.page.evaluate("document.doctype === null"):  # a part of a page, or data for a script
                continue
            window.check(idle=False, rules=RULES_OF_STYLE if elder else None)
            headings = window.page.locator("h1").count()
            assert headings == 1, f"{headings} headings of the first level"
        except AssertionError as fault:
            faults.append(f"{route.name} as {role}: {fault}")
            window.troubles.clear()
        except Error as answer:
            if "Download is starting" not in str(answer):  # a paper, not a page
                faults.append(f"{route.name} as {role}: {answer}")
    assert sum(len(w.visited) for w in windows.values()) >= 10
    assert not faults, "\n\n".join(faults)
