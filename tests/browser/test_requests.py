"""A resident asks on the phone; the community sends it on; a team takes it and makes an activity of it; the resident rates."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from qunli.cases.models import Case
from qunli.kernel.actor import SYSTEM
from qunli.volunteering import services
from qunli.volunteering.models import ResidentRequest
from tests import factories
from tests.browser.conftest import PHONE, Visitor


def test_from_the_request_to_the_rating(visitor: Callable[..., Visitor]) -> None:
    team = factories.team(name="锦江邻里互助队")
    leader = factories.leader(team).person
    worker = factories.person(division=team.division)
    factories.posting(worker, "community_worker", team.division)
    resident = factories.person(division=team.division, name="李奶奶")

    asker = visitor(PHONE).sign_in(factories.account(resident))
    page = asker.open("/requests/")
    asker.press("我要点单")
    page.get_by_text("陪老人聊天、散步").click()
    asker.press("下一步")
    page.locator("input[name=place]").fill("3栋2单元")
    page.locator("textarea[name=text]").fill("想有人来陪我说说话。")
    asker.press("下一步")
    expect(page.locator("main")).to_contain_text("想有人来陪我说说话")
    asker.press("提交点单")
    expect(page.locator("main")).to_contain_text("已受理")
    case = Case.objects.get()

    desk = visitor(PHONE).sign_in(factories.account(worker))
    page = desk.open("/cases/")
    desk.press(re.compile("陪老人聊天"))
    page.get_by_label(team.name).first.check()
    desk.press("派单")
    expect(page.locator("main")).to_contain_text("已派单")

    team_window = visitor(PHONE).sign_in(factories.account(leader))
    page = team_window.open("/cases/offered/")
    team_window.press(re.compile("陪老人聊天"))
    expect(page.locator("main")).not_to_contain_text("李奶奶")
    team_window.press("接单")
    team_window.press("为它发起活动")
    page.locator("input[name=starts_at]").fill("2027-03-05T09:00")
    page.locator("input[name=ends_at]").fill("2027-03-05T11:00")
    page.locator("textarea[name=risk_notice]").fill("请注意安全。")
    page.get_by_label(re.compile("这是志愿服务")).check()
    page.locator("button[name=submit]").click()
    page.wait_for_url("**/activities/*/")
    activity = ResidentRequest.objects.get(case=case).activity
    assert activity is not None
    services.approve_activity(activity=activity, by=SYSTEM, now=activity.created_at)

    page = team_window.open(f"/cases/{case.number}/")
    expect(page.locator("main")).to_contain_text("招募中")
    page.locator("summary", has_text="答复诉求人").click()
    page.locator("form[action$='reply/'] textarea").fill("志愿者陪您聊了两个小时。")
    page.locator("form[action$='reply/'] button").click()
    expect(page.locator("main")).to_contain_text("已答复")

    page = asker.open(f"/cases/{case.number}/")
    expect(page.locator("main")).to_contain_text("志愿者陪您聊了两个小时")
    form = page.locator("form[action$='rate/']")
    form.get_by_label("是").first.check()
    form.get_by_role("group", name="您满意吗").get_by_label("是").check()
    form.get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("已评价")
    case.refresh_from_db()
    assert (case.state, case.solved, case.satisfied) == ("rated", True, True)
