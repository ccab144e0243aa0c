"""Pages and API of matching: who sees them, what they say, how many queries they take."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from qunli.accounts.models import Account
from qunli.kernel.clock import local_date
from qunli.people.enums import Purpose
from qunli.volunteering.matching import finding, pool
from qunli.volunteering.models import Invitation, MatchPlan, MatchPreference, Post, SignUp, Volunteer
from tests import factories as make
from tests.roles import RoleClient, client_of
from tests.volunteering.test_pages import press, see

pytestmark = pytest.mark.django_db
BUDGET = 10


@pytest.fixture(autouse=True)
def fresh() -> Any:
    pool.forget()
    yield
    pool.forget()


@pytest.fixture
def volunteer() -> Volunteer:
    one = make.volunteer(make.person(name="司马光"), categories=["community"])
    make.consent(one.person, Purpose.MATCHING)
    return one


def of(volunteer: Volunteer) -> RoleClient:
    return client_of(make.account(volunteer.person))


def leader(post: Post) -> Account:
    return make.account(make.leader(post.activity.team).person)


def worker(language: str = "zh-hans") -> RoleClient:
    at = make.division()
    person = make.person(division=at)
    make.posting(person, "community_worker", at)
    return client_of(make.account(person), language=language)


def test_recommendations_say_why_and_match_can_be_switched_off(volunteer: Volunteer, max_queries: Callable[[int], Any]) -> None:
    post = make.post(make.activity(title="敬老院联欢"))
    client = of(volunteer)
    see(client, "matches")
    with max_queries(BUDGET):
        page = see(client, "matches")
    assert "敬老院联欢" in page
    assert "喜欢的服务类别" in page
    assert "是否适合我" in see(client, "activity", post.activity_id)
    assert "匹配的理由" in see(client, "match", post.activity_id)
    see(client, "match_settings")
    page = press(client, "match_settings", reach=5, weekly_limit=2)
    assert "已关闭智能匹配" in page
    assert "还没有开启智能匹配" in page
    assert "敬老院联欢" not in page
    assert "没有开启智能匹配" in see(client, "match", post.activity_id)
    assert "敬老院联欢" in press(client, "match_settings", agrees="on", reach=5, weekly_limit=2, paused_until="")
    kept = MatchPreference.objects.get()
    assert (kept.reach, kept.weekly_limit) == (5, 2)
    response = client.post(reverse("volunteering:match_settings"), {"reach": 500, "weekly_limit": 2})
    assert response.status_code == 422
    assert MatchPreference.objects.get().reach == 5


def test_the_same_community_is_near_wherever_its_point_lies(volunteer: Volunteer) -> None:
    """Home is known as the point of a community, and that not exactly; the next community is as far as it lies."""
    make.post(make.activity(title="院坝读书会", longitude=104.2, latitude=30.6571))
    there = make.team(division=make.division(nth=5))
    away = make.post(
        make.activity(there, title="河道清洁", longitude=None, latitude=None, starts_at=timezone.now() + timedelta(days=4))
    )
    MatchPreference.objects.create(volunteer=volunteer, reach=50)
    client = of(volunteer)
    page = see(client, "matches")
    assert "同社区" in page
    assert "在同一个社区" in page
    assert page.index("院坝读书会") < page.index("河道清洁")
    assert "同社区" not in see(client, "match", away.activity_id)
    found = client.get("/api/v1/volunteering/matches").json()
    assert [one["match"]["metres"] == 0 for one in found] == [True, False]
    near = next(part for part in found[0]["match"]["why"] if part["name"] == "nearness")
    assert (near["value"], near["text"]) == (1000, "在同一个社区")


def test_what_is_not_stated_speaks_neither_for_nor_against(volunteer: Volunteer) -> None:
    post = make.post(make.activity(category="community"))
    pool.forget()
    best = finding.recommended(person=volunteer.person_id, now=timezone.now()) or []
    holds = dict(zip([part.name for part in best[0].match.parts], [line["holds"] for line in best[0].match.why], strict=True))
    assert (holds["time"], holds["skill"], holds["interest"], holds["ties"]) == ("unknown", "unknown", "yes", "no")
    make.membership(volunteer, post.activity.team)
    best = finding.recommended(person=volunteer.person_id, now=timezone.now()) or []
    assert {part.name: line["holds"] for part, line in zip(best[0].match.parts, best[0].match.why, strict=True)}["ties"] == "yes"


def test_who_is_no_volunteer_is_told_how_to_become_one() -> None:
    client = client_of(make.account())
    assert "登记后为您推荐" in see(client, "matches")
    assert "登记后为您推荐" in see(client, "match", make.post().activity_id)
    assert client.get(reverse("volunteering:match_settings")).status_code == 302


def test_an_invitation_is_accepted_or_declined_on_the_page(volunteer: Volunteer) -> None:
    client = of(volunteer)
    yes, no = make.post(), make.post(make.activity(starts_at=timezone.now() + timedelta(days=3)))
    accepted, declined = make.invitation(volunteer.person, yes), make.invitation(volunteer.person, no, nth=2)
    page = see(client, "matches")
    assert "等您答复的邀请" in page
    assert "报名成功" in press(client, "accept", accepted.pk)
    assert SignUp.objects.get().post == yes
    assert "太远" in see(client, "decline", declined.pk)
    assert client.post(reverse("volunteering:decline", args=[declined.pk]), {}).status_code == 422
    assert "已婉拒" in press(client, "decline", declined.pk, reason="too_far")
    assert Invitation.objects.get(pk=declined.pk).reason == "too_far"
    other = client_of(make.account())
    assert other.post(reverse("volunteering:accept", args=[accepted.pk])).status_code == 404


def test_a_leader_asks_the_first_and_sees_masked_names(volunteer: Volunteer, max_queries: Callable[[int], Any]) -> None:
    post = make.post()
    client = client_of(leader(post))
    assert "找人" in see(client, "activity", post.activity_id)
    see(client, "invite", post.activity_id)
    with max_queries(BUDGET):
        page = see(client, "invite", post.activity_id)
    assert "司马" not in page.replace("司＊", "")
    assert "司" in page
    assert "已邀请 1 人" in press(client, "invite", post.activity_id, post=post.pk, count=5)
    page = see(client, "invite", post.activity_id)
    assert "等待答复" in page
    assert "司马光" not in page
    assert "没有可以邀请的人" in page
    assert client.post(reverse("volunteering:invite", args=[post.activity_id]), {"count": 0}).status_code == 422
    stranger = client_of(leader(make.post()))
    assert stranger.get(reverse("volunteering:invite", args=[post.activity_id])).status_code == 403
    assert of(volunteer).get(reverse("volunteering:invite", args=[post.activity_id])).status_code == 403


def test_a_coordinator_computes_compares_and_sends(volunteer: Volunteer, max_queries: Callable[[int], Any]) -> None:
    client = worker()
    day = local_date(timezone.now()) + timedelta(days=1)
    post = make.post(places=1)
    assert "还没有方案" in see(client, "plans")
    weights = {"nearness": 25, "time": 10, "skill": 15, "interest": 15, "ties": 10, "need": 10, "freshness": 10, "rest": 5}
    data = {"division": volunteer.division.code, "first_day": day, "days": 1, "fill": 100, "fairness": 20, **weights}
    page = press(client, "plans", **data)
    assert "已证明最优" in page
    assert "司马光" not in page
    first = MatchPlan.objects.get()
    assert first.figures["filled"] == 1
    assert "改权重再算" in page
    see(client, "plans", query=f"?like={first.pk}")
    page = press(client, "plans", **(data | {"interest": 90}))
    assert "安排有变化的人" in page
    assert "原来 15" in page
    with max_queries(BUDGET):
        see(client, "plan", first.pk)
    second = MatchPlan.objects.order_by("-pk")[0]
    assert "邀请已发出" in press(client, "send_plan", second.pk)
    assert Invitation.objects.get().post == post
    assert "请刷新页面" in press(client, "send_plan", second.pk)
    assert "方案已放弃" in press(client, "discard_plan", first.pk)
    response = client.post(reverse("volunteering:plans"), data | {"nearness": 900})
    assert response.status_code == 422
    elsewhere = make.division(district=make.OTHER_DISTRICT)
    response = client.post(reverse("volunteering:plans"), data | {"division": elsewhere.code})
    assert "只能安排自己负责的区域" in response.content.decode()
    assert of(volunteer).get(reverse("volunteering:plans")).status_code == 403


def test_in_english(volunteer: Volunteer) -> None:
    post = make.post()
    client = client_of(make.account(volunteer.person), language="en")
    assert "Why it is recommended" in see(client, "matches")
    assert "What speaks for it" in see(client, "match", post.activity_id)
    assert "Matching plan" in see(worker("en"), "plans")


def test_the_api_does_what_the_pages_do(volunteer: Volunteer) -> None:
    post = make.post()
    own = client_of(make.account(volunteer.person))
    base = "/api/v1/volunteering"
    found = own.get(f"{base}/matches").json()
    assert found[0]["post"] == post.pk
    assert sum(signal["points"] for signal in found[0]["match"]["why"]) == found[0]["match"]["score"]
    assert own.get(f"{base}/activities/{post.activity_id}/match").json()[0]["against"] == []
    assert own.get(f"{base}/matches/settings").json()["agrees"] is True
    by = client_of(leader(post))
    assert by.get(f"{base}/activities/{post.activity_id}/candidates").json()[0]["name"] != "司马光"
    asked = by.post(f"{base}/activities/{post.activity_id}/invitations", {"post": post.pk}, content_type="application/json")
    assert (asked.status_code, asked.json()) == (201, {"sent": 1, "passed": 0})
    waiting = own.get(f"{base}/invitations").json()
    accepted = own.post(f"{base}/invitations/{waiting[0]['id']}/accept", {}, content_type="application/json")
    assert accepted.json()["state"] == "confirmed"
    again = own.post(f"{base}/invitations/{waiting[0]['id']}/decline", {"reason": "too_far"}, content_type="application/json")
    assert again.status_code == 409
    off = own.put(f"{base}/matches/settings", {"agrees": False}, content_type="application/json")
    assert off.json()["agrees"] is False
    assert own.get(f"{base}/matches").json() == []


def test_plans_over_the_api(volunteer: Volunteer) -> None:
    at = volunteer.division
    person = make.person(division=at)
    make.posting(person, "community_worker", at)
    client = client_of(make.account(person))
    make.post(places=1)
    data = {"division": at.code, "first_day": str(local_date(timezone.now()) + timedelta(days=1)), "weights": {"rest": 50}}
    base = "/api/v1/volunteering/plans"
    made = client.post(base, data, content_type="application/json")
    assert made.status_code == 201
    assert made.json()["weights"]["rest"] == 50
    key = made.json()["id"]
    assert [one["id"] for one in client.get(base).json()["items"]] == [key]
    assert client.get(f"{base}/{key}").json()["figures"]["filled"] == 1
    assert client.post(f"{base}/{key}/send").json() == {"sent": 1, "passed": 0}
    assert client.post(f"{base}/{key}/discard").status_code == 409
    strange = client.post(base, data | {"weights": {"beauty": 1}}, content_type="application/json")
    assert (strange.status_code, strange.json()["code"]) == (409, "weight")
