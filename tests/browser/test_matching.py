"""Matching on the phone: a volunteer reads why and signs up, a leader asks, a refusal counts next time, a plan is sent."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from qunli.accounts.models import Account
from qunli.people.enums import Purpose
from qunli.volunteering.matching import pool
from qunli.volunteering.models import Invitation, MatchPlan, SignUp, Volunteer
from tests import factories
from tests.browser.conftest import DESK, PHONE, Visitor
from tests.conftest import FrozenClock


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    pool.forget()
    yield
    pool.forget()


def willing(name: str, **fields: object) -> Volunteer:
    one = factories.volunteer(factories.person(name=name), **fields)
    factories.consent(one.person, Purpose.MATCHING)
    return one


def test_why_why_not_and_signing_up(visitor: Callable[..., Visitor], frozen_now: FrozenClock) -> None:
    me = willing("文小慧", categories=["elderly"])
    fits = factories.activity(title="陪老人逛菜市", category="elderly", longitude=104.3)
    factories.post(fits, places=5, name="陪伴")
    law = factories.activity(title="院坝法律咨询", starts_at=frozen_now.now + timedelta(days=3))
    factories.post(law, skills=["law"], name="解答")

    window = visitor(PHONE).sign_in(factories.account(me.person))
    page = window.open("/")
    expect(page.locator("main")).to_contain_text("为您推荐")
    page = window.open("/volunteer/matches/")
    expect(page.locator("main")).to_contain_text("同社区")
    expect(page.locator("main")).not_to_contain_text(law.title)
    page.locator("summary", has_text="为什么推荐").first.click()
    expect(page.locator(".why-list").first).to_contain_text("喜欢的服务类别")

    window.open(f"/activities/{law.pk}/", check=False)
    window.press("是否适合我")
    expect(page.locator("main")).to_contain_text("岗位需要的技能，资料里还没有")

    window.open("/volunteer/matches/", check=False)
    window.press(fits.title, check=False)
    window.follow(page.locator('form[action$="/sign-up/"] button').first)
    assert SignUp.objects.get().state == "confirmed"
    expect(window.open("/volunteer/matches/", check=False).locator("main")).to_contain_text("暂时没有适合的活动")


def test_asking_a_refusal_and_the_next_time(visitor: Callable[..., Visitor], frozen_now: FrozenClock) -> None:
    team = factories.team(name="水井坊银杏志愿服务队")
    me = willing("文小慧", division=team.division)
    first, second = (
        factories.activity(team, title=title, category="elderly", starts_at=frozen_now.now + timedelta(days=days))
        for title, days in (("陪老人逛菜市", 1), ("陪老人看病", 2))
    )
    for one in (first, second):
        factories.post(one, places=2, name="陪伴")
    leader = visitor(PHONE).sign_in(factories.account(factories.leader(team).person))
    page = leader.open("/")
    expect(page.locator("main")).to_contain_text("还差 2 人")
    expect(page.locator(".cards[hx-get]")).to_contain_text("文**")
    leader.press("去邀请", check=False)
    page.locator("input[name=count]").fill("1")
    leader.press("发出邀请")
    expect(page.locator("body")).to_contain_text("已邀请 1 人")
    expect(page.locator("main")).not_to_contain_text("文小慧")

    window = visitor(PHONE).sign_in(factories.account(me.person))
    page = window.open("/volunteer/matches/")
    expect(page.locator("main")).to_contain_text("等您答复的邀请")
    window.press("婉拒")
    page.get_by_label("不想参加这类服务").check()
    window.press("婉拒")
    assert Invitation.objects.get().reason == "not_interested"
    expect(page.locator("main")).not_to_contain_text(second.title)
    page = window.open(f"/activities/{second.pk}/match/")
    expect(page.locator("main")).to_contain_text("最近婉拒过这类服务")

    page = leader.open(f"/activities/{second.pk}/invite/")
    expect(page.locator("main")).to_contain_text("没有可以邀请的人")


def test_a_plan_is_weighed_and_sent(visitor: Callable[..., Visitor], frozen_now: FrozenClock) -> None:
    team = factories.team()
    likes, other = willing("文小慧", categories=["elderly"]), willing("李大海", skills=["first_aid"])
    factories.post(factories.activity(team, title="陪老人逛菜市", category="elderly"), places=1, name="陪伴")
    person = factories.person(division=team.division)
    factories.posting(person, "community_worker", team.division)
    desk = visitor(PHONE).sign_in(factories.account(person))
    page = desk.open("/volunteers/plans/")
    desk.press("计算")
    expect(page.locator("main")).to_contain_text("已证明最优")
    desk.press("改权重再算", check=False)
    page.locator("input[name=interest]").fill("0")
    page.locator("input[name=time]").fill("0")
    desk.press("计算")
    expect(page.locator("main")).to_contain_text("原来 15")
    expect(page.locator("main")).to_contain_text("安排有变化的人")
    assert not Invitation.objects.exists(), "nobody hears of a plan that is not sent"
    desk.press(re.compile("发出邀请"), check=False)
    expect(page.locator("body")).to_contain_text("邀请已发出")
    assert Invitation.objects.get().person_id in {likes.person_id, other.person_id}
    assert MatchPlan.objects.filter(state="sent").count() == 1
    Account.objects.filter(person=person).update(language="en")
    wide = visitor(DESK, language="en").sign_in(Account.objects.get(person=person))
    expect(wide.open(f"/volunteers/plans/{MatchPlan.objects.latest('pk').pk}/").locator("main")).to_contain_text("was 15")
