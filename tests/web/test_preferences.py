"""Theme, elder mode and language are remembered, and the way back never leads to another site."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from qunli.notices.selectors import preference

pytestmark = pytest.mark.django_db


def test_a_visitor_is_remembered_by_a_cookie(client: Client) -> None:
    back = client.post("/preferences", {"theme": "dark", "next": "/about"})
    assert back.status_code == 302
    assert back["Location"] == "/about"
    client.post("/preferences", {"elder": "on"})
    html = client.get("/about").content.decode()
    assert 'data-theme="dark"' in html
    assert "data-elder" in html


def test_a_person_is_remembered_by_the_account(as_role: Callable[..., Any]) -> None:
    client = as_role("volunteer")
    client.post("/preferences", {"elder": "on", "language": "en"})
    client.account.refresh_from_db()
    assert client.account.elder is True
    assert client.account.language == "en"
    assert preference(client.account.person_id).language == "en"  # of what is sent outside
    client.cookies.pop("qunli_look")
    assert "data-elder" in client.get("/about").content.decode()


def test_language_changes_at_once(client: Client) -> None:
    client.post("/preferences", {"language": "en"})
    assert 'lang="en"' in client.get("/about").content.decode()


@pytest.mark.parametrize("field", ["theme", "elder", "language"])
def test_an_unknown_value_changes_nothing(client: Client, field: str) -> None:
    client.post("/preferences", {"theme": "contrast"})
    client.post("/preferences", {field: "<script>"})
    html = client.get("/about").content.decode()
    assert 'data-theme="contrast"' in html
    assert "data-elder" not in html.split("<head>")[0]


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org/", "javascript:alert(1)", "\\\\example.org"])
def test_the_way_back_stays_here(client: Client, elsewhere: str) -> None:
    assert client.post("/preferences", {"theme": "dark", "next": elsewhere})["Location"] == "/"


def test_looking_does_not_change_anything(client: Client) -> None:
    assert client.get("/preferences").status_code == 405
