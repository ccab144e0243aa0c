"""The room in the public API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from qunli.divisions.models import Division
from qunli.volunteering import numbers
from qunli.volunteering.models import Activity, Membership, Post, SignUp, Team, Volunteer
from tests import factories as make
from tests.roles import RoleClient, _know, client_of

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/volunteering"


def call(client: Any, method: str, path: str, data: Any = None, *, status: int) -> Any:
    response = client.generic(method, ROOT + path, data=_json(data), content_type="application/json")
    assert response.status_code == status, (path, response.status_code, response.content[:600])
    return response.json() if response.content else None


def _json(data: Any) -> str:
    import json

    return "" if data is None else json.dumps(data)


def token(person: Any, *scopes: str) -> RoleClient:
    from qunli.accounts.services import issue_token
    from qunli.kernel.actor import SYSTEM

    account = make.account(person)
    text = issue_token(account=account, name="test", scopes=list(scopes), days=1, by=SYSTEM)
    return _know(RoleClient(headers={"authorization": f"Bearer {text}"}), account)


def test_find_sign_up_and_cancel(max_queries: Callable[[int], Any]) -> None:
    client = token(make.volunteer().person, "activities:read", "signups:read", "signups:write")
    post = make.post(make.activity(title="锦江清洁"), places=1)
    page = call(client, "GET", "/activities?longitude=104.06&latitude=30.66", status=200)
    assert [a["title"] for a in page["items"]] == ["锦江清洁"]
    assert page["items"][0]["metres"] > 0
    one = call(client, "GET", f"/activities/{post.activity_id}", status=200)
    assert one["posts"][0]["id"] == post.pk
    standing = call(client, "GET", f"/activities/{post.activity_id}/standing", status=200)
    assert standing[0]["ready"] is True
    made = call(client, "POST", f"/activities/{post.activity_id}/sign-ups", {"post": post.pk}, status=201)
    assert made["state"] == "confirmed"
    again = call(client, "POST", f"/activities/{post.activity_id}/sign-ups", {"post": post.pk}, status=409)
    assert (again["code"], again["field"]) == ("already", "post")
    other = token(make.volunteer().person, "signups:write", "signups:read")
    assert call(other, "POST", f"/activities/{post.activity_id}/sign-ups", {"post": post.pk}, status=409)["code"] == "full"
    waiting = call(other, "POST", f"/activities/{post.activity_id}/sign-ups", {"post": post.pk, "wait": True}, status=201)
    assert waiting["state"] == "waiting"
    assert call(client, "GET", "/sign-ups", status=200)["items"][0]["id"] == made["id"]
    call(other, "DELETE", f"/sign-ups/{made['id']}", status=404)
    call(client, "DELETE", f"/sign-ups/{made['id']}", status=204)
    assert SignUp.objects.get(pk=waiting["id"]).state == "confirmed"
    assert call(client, "POST", f"/activities/{post.activity_id}/sign-ups", {"post": 10**9}, status=409)["code"] == "missing"


def test_scopes_are_asked_for(client: Any) -> None:
    call(client, "GET", "/activities", status=401)
    narrow = token(make.volunteer().person, "activities:read")
    post = make.post()
    call(narrow, "POST", f"/activities/{post.activity_id}/sign-ups", {"post": post.pk}, status=403)
    assert not SignUp.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "cursor=abc",
        "day=0001-01-01",
        "day=9999-12-31",
        "q=%00",
        "longitude=999",
        "division=xyz",
        "division=999999999999",
        "when=never",
    ],
)
def test_bad_questions_are_4xx(query: str) -> None:
    client = token(make.person(), "activities:read")
    response = client.get(f"{ROOT}/activities?{query}")
    assert response.status_code in (409, 422), response.content


def activity_data(team: Team, **more: Any) -> dict[str, Any]:
    start = timezone.now() + timedelta(days=2)
    return {
        "title": "清洁",
        "category": "environment",
        "content": "打扫",
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=2)).isoformat(),
        "division": team.division.code,
        "address": "一号院",
        "risk_notice": "注意台阶",
        "posts": [{"name": "清洁", "places": 3}],
        "service_declared": True,
    } | more


def test_write_submit_approve_change(max_queries: Callable[[int], Any]) -> None:
    team = make.team()
    leader = token(make.leader(team).person, "activities:read", "activities:write", "signups:read")
    made = call(leader, "POST", f"/teams/{team.pk}/activities", activity_data(team), status=201)
    pk = made["id"]
    wrong = activity_data(team, ends_at=(timezone.now() + timedelta(days=1)).isoformat())
    assert call(leader, "PUT", f"/activities/{pk}", wrong, status=409)["field"] == "ends_at"
    call(leader, "PUT", f"/activities/{pk}", activity_data(team, danger=True), status=200)
    assert call(leader, "POST", f"/activities/{pk}/submit", status=409)["field"] == "insurance"
    made = call(leader, "PUT", f"/activities/{pk}", activity_data(team), status=200)
    call(leader, "PUT", f"/activities/{pk}", activity_data(team, posts=[]), status=422)
    call(leader, "POST", f"/activities/{pk}/submit", status=200)
    call(leader, "POST", f"/activities/{pk}/approve", status=403)
    street = Division.objects.get(children=team.division)
    person = make.person(division=street)
    make.posting(person, "street_officer", street)
    officer = client_of(make.account(person))
    assert call(officer, "GET", "/activities/to-decide", status=200)["items"][0]["id"] == pk
    response = officer.post(f"{ROOT}/activities/{pk}/approve", content_type="application/json")
    assert response.status_code == 200, response.content
    post = made["posts"][0]["id"]
    volunteer = make.volunteer().person
    make.sign_up(volunteer, Post.objects.get(pk=post))
    data = activity_data(team, posts=[{"id": post, "name": "清洁", "places": 1}], address="二号院")
    assert call(leader, "PUT", f"/activities/{pk}", data, status=409)["field"] == "reason"
    call(leader, "PUT", f"/activities/{pk}", data | {"reason": "换地方"}, status=200)
    roster = call(leader, "GET", f"/activities/{pk}/sign-ups", status=200)
    assert "*" in roster["items"][0]["name"]
    copied = call(leader, "POST", f"/activities/{pk}/copy", status=201)
    assert copied["state"] == "draft"
    call(leader, "POST", f"/activities/{pk}/cancel", {"reason": "下雨"}, status=200)
    assert SignUp.objects.get().state == "cancelled"


def test_volunteers_of_ones_range() -> None:
    """Found, suspended with a reason and restored; nobody of elsewhere; names stay masked."""
    place = make.division()
    worker = make.person(division=place)
    make.posting(worker, "community_worker", place)
    one = make.volunteer(make.person(name="司马相如", division=place), division=place, number=numbers.make(77, "5101"))
    far = make.volunteer(make.person(name="司马相成"), division=make.division(district=make.OTHER_DISTRICT))
    client = token(worker, "people:read", "volunteers:read", "volunteers:write")
    page = call(client, "GET", "/volunteers?q=司马", status=200)
    assert [(v["id"], v["number"], v["state"]) for v in page["items"]] == [(one.pk, one.number, "active")]
    assert "相如" not in page["items"][0]["name"]
    assert call(client, "GET", f"/volunteers?q={one.number}", status=200)["items"] == page["items"]
    assert call(client, "GET", "/volunteers?state=suspended", status=200)["items"] == []
    assert call(client, "POST", f"/volunteers/{one.pk}/suspend", {"reason": " "}, status=409)["field"] == "reason"
    assert call(client, "POST", f"/volunteers/{one.pk}/suspend", {"reason": "三次没来"}, status=200)["state"] == "suspended"
    assert call(client, "POST", f"/volunteers/{one.pk}/suspend", {"reason": "三次没来"}, status=409)
    assert [v["id"] for v in call(client, "GET", "/volunteers?state=suspended", status=200)["items"]] == [one.pk]
    assert call(client, "POST", f"/volunteers/{one.pk}/restore", status=200)["state"] == "active"
    call(client, "POST", f"/volunteers/{far.pk}/suspend", {"reason": "三次没来"}, status=404)
    reader = token(one.person, "volunteers:read")
    call(reader, "POST", f"/volunteers/{one.pk}/suspend", {"reason": "三次没来"}, status=403)
    call(reader, "GET", "/volunteers", status=403)


def test_teams() -> None:
    client = token(make.volunteer().person, "teams:read", "teams:write")
    place = make.division()
    data = {"name": "蓝天", "level": "community", "division": place.code, "sponsor": "enterprise", "sponsor_name": "某公司"}
    assert call(client, "POST", "/teams", data, status=409)["field"] == "credit_code"
    made = call(client, "POST", "/teams", data | {"credit_code": "91350100M000100Y43"}, status=201)
    assert made["state"] == "applied"
    team = make.team()
    leader = token(make.leader(team).person, "teams:read", "teams:write")
    joined = call(client, "POST", f"/teams/{team.pk}/members", status=201)
    call(client, "POST", f"/memberships/{joined['id']}/approve", status=403)
    call(leader, "POST", f"/memberships/{joined['id']}/approve", status=200)
    assert len(call(leader, "GET", f"/teams/{team.pk}/members", status=200)["items"]) == 2
    call(client, "GET", f"/teams/{team.pk}/members", status=403)
    assert len(call(client, "GET", "/teams/mine", status=200)) == 2
    call(client, "DELETE", f"/memberships/{joined['id']}", status=204)
    assert Membership.objects.get(pk=joined["id"]).state == "left"
    assert call(client, "GET", "/teams", status=200)["items"][0]["id"] == team.pk


def test_registration() -> None:
    client = token(make.person(), "volunteers:read", "volunteers:write")
    call(client, "GET", "/volunteer", status=404)
    data = {"division": make.division().code, "skills": ["arts"], "consents": ["registration"]}
    assert call(client, "POST", "/volunteer", data, status=409)["field"] == "consents"
    made = call(client, "POST", "/volunteer", data | {"consents": ["registration", "identity"]}, status=201)
    assert Volunteer.objects.get().number == made["number"]
    call(client, "PUT", "/volunteer", data | {"skills": ["law"]}, status=200)
    call(client, "DELETE", "/volunteer", status=204)
    back = call(client, "POST", "/volunteer", data | {"consents": ["registration", "identity"]}, status=201)
    assert back["number"] == made["number"]
    assert not Activity.objects.exists()
