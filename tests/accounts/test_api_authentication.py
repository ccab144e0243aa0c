"""The API's guard: sessions with CSRF, tokens with scopes, limits, and one form of refusals."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from ninja.openapi.schema import OpenAPISchema

from config.api import Limit, api
from qunli.accounts import services
from qunli.accounts.limits import Limiter
from qunli.accounts.scopes import SCOPES
from qunli.kernel.actor import SYSTEM
from tests.roles import client_of, person_of

pytestmark = pytest.mark.django_db
ME = "/api/v1/accounts/me"


def test_without_a_sign_in_it_is_401_and_not_a_page(client: Client) -> None:
    answer = client.get(ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in")
    assert client.post("/api/v1/notices/read", {}, content_type="application/json").status_code == 401


def test_a_session_writes_with_its_csrf_token_only() -> None:
    account, _place = person_of("resident")
    cookie = services.open_session(account)
    browser = Client(enforce_csrf_checks=True)
    browser.cookies[cookie.name] = cookie.value
    browser.cookies["csrftoken"] = cookie.csrf
    data: dict[str, Any] = {"data": {"elder": True}, "content_type": "application/json"}
    assert browser.patch(ME, **data).status_code == 403
    assert browser.patch(ME, **data, headers={"x-csrftoken": "a" * 32}).status_code == 403
    answer = browser.patch(ME, **data, headers={"x-csrftoken": cookie.csrf})
    assert (answer.status_code, answer.json()["elder"]) == (200, True)


@pytest.mark.parametrize("header", ["Bearer qlt_wrong", "Bearer ", "Basic abc", "Bearer \u00e9"])
def test_a_wrong_token_is_401(client: Client, header: str) -> None:
    assert client.get(ME, headers={"authorization": header}).status_code == 401


def test_a_token_needs_the_scope_and_says_which() -> None:
    account, _place = person_of("resident")
    token = services.issue_token(account=account, name="x", scopes=["divisions:read"], days=1, by=SYSTEM)
    answer = Client(headers={"authorization": f"Bearer {token}"}).get(ME)
    assert answer.status_code == 403
    assert answer.json()["facts"]["permission"] == "scope:account:read"


def test_a_token_narrows_its_owner(api_as: Callable[..., Any]) -> None:
    from django.test import RequestFactory

    from qunli.access.authentication import token_actor

    account, place = person_of("district_officer")
    token = services.issue_token(account=account, name="x", scopes=["people:read"], days=1, by=SYSTEM)
    actor = token_actor(RequestFactory().get("/"), token, "people:read")
    assert actor is not None
    assert actor.has("people.see", place.path)
    assert not actor.has("people.unmask")
    assert not actor.has("volunteering.approve_activity")
    assert actor.label.startswith("token:")


def test_a_token_made_without_second_factor_never_gets_an_officers_power() -> None:
    from django.test import RequestFactory

    from qunli.access.authentication import token_actor

    account, _place = person_of("district_officer")
    token = services.issue_token(account=account, name="x", scopes=["people:read"], days=1, by=SYSTEM, second_factor=False)
    actor = token_actor(RequestFactory().get("/"), token, "people:read")
    assert actor is not None
    assert not actor.has("people.see")


def test_a_token_costs_two_queries(max_queries: Callable[[int], Any]) -> None:
    from django.test import RequestFactory

    from qunli.access.authentication import token_actor

    account, _place = person_of("district_officer")
    token = services.issue_token(account=account, name="x", scopes=["people:read"], days=1, by=SYSTEM)
    token_actor(RequestFactory().get("/"), token, "people:read")
    with max_queries(2):
        token_actor(RequestFactory().get("/"), token, "people:read")


def test_too_many_requests_are_429_and_say_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limit, "limiter", Limiter(per_minute=2))
    account, _place = person_of("resident")
    browser = client_of(account)
    assert [browser.get(ME).status_code for _n in range(3)] == [200, 200, 429]
    answer = browser.get(ME)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer.json()["facts"]["seconds"] == int(answer["Retry-After"])
    other, _place = person_of("resident")
    assert client_of(other).get(ME).status_code == 200


def test_the_rate_holds_over_all_processes_and_costs_a_statement_for_a_lease(max_queries: Callable[[int], Any]) -> None:
    """A limiter stands for a process: what they share is the database."""
    processes, now = [Limiter(per_minute=100) for _n in range(2)], timezone.now()
    with max_queries(22):
        through = [n for n in range(300) if processes[n % 2].take("token:1", now) == 0]
    assert len(through) == 100
    assert processes[0].take("token:1", now + timedelta(seconds=45)) == pytest.approx(15)
    assert processes[1].take("token:2", now) == 0
    assert processes[1].take("token:1", now + timedelta(seconds=60)) == 0
    assert [Limiter(per_minute=0).take("a", now) for _n in range(3)] == [0, 0, 0]


def test_the_document_names_the_scope_of_each_operation() -> None:
    schema: OpenAPISchema = api.get_openapi_schema()
    assert schema["paths"][ME]["get"]["security"] == [{"SessionAuth": []}, {"TokenAuth": ["account:read"]}]
    named = {
        scope
        for methods in schema["paths"].values()
        for raw in methods.values()
        for entry in raw.get("security", [])
        for scopes in entry.values()
        for scope in scopes
    }
    assert named <= set(SCOPES)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_documentation_page_is_ours(language: str) -> None:
    account, _place = person_of("resident")
    page = client_of(account, language=language).get(reverse("api:openapi-view"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "/api/v1/accounts/me" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
