"""The home page shows what is next and what waits, to whom it concerns, within its budget of queries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from qunli.people.enums import Purpose
from qunli.volunteering.matching import pool
from qunli.web.home import figures
from tests import factories
from tests.roles import client_of, roles

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", roles())
def test_home_of_every_role_keeps_its_budget(role: str, as_role: Callable[..., Any], max_queries: Callable[[int], Any]) -> None:
    client = as_role(role)
    client.get("/")  # fills the tree of divisions and the figures
    with max_queries(10):
        page = client.get("/")
    assert page.status_code == 200
    assert client.person.name in page.content.decode()


def test_a_visitor_sees_what_is_coming(client: Client, frozen: Any) -> None:
    activity = factories.activity(starts_at=frozen() + timedelta(days=1))
    factories.post(activity)
    assert activity.title in client.get("/").content.decode()


def test_a_resident_is_asked_to_register(as_role: Callable[..., Any]) -> None:
    assert "/volunteer/register/" in as_role("resident").get("/").content.decode()


def test_a_volunteer_sees_the_next_activity_and_its_sign_in_on_the_day(as_role: Callable[..., Any], frozen: Any) -> None:
    client = as_role("volunteer")
    activity = factories.activity(starts_at=frozen() + timedelta(hours=2))
    factories.sign_up(client.person, factories.post(activity))
    html = client.get("/").content.decode()
    assert activity.title in html
    assert f"/day/{activity.pk}/" in html
    frozen.move(days=-1)
    assert f"/day/{activity.pk}/" not in client.get("/").content.decode()


def test_a_volunteer_sees_the_best_few_with_why(as_role: Callable[..., Any], max_queries: Callable[[int], Any]) -> None:
    client = as_role("volunteer")
    assert "开启智能匹配" in client.get("/").content.decode(), "who did not agree is told of it"
    factories.consent(client.person, Purpose.MATCHING)
    pool.forget()
    assert "暂时没有推荐的活动" in client.get("/").content.decode()
    for n in range(5):
        factories.post(factories.activity(title=f"院坝读书会{n}", starts_at=timezone.now() + timedelta(days=n + 1)))
    pool.forget()
    client.get("/")
    with max_queries(10):
        html = client.get("/").content.decode()
    assert "为您推荐" in html
    assert html.count("为什么推荐") == 3
    assert "社区缺人" in html
    assert "离您最近" not in html


def test_a_leader_sees_whom_to_ask_for_the_next_that_is_short(
    as_role: Callable[..., Any], max_queries: Callable[[int], Any]
) -> None:
    team = factories.team()
    client = client_of(factories.account(factories.leader(team).person))
    full, short = (factories.activity(team, starts_at=timezone.now() + timedelta(days=n)) for n in (1, 2))
    factories.sign_up(at=factories.post(full, places=1))
    factories.post(short, places=4)
    client.get("/")
    with max_queries(10):
        html = client.get("/").content.decode()
    assert "还差 4 人" in html
    assert f'hx-get="/activities/{short.pk}/invite/"' in html
    assert f'hx-get="/activities/{full.pk}/invite/"' not in html
    other = as_role("volunteer").get("/").content.decode()
    assert "还缺人" not in other


def test_figures_are_counted_once_in_ten_minutes(frozen: Any, max_queries: Callable[[int], Any]) -> None:
    caches["figures"].clear()
    with max_queries(3):
        first = figures(("510100000000/",))
    with max_queries(0):
        assert figures(("510100000000/",)) == first
    frozen.move(minutes=11)
    with max_queries(3):
        figures(("510100000000/",))


def test_figures_of_one_division_leave_the_others_out(as_role: Callable[..., Any]) -> None:
    here, there = factories.division(), factories.division(district=factories.OTHER_DISTRICT)
    factories.volunteer(factories.person(division=here), division=here)
    before = figures((here.path,)).volunteers
    caches["figures"].clear()
    factories.volunteer(factories.person(division=there), division=there)
    assert figures((here.path,)).volunteers == before
