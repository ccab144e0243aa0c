"""Pages and the API of cases: who sees what, masked names, refusals at their field, few queries."""

from collections.abc import Callable
from typing import Any

import pytest

from qunli.audit.models import Event
from qunli.cases import services
from qunli.files.models import Attachment
from tests import factories
from tests.cases.conftest import NOW, Place, build_place
from tests.conftest import FrozenClock
from tests.roles import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(frozen: FrozenClock) -> Place:
    """On the frozen Thursday, with a name that can be looked for."""
    return build_place()


def see(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return str(answer.content.decode())


def press(client: Any, path: str, status: int = 200, **data: Any) -> str:
    answer = client.post(path, data, follow=True)
    assert answer.status_code == status, (path, answer.status_code, answer.content[:300])
    return str(answer.content.decode())


def test_the_way_over_the_pages(place: Place) -> None:
    resident, worker, leader = (client_of(factories.account(who)) for who in (place.resident, place.worker, place.leader))
    case = place.ask()
    page = f"/cases/{case.number}/"
    assert case.title in see(resident, "/cases/mine/")
    assert case.title in see(worker, "/cases/")
    see(leader, page, 404)
    unit = f"{place.team.division_id}|{place.team.unit}"
    assert "请选择派给谁" in press(worker, page + "dispatch/", 422)
    services.dispatch(case=case, to=[place.unit(), place.unit(place.other)], by=place.actor(place.worker), now=case.received_at)
    assert case.title in see(leader, "/cases/offered/")
    assert "王小明" not in see(leader, page), "before it takes the case a team sees no name"
    press(leader, page + "take/", unit=unit)
    assert "王小明" not in see(leader, page)
    assert "王小明" in see(leader, page + "?contact=1")
    assert Event.objects.filter(verb="look.case.contact", subject=f"case:{case.pk}", person_id=place.leader.pk).exists()
    press(leader, page + "contact/", reached="yes", note="约好明天")
    assert "请写明办理结果" in press(leader, page + "reply/", 422, text="", channel="phone")
    press(leader, page + "reply/", text="药已送到。", channel="visit")
    assert "药已送到" in see(resident, page)
    press(resident, page + "rate/", solved="no", satisfied="yes", comment="还差一盒", again="on")
    assert "重新办理" in see(worker, "/cases/dispatch/")
    case.refresh_from_db()
    assert (case.state, case.round) == ("reopened", 1)


def test_desk_verbs_over_the_pages(place: Place) -> None:
    worker, street = client_of(factories.account(place.worker)), client_of(factories.account(place.street))
    neighbour = factories.person(division=place.community)
    first = place.ask(title="路灯坏了", text="三单元门口路灯坏了，晚上看不见路。")
    again = place.ask(title="路灯坏了", text="三单元门口的路灯坏了。", requester=neighbour)
    assert "内容相似" in see(worker, f"/cases/{again.number}/")
    press(worker, f"/cases/{again.number}/merge/", lead=first.number)
    assert "另有 1 件同样的诉求" in see(worker, f"/cases/{first.number}/")
    assert "1 次重复" in see(street, "/cases/rates/")
    press(worker, f"/cases/{first.number}/split/", matter="question", title="问补贴", text="高龄补贴怎么领？")
    press(worker, f"/cases/{first.number}/hand-up/", reason="要区里协调")
    first.refresh_from_db()
    assert first.desk.level == 3
    assert first.title in see(street, "/cases/dispatch/")
    refused = place.ask()
    press(worker, f"/cases/{refused.number}/refuse/", reason="litigation", note="请问法院")
    refused.refresh_from_db()
    assert refused.state == "not_accepted"


def test_supervised_from_the_street(place: Place) -> None:
    case = place.taken()
    press(client_of(factories.account(place.street)), f"/cases/{case.number}/supervise/", note="请今天联系诉求人")
    case.refresh_from_db()
    assert case.pressure == "supervised"


def test_a_photo_is_seen_by_those_who_see_the_contact(place: Place) -> None:
    from io import BytesIO

    from django.core.files.uploadedfile import SimpleUploadedFile
    from PIL import Image

    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    case = place.taken()
    resident, rival = client_of(factories.account(place.resident)), client_of(factories.account(place.rival))
    file = SimpleUploadedFile("灯.png", picture.getvalue(), "image/png")
    press(resident, f"/cases/{case.number}/attach/", file=file)
    kept = Attachment.objects.get(subject=f"case:{case.pk}")
    assert client_of(factories.account(place.leader)).get(f"/files/{kept.key}/").status_code == 200
    see(rival, f"/files/{kept.key}/", 404)
    services.withdraw(case=case, by=place.actor(place.resident), now=NOW)
    late = SimpleUploadedFile("灯.png", picture.getvalue(), "image/png")
    assert resident.post(f"/cases/{case.number}/attach/", {"file": late}).status_code == 422
    assert Attachment.objects.count() == 1


def test_pages_in_english_and_few_queries(place: Place, max_queries: Callable[[int], Any]) -> None:
    case = place.taken()
    worker = client_of(factories.account(place.worker), language="en")
    for path in ("/cases/", "/cases/all/", "/cases/overdue/", "/cases/rates/", "/cases/mine/", f"/cases/{case.number}/"):
        with max_queries(14 if path.endswith(f"{case.number}/") else 10):
            text = see(worker, path)
        assert "Requests to handle" in text or "My requests" in text


def test_urge_rate_and_take_by_program(place: Place) -> None:
    case = place.taken()
    resident = client_of(factories.account(place.resident))

    def call(path: str, data: str = "{}", status: int = 200) -> Any:
        answer = resident.post(f"/api/v1/cases/{path}", data, content_type="application/json")
        assert answer.status_code == status, answer.content
        return answer.json()

    assert call(f"{case.number}/urge")["pressure"] == "urged"
    assert call(f"{case.number}/urge", status=409)["code"] == "urged"
    assert call(f"{case.number}/reply", '{"text": "我自己办好了", "channel": "phone"}', status=403)["code"] == "denied"
    services.reply(case=case, text="药已送到。", channel="visit", by=place.actor(place.leader), now=case.received_at)
    rated = call(f"{case.number}/rate", '{"solved": true, "satisfied": true}')
    assert (rated["state"], rated["reply"], rated["steps"][-1]["verb"]) == ("rated", "药已送到。", "rate")
    assert resident.get("/api/v1/cases/mine").json()["items"][0]["number"] == case.number
    assert resident.get("/api/v1/cases/waiting/all").status_code == 403
    worker = client_of(factories.account(place.worker))
    found = worker.get(
        "/api/v1/cases/rates", {"division": place.community.code, "since": "2026-03-01", "until": "2026-03-31"}
    ).json()
    assert [(rate["numerator"], rate["denominator"]) for rate in found["rates"]] == [(1, 1), (1, 1), (1, 1)]
