"""The pages of the web room stand in both languages, cost little, and say what went wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from qunli.audit.context import OriginMiddleware
from qunli.kernel.errors import Denied
from qunli.web import errors

pytestmark = pytest.mark.django_db
PAGES = ("/", "/menu", "/search", "/about", "/privacy")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_public_pages_stand(client: Client, path: str, language: str) -> None:
    client.cookies["django_language"] = language
    page = client.get(path)
    assert page.status_code == 200
    html = page.content.decode()
    assert f'lang="{"en" if language == "en" else "zh-Hans"}"' in html
    assert html.count("<h1") == 1


@pytest.mark.parametrize("path", PAGES[1:])
def test_a_visitor_costs_no_query(client: Client, path: str, max_queries: Callable[[int], Any]) -> None:
    client.get(path)
    with max_queries(0):
        client.get(path)


def test_the_gallery_is_only_there_in_the_demonstration(client: Client, settings: Any) -> None:
    settings.DEMO = settings.DEBUG = False
    assert client.get("/gallery").status_code == 404
    settings.DEMO = True
    assert client.get("/gallery").status_code == 200


def test_pages_have_no_empty_links(client: Client) -> None:
    for path in PAGES:
        assert 'href=""' not in client.get(path).content.decode()


def test_a_missing_page_is_explained(client: Client) -> None:
    page = client.get("/no-such-page")
    assert page.status_code == 404
    assert "没有找到这个页面" in page.content.decode()


def test_a_denial_names_the_permission_and_the_roles_that_hold_it(rf: Any) -> None:
    request = rf.get("/")
    page = errors.denied(request, Denied("audit.search", "查看审计日志要有审计权限。")).content.decode()
    assert "audit.search" in page
    assert "审计员" in page
    assert "查看审计日志要有审计权限。" in page


def test_a_form_without_its_token_is_explained() -> None:
    page = Client(enforce_csrf_checks=True).post("/preferences", {"theme": "dark"})
    assert page.status_code == 403
    assert "这一页放得太久了" in page.content.decode()


def test_the_page_of_a_failure_needs_neither_session_nor_database(rf: Any, max_queries: Callable[[int], Any]) -> None:
    told: list[str] = []

    def broken(request: Any) -> Any:
        page = errors.failed(request)
        told.append(page.content.decode())
        return page

    with max_queries(0):
        page = OriginMiddleware(broken)(rf.get("/", headers={"X-Request-ID": "somebody else's"}))
    assert page.status_code == 500
    assert page["X-Request-ID"] in told[0]
