"""Every page of the room: who sees it, what it says, how many queries it takes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from qunli.accounts.models import Account
from qunli.audit.models import Event
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.kernel.ciphers import blind_index
from qunli.volunteering import numbers, selectors
from qunli.volunteering.models import Activity, Membership, SignUp, Team, Volunteer
from tests import factories as make
from tests.roles import RoleClient, client_of

pytestmark = pytest.mark.django_db
BUDGET = 10


def see(client: Any, name: str, *args: Any, query: str = "", status: int = 200) -> str:
    response = client.get(reverse(f"volunteering:{name}", args=args) + query)
    assert response.status_code == status, (name, response.status_code, response.content[:500])
    return str(response.content.decode())


def press(client: Any, name: str, /, *args: Any, **data: Any) -> str:
    """Press a button and read the page to which it leads."""
    response = client.post(reverse(f"volunteering:{name}", args=args), data, follow=True)
    assert response.status_code == 200, (name, response.status_code, response.content[:500])
    return str(response.content.decode())


@pytest.fixture
def leader_client() -> tuple[RoleClient, Team]:
    team = make.team()
    leader = make.leader(team)
    return client_of(make.account(leader.person)), team


@pytest.fixture
def volunteer_client() -> RoleClient:
    return client_of(make.account(make.volunteer().person))


def officer(team: Team) -> RoleClient:
    """The street officer above a community team."""
    street = Division.objects.get(children=team.division)
    person = make.person(division=street)
    make.posting(person, "street_officer", street)
    return client_of(make.account(person))


def test_visitors_find_and_read(client: Any, max_queries: Callable[[int], Any]) -> None:
    activity = make.activity(title="锦江清洁", person_in_charge=make.person(name="诸葛孔明"))
    make.post(activity, skills=["first_aid"])
    for _n in range(25):
        make.post(make.activity())
    with max_queries(BUDGET):
        page = see(client, "activities")
    assert "锦江清洁" in page
    with max_queries(BUDGET):
        page = see(client, "activity", activity.pk)
    assert "诸葛孔明" not in page
    assert "登录后报名" in page
    with max_queries(BUDGET):
        see(client, "team", activity.team_id)
    with max_queries(BUDGET):
        see(client, "teams")
    see(client, "activities", query="?when=past")
    see(client, "activities", query="?near=104.06,30.66")


@pytest.mark.parametrize(
    "query", ["?near=1e99,2", "?near=x", "?day=2026-99-99", "?cursor=abc", "?category=zzz", "?q=%25%25", "?q=" + "长" * 60]
)
def test_a_search_that_cannot_be_read_says_so(client: Any, query: str) -> None:
    make.post(make.activity())
    assert see(client, "activities", query=query)
    assert see(client, "teams", query=query)


def test_drafts_are_not_there_for_others(client: Any, volunteer_client: RoleClient) -> None:
    activity = make.activity(state="draft")
    assert see(client, "activity", activity.pk, status=404)
    assert see(volunteer_client, "activity", activity.pk, status=404)


def test_signing_up_and_cancelling(volunteer_client: RoleClient, max_queries: Callable[[int], Any]) -> None:
    post = make.post(places=1)
    with max_queries(BUDGET):
        page = see(volunteer_client, "activity", post.activity_id)
    assert "为什么可以报名" in page
    page = press(volunteer_client, "sign_up", post.activity_id, post=post.pk)
    assert "报名成功" in page
    assert "您已报名" in page
    page = press(volunteer_client, "sign_up", post.activity_id, post=post.pk)
    assert "不用再报" in page
    with max_queries(BUDGET):
        page = see(volunteer_client, "mine")
    assert post.activity.title in page
    own = SignUp.objects.get()
    assert "已取消报名" in press(volunteer_client, "cancel_sign_up", own.pk)
    see(volunteer_client, "mine", query="?when=past")
    assert "请先选择岗位" in press(volunteer_client, "sign_up", post.activity_id, post="x")


def test_full_offers_the_waiting_list(volunteer_client: RoleClient) -> None:
    post = make.post(places=1)
    make.sign_up(at=post)
    assert "排候补" in see(volunteer_client, "activity", post.activity_id)
    assert "已经报满" in press(volunteer_client, "sign_up", post.activity_id, post=post.pk)
    page = press(volunteer_client, "sign_up", post.activity_id, post=post.pk, wait="1")
    assert "排在第 1 位" in page


def test_a_resident_is_led_to_registration(as_role: Callable[..., RoleClient]) -> None:
    client = as_role("resident")
    post = make.post()
    assert "先登记" in see(client, "activity", post.activity_id)
    page = press(client, "sign_up", post.activity_id, post=post.pk)
    assert "登记为志愿者" in page


def test_the_leader_writes_submits_and_the_officer_approves(
    leader_client: tuple[RoleClient, Team], max_queries: Callable[[int], Any]
) -> None:
    client, team = leader_client
    see(client, "create", team.pk)
    start = timezone.localtime() + timedelta(days=3)
    data: dict[str, str] = {
        "title": "楼道清洁",
        "category": "environment",
        "content": "一起打扫。",
        "starts_at": start.strftime("%Y-%m-%dT%H:%M"),
        "ends_at": (start + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
        "division": team.division.code,
        "address": "一号院",
        "radius": "500",
        "min_age": "18",
        "risk_notice": "注意台阶。",
        "person_in_charge": str(client.person.pk),
        "nature": "service",
        "posts-TOTAL_FORMS": "2",
        "posts-INITIAL_FORMS": "0",
        "posts-0-name": "清洁",
        "posts-0-places": "8",
        "posts-1-name": "",
        "posts-1-places": "10",
    }
    wrong = client.post(reverse("volunteering:create", args=[team.pk]), data | {"ends_at": data["starts_at"], "danger": "on"})
    assert wrong.status_code == 422
    page = wrong.content.decode()
    assert "结束时间要晚于开始时间" in page
    assert "请填写保险单号" in page
    past = client.post(
        reverse("volunteering:create", args=[team.pk]), data | {"starts_at": "2020-01-01T08:00", "ends_at": "2020-01-01T09:00"}
    )
    assert "开始时间已经过去" in past.content.decode()
    more = client.post(reverse("volunteering:create", args=[team.pk]), data | {"title": "", "posts-1-name": "登记", "more": "1"})
    page = more.content.decode()
    assert (more.status_code, "不能为空" in page) == (200, False), "what is not written yet is not a mistake yet"
    assert 'name="posts-3-name"' in page, "two that were written, and room for two more"
    assert 'value="登记"' in page
    assert "楼道" not in page
    assert team.division.code in page
    assert not Activity.objects.exists()
    silent = client.post(reverse("volunteering:create", args=[team.pk]), data | {"submit": "1"})
    assert silent.status_code == 422
    assert "请确认这是志愿服务" in silent.content.decode()
    data["service_declared"] = "on"
    page = press(client, "create", team.pk, **data, submit="1")
    activity = Activity.objects.get()
    assert activity.state == "submitted"
    assert (activity.places, activity.posts.count()) == (8, 1)
    assert activity.longitude == team.division.longitude
    with max_queries(BUDGET):
        see(client, "led")
    see(client, "edit", activity.pk, status=302)
    other = officer(make.team(division=make.division(district=make.OTHER_DISTRICT)))
    assert activity.title not in see(other, "queue")
    above = officer(team)
    with max_queries(BUDGET):
        assert activity.title in see(above, "queue")
    see(above, "activity", activity.pk)
    see(above, "queue", query="?kind=teams")
    see(above, "return", activity.pk)
    assert "请写明" in press_refused(above, "return", activity.pk, reason=" ")
    press(above, "return", activity.pk, reason="地点不清楚")
    page = see(client, "activity", activity.pk)
    assert "地点不清楚" in page
    post = activity.posts.get()
    data |= {
        "posts-TOTAL_FORMS": "2",
        "posts-INITIAL_FORMS": "1",
        "posts-0-pk": str(post.pk),
        "posts-1-name": "登记",
        "posts-1-places": "2",
        "posts-1-skills": "computer",
    }
    see(client, "edit", activity.pk)
    press(client, "edit", activity.pk, **data)
    press(client, "submit", activity.pk)
    press(above, "approve", activity.pk)
    activity.refresh_from_db()
    assert (activity.state, activity.places) == ("published", 10)
    page = press(
        client,
        "edit",
        activity.pk,
        **data
        | {
            "address": "二号院",
            "reason": "换地方",
            "posts-1-pk": str(activity.posts.order_by("pk").reverse()[0].pk),
            "posts-INITIAL_FORMS": "2",
        },
    )
    assert "二号院" in page
    press(client, "copy", activity.pk)
    assert Activity.objects.filter(state="draft").count() == 1
    see(client, "cancel", activity.pk)
    press(client, "cancel", activity.pk, reason="下雨")
    activity.refresh_from_db()
    assert activity.state == "cancelled"
    assert "下雨" in see(client, "activity", activity.pk)


def press_refused(client: Any, name: str, /, *args: Any, **data: Any) -> str:
    response = client.post(reverse(f"volunteering:{name}", args=args), data)
    assert response.status_code == 422, response.status_code
    return str(response.content.decode())


def test_people_signed_up_are_masked_until_asked_and_the_look_is_audited(
    leader_client: tuple[RoleClient, Team], volunteer_client: RoleClient, max_queries: Callable[[int], Any]
) -> None:
    client, team = leader_client
    post = make.post(make.activity(team))
    make.sign_up(make.volunteer(make.person(name="上官婉儿")).person, post)
    with max_queries(BUDGET):
        page = see(client, "people", post.activity_id)
    assert "上官婉儿" not in page
    assert not Event.objects.filter(verb="look.volunteering.names").exists()
    page = see(client, "people", post.activity_id, query="?names=1")
    assert "上官婉儿" in page
    assert Event.objects.filter(verb="look.volunteering.names", subject=f"activity:{post.activity_id}").count() == 1
    see(volunteer_client, "people", post.activity_id, status=403)
    see(client, "people", post.activity_id, query="?state=waiting")


def test_a_leader_signs_up_somebody_by_number(leader_client: tuple[RoleClient, Team]) -> None:
    client, team = leader_client
    post = make.post(make.activity(team), places=1)
    volunteer = make.volunteer(make.person(phone=None), number=numbers.make(77, "510100000000"))
    see(client, "add_person", post.activity_id)
    assert "校验码" in press_refused(client, "add_person", post.activity_id, number="123", post=str(post.pk))
    other = numbers.make(78, "510100000000")
    assert "没有这个编号" in press_refused(client, "add_person", post.activity_id, number=other, post=str(post.pk))
    assert "本人会收到通知" in press(
        client, "add_person", post.activity_id, number=numbers.shown(volunteer.number), post=str(post.pk)
    )
    assert "这名志愿者已经报过名" in press_refused(
        client, "add_person", post.activity_id, number=volunteer.number, post=str(post.pk)
    )
    assert SignUp.objects.get().person_id == volunteer.person_id


def test_volunteers_of_the_area(volunteer_client: RoleClient, max_queries: Callable[[int], Any]) -> None:
    team = make.team()
    client = officer(team)
    here = make.volunteer(make.person(name="卓文君", division=team.division))
    make.volunteer(make.person(division=make.division(district=make.OTHER_DISTRICT)), number="51019999999999")
    see(volunteer_client, "volunteers", status=403)
    with max_queries(BUDGET):
        page = see(client, "volunteers", query="?q=卓文君")
    assert "卓**" in page
    assert "卓文君" not in page.split("</form>", 3)[-1]
    assert "没有找到" in see(client, "volunteers", query="?q=51019999999999")
    see(client, "suspend", here.pk)
    press(client, "suspend", here.pk, reason="多次未到")
    here.refresh_from_db()
    assert here.state == "suspended"
    assert "暂停" in see(client, "volunteers", query="?state=suspended")
    press(client, "restore", here.pk)
    here.refresh_from_db()
    assert here.state == "active"


def test_team_members(leader_client: tuple[RoleClient, Team], max_queries: Callable[[int], Any]) -> None:
    client, team = leader_client
    applicant = client_of(make.account(make.volunteer(make.person(name="司马相如")).person))
    assert "已提交申请" in press(applicant, "join", team.pk)
    see(applicant, "members", team.pk, status=403)
    with max_queries(BUDGET):
        page = see(client, "members", team.pk, query="?state=applied")
    assert "司马相如" not in page
    membership = Membership.objects.get(state="applied")
    see(client, "reject_member", membership.pk)
    press(client, "approve_member", membership.pk)
    assert "司马相如" in see(client, "members", team.pk, query="?names=1")
    press(client, "make_leader", membership.pk)
    press(client, "unmake_leader", membership.pk)
    see(applicant, "transfer", membership.pk)
    other = make.team()
    assert "没有这支队伍" in press_refused(applicant, "transfer", membership.pk, to="999999")
    press(applicant, "transfer", membership.pk, to=str(other.pk))
    team.refresh_from_db()
    assert team.members == 1
    assert Membership.objects.filter(team=other, state="applied").count() == 1


def test_applying_for_a_team(volunteer_client: RoleClient) -> None:
    see(volunteer_client, "apply")
    place = make.division()
    data = {"name": "蓝天队", "level": "community", "division": place.code, "sponsor": "enterprise", "sponsor_name": "某公司"}
    assert "信用代码不正确" in press_refused(volunteer_client, "apply", **data, credit_code="91350100M000100Y44")
    page = press(volunteer_client, "apply", **data, credit_code="91350100M000100Y43")
    team = Team.objects.get()
    assert "已提交" in page
    above = officer(team)
    see(above, "reject_team", team.pk)
    press(above, "reject_team", team.pk, reason="名称太普通")
    assert "名称太普通" in see(volunteer_client, "team", team.pk)
    see(volunteer_client, "apply_again", team.pk)
    press(volunteer_client, "apply_again", team.pk, **data | {"name": "锦江蓝天队"}, credit_code="91350100M000100Y43")
    press(above, "approve_team", team.pk)
    team.refresh_from_db()
    assert (team.state, team.members, team.name) == ("active", 1, "锦江蓝天队")
    assert "您是队长" in see(volunteer_client, "team", team.pk)
    press(above, "dissolve_team", team.pk, reason="试")
    team.refresh_from_db()
    assert (team.state, team.members) == ("dissolved", 0)


def test_registration_in_three_screens(as_role: Callable[..., RoleClient]) -> None:
    account = Account.objects.create_user("someone", None, phone="+8613912340000", phone_verified=True)
    account.phone_digest = blind_index("phone", "+8613912340000")
    account.save()
    from django.test import Client

    from qunli.accounts.services import open_session

    client = Client()
    cookie = open_session(account)
    client.cookies[cookie.name] = cookie.value
    assert client.get(reverse("volunteering:register"))["Location"].endswith("/volunteer/register/1/")
    see(client, "register_step", 1)
    see(client, "register_step", 2, status=302)
    see(client, "register_step", 7, status=404)
    number = make.id_number()
    who = {"name": "司马迁", "id_kind": "resident", "id_number": number, "phone": "13912340000"}
    assert "校验位不对" in press_refused(
        client, "register_step", 1, **who | {"id_number": number[:-1] + ("1" if number[-1] != "1" else "2")}
    )
    assert "11 位" in press_refused(client, "register_step", 1, **who | {"phone": "123"})
    press(client, "register_step", 1, **who)
    assert client.get(reverse("volunteering:register"))["Location"].endswith("/volunteer/register/2/"), (
        "found again where it was left"
    )
    place = make.division()
    assert "请选择区域" in press_refused(client, "register_step", 2)
    press(client, "register_step", 2, division=place.code, skills=["arts"], categories=["elderly"], free_times=["15", "16"])
    assert number not in client.get(reverse("volunteering:register_step", args=[3])).content.decode()
    press_refused(client, "register_step", 3, registration="on")
    assert not Volunteer.objects.exists()
    page = press(client, "register_step", 3, registration="on", identity="on")
    volunteer = Volunteer.objects.get()
    assert volunteer.number[:4] in page
    assert (volunteer.free_times, volunteer.skills, volunteer.person.name) == (3 << 15, ["arts"], "司马迁")
    account.refresh_from_db()
    assert account.person_id == volunteer.person_id
    see(client, "me")
    see(client, "profile")
    press(client, "profile", division=place.code, skills=["law"])
    see(client, "deregister")
    press(client, "deregister")
    see(client, "me")
    old = volunteer.number
    assert client.get(reverse("volunteering:register"))["Location"].endswith("/volunteer/register/2/"), "the identity is known"
    press(client, "register_step", 2, division=place.code)
    press(client, "register_step", 3, registration="on", identity="on")
    volunteer = Volunteer.objects.get()
    assert (volunteer.state, volunteer.number) == ("active", old)


def test_calendar_entries(volunteer_client: RoleClient) -> None:
    confirmed, called_off, waiting, gone = (make.post(make.activity(title=f"活动{n}")) for n in range(4))
    for post, state in ((confirmed, "confirmed"), (called_off, "cancelled"), (waiting, "waiting"), (gone, "cancelled")):
        make.sign_up(volunteer_client.person, post, state=state)
    Activity.objects.filter(pk=called_off.activity_id).update(state="cancelled")
    entries = list(selectors.calendar_entries(volunteer_client.person.pk, timezone.now()))
    assert [(e.title, e.cancelled) for e in entries] == [("活动0", False), ("活动1", True), ("活动2（候补）", False)]


def test_english(as_role: Callable[..., RoleClient]) -> None:
    post = make.post()
    client = as_role("volunteer", language="en")
    for name, args in (
        ("activities", []),
        ("activity", [post.activity_id]),
        ("mine", []),
        ("me", []),
        ("teams", []),
        ("profile", []),
    ):
        assert 'lang="en"' in see(client, name, *args)


def test_district_level_teams_go_to_the_city() -> None:
    district = make.division(Level.DISTRICT)
    team = make.team(division=district, level="district")
    activity = make.activity(team, state="submitted")
    make.post(activity)
    street = make.division(Level.STREET)
    person = make.person(division=street)
    make.posting(person, "street_officer", street)
    see(client_of(make.account(person)), "activity", activity.pk, status=404)
    own = make.person(division=district)
    make.posting(own, "district_officer", district)
    see(client_of(make.account(own)), "activity", activity.pk, status=404)
    city = make.person(division=make.division(Level.CITY))
    make.posting(city, "city_officer", make.division(Level.CITY))
    client = client_of(make.account(city))
    see(client, "activity", activity.pk)
    press(client, "approve", activity.pk)
    activity.refresh_from_db()
    assert activity.state == "published"
