"""Resident requests: asking in small screens, what a team makes of them, what comes back."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from qunli.access.selectors import actor_of
from qunli.cases import services as cases
from qunli.cases.models import Case
from qunli.cases.services import Unit
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.service_hours import services as hours
from qunli.volunteering import services
from qunli.volunteering.models import ResidentRequest
from qunli.volunteering.requests import services as requests
from qunli.volunteering.requests.selectors import CATEGORIES, KIND, panel, prefill
from tests import factories as make
from tests.roles import RoleClient, client_of, sign_in

pytestmark = pytest.mark.django_db


def send(client: Any, name: str, /, status: int = 200, **data: Any) -> str:
    answer = client.post(reverse(f"volunteering:{name}"), data, follow=True)
    assert answer.status_code == status, (answer.status_code, answer.content[:400])
    return str(answer.content.decode())


def resident() -> RoleClient:
    return client_of(make.account(make.person(division=make.division(), name="李奶奶")))


def test_three_screens_for_oneself() -> None:
    client = resident()
    assert "陪老人聊天" in client.get(reverse("volunteering:ask")).content.decode()
    assert "请选择要帮什么忙" in send(client, "ask", 422, step="1")
    second = send(client, "ask", step="1", matter="errand")
    assert 'name="matter" value="errand"' in second
    assert client.division.name in second, "the own community stands there already"
    answers = {"matter": "errand", "division": client.division.code, "place": "3栋2单元", "text": "到医院取药"}
    third = send(client, "ask", step="2", **answers)
    assert "代买代办" in third
    assert "到医院取药" in third
    assert not Case.objects.exists(), "nothing is kept before the last press"
    done = send(client, "ask", step="3", **answers)
    assert "已提交" in done
    case = Case.objects.get()
    assert (case.kind, case.requester, case.place, case.desk) == (KIND, client.person, "3栋2单元", client.division)


def test_back_keeps_what_was_chosen() -> None:
    client = resident()
    first = send(client, "ask", step="2", back="1", matter="errand", division=client.division.code)
    assert 'value="errand"' in first
    assert "checked" in first


def test_an_emergency_is_told_to_call_and_may_be_denied() -> None:
    client = resident()
    answers = {"matter": "other", "division": client.division.code, "text": "厨房着火了"}
    assert "119" in send(client, "ask", 422, step="3", **answers)
    assert not Case.objects.exists()
    send(client, "ask", step="3", no_emergency="on", **answers)
    assert Case.objects.count() == 1


def test_a_community_worker_asks_for_an_old_person_in_two_screens() -> None:
    worker = sign_in("community_worker")
    old = make.person(division=worker.division, name="张爷爷", phone="+8613900112233")
    answers = {"name": "张爷爷", "phone": "13900112233", "matter": "escort", "division": worker.division.code, "place": "1栋"}
    send(worker, "ask_for", step="1", **answers)
    assert "已提交" in send(worker, "ask_for", step="2", **answers)
    case = Case.objects.get()
    assert (case.requester, case.entered_by) == (old, worker.person)
    send(worker, "ask_for", step="2", **{**answers, "name": "别的名字"})
    assert Case.objects.order_by("-id")[0].requester is None, "another name at the same phone is another person"
    assert client_of(make.account()).get(reverse("volunteering:ask_for")).status_code == 403


def test_a_departments_work_goes_to_the_district() -> None:
    client = resident()
    case = requests.ask(
        wish=requests.Wish("noise", client.division, text="工地夜里施工"), requester=client.person,
        by=actor_of(client.person, local_date(timezone.now())), now=timezone.now(),
    )  # fmt: skip
    assert (case.desk.level, case.duty) == (2, "department")


def test_it_becomes_an_activity_and_hours_and_rating_come_back(frozen: Any) -> None:
    now = frozen.set(2026, 3, 5, 9, 0)
    team = make.team()
    leader = make.leader(team).person
    asker = make.person(division=team.division)
    wish = requests.Wish("company", team.division, text="想有人陪我聊天，我住3栋", place="3栋", starts_at=now + timedelta(days=2))
    me, by = actor_of(asker, local_date(now)), actor_of(leader, local_date(now))
    case = requests.ask(wish=wish, requester=asker, by=me, now=now)
    cases.dispatch(case=case, to=[Unit(team.division_id, team.unit, team.name)], by=SYSTEM, now=now)
    cases.take(case=case, unit=Unit(team.division_id, team.unit, team.name), by=by, now=now)
    filled = prefill(case, now)
    assert (filled["category"], filled["starts_at"]) == ("elderly", wish.starts_at)
    assert "3栋" not in str(filled), "an activity is public: nothing of where the resident lives"

    client = client_of(make.account(leader))
    address = reverse("volunteering:create", args=[team.pk]) + f"?request={case.number}"
    page = client.get(address).content.decode()
    assert "陪老人聊天" in page
    data = {
        **{k: v for k, v in filled.items() if isinstance(v, str)}, "division": team.division.code,
        "starts_at": "2026-03-07T09:00", "ends_at": "2026-03-07T11:00", "radius": "500", "min_age": "18",
        "risk_notice": "请注意安全。", "person_in_charge": str(leader.pk), "posts-TOTAL_FORMS": "3", "posts-INITIAL_FORMS": "1",
        "posts-0-name": "志愿者", "posts-0-places": "2", "posts-1-name": "", "posts-1-places": "10", "posts-2-name": "",
        "posts-2-places": "10", "submit": "1", "nature": "service", "service_declared": "on",
    }  # fmt: skip
    answer = client.post(address, data)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    request = ResidentRequest.objects.get(case=case)
    activity = request.activity
    assert activity is not None
    assert (activity.state, activity.posts.get().places) == ("submitted", 2), "the post that was filled in stays"
    case.refresh_from_db()
    assert case.state == "handling"
    with pytest.raises(Refused, match="已经有活动"):
        requests.becomes(case=case, activity=activity, by=by, now=now)

    services.approve_activity(activity=activity, by=SYSTEM, now=now)
    helper = make.volunteer(make.person(division=team.division))
    sign_up = make.sign_up(helper.person, activity.posts.get())
    start, end = activity.starts_at, activity.ends_at
    day = actor_of(leader, local_date(start))
    record = hours.sign_in_for(sign_up=sign_up, by=day, now=start)
    hours.sign_out_for(record=record, by=day, now=end)
    services.close_activity(activity=activity, by=day, now=end + timedelta(hours=1))
    assert case.events.filter(verb="held").exists()
    hours.submit(records=[record], by=day, now=end + timedelta(hours=1))
    record.refresh_from_db()
    assert not hours.verify(records=[record], by=SYSTEM, now=end + timedelta(hours=2)).refused
    cases.reply(case=case, text="陪您聊了两个小时。", channel="visit", by=day, now=end + timedelta(hours=2))
    shown = panel(Case.objects.with_places().get(pk=case.pk), me)
    assert shown is not None
    assert (shown.context["records"], shown.context["minutes"]) == (1, 120)
    cases.rate(case=case, solved=True, satisfied=True, by=me, now=end + timedelta(hours=3))
    frozen.now = end + timedelta(hours=4)
    text = client_of(make.account(asker)).get(f"/cases/{case.number}/").content.decode()
    assert "1 人来帮忙" in text
    assert "陪您聊了两个小时" in text


def test_a_part_that_is_split_off_is_a_request_too() -> None:
    client, now = resident(), timezone.now()
    worker = make.person()
    make.posting(worker, "community_worker", client.division)
    desk = actor_of(worker, local_date(now))
    wish = requests.Wish("errand", client.division, text="取药，还要修灯", starts_at=now + timedelta(days=2))
    case = requests.ask(wish=wish, requester=client.person, by=actor_of(client.person, local_date(now)), now=now)
    asked = cases.Asked(matter="repair", division=client.division, title="修灯", text="客厅的灯")
    [part] = cases.split(case=case, parts=[asked], by=desk, now=now)
    assert part.resident_request.starts_at == case.resident_request.starts_at
    team = make.team(division=client.division)
    leader = actor_of(make.leader(team).person, local_date(now))
    unit = Unit(team.division_id, team.unit, team.name)
    cases.dispatch(case=part, to=[unit], by=desk, now=now)
    cases.take(case=part, unit=unit, by=leader, now=now)
    part = Case.objects.with_places().get(pk=part.pk)
    found = panel(part, leader)
    assert found is not None
    assert found.context["team"] == str(team.pk)
    requests.becomes(case=part, activity=make.activity(team), by=leader, now=now)


def test_every_matter_of_the_catalogue_has_a_category_or_is_none_of_ours() -> None:
    from qunli.cases.services import matters

    ours = {key for key, matter in matters(KIND).items() if matter.duty == "grassroots"}
    assert ours - CATEGORIES.keys() == {"other"}
    assert not CATEGORIES.keys() - ours
