"""Every way leads somewhere, the bar holds at most four, and nobody is shown what is not theirs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from qunli.kernel.actor import NOBODY, SYSTEM
from qunli.web import navigation


def test_every_entry_leads_somewhere() -> None:
    for entry in navigation.ENTRIES:
        assert reverse(entry.url).startswith("/")
        assert entry.group in navigation.GROUPS


def test_every_icon_of_an_entry_is_built() -> None:
    with open("static/icons/names.txt") as names:
        known = set(names.read().split())
    assert {entry.icon for entry in navigation.ENTRIES} <= known


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_bar_holds_at_most_four(signed_in: bool) -> None:
    for actor in (NOBODY, SYSTEM):
        bar = navigation.Menu(actor, signed_in, "/").bar()
        assert 2 <= len(bar) <= 4
        assert bar[0].entry.url == "web:home"
        assert bar[-1].entry.url == "web:menu"
        assert [link.current for link in bar].count(True) == 1


def test_nobody_sees_what_needs_a_permission() -> None:
    shown = {link.entry.url for group in navigation.Menu(NOBODY, False, "/").groups() for link in group.links}
    guarded = {entry.url for entry in navigation.ENTRIES if entry.needs or entry.signed_in}
    assert not shown & guarded


@pytest.mark.django_db
def test_every_entry_that_is_shown_opens(as_role: Callable[..., Any]) -> None:
    """What the navigation offers to a role is not refused to it."""
    from tests.roles import roles

    refused = []
    for role in roles():
        client = as_role(role)
        html = client.get("/menu").content.decode()
        for entry in navigation.ENTRIES:
            href = reverse(entry.url)
            if f'href="{href}"' in html.split("<main")[1].split("</main>")[0]:
                status = client.get(href, follow=True).status_code
                if status >= 400:
                    refused.append((role, entry.url, status))
    assert not refused
