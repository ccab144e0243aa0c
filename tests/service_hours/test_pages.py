"""The pages: each state of the day, forms with their errors at the field, who is let in, and how many queries they take."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from qunli.audit.models import Event
from qunli.kernel.codes import rotating_code
from qunli.people.models import Consent, Person
from qunli.service_hours import services
from qunli.service_hours.models import Certificate, ServiceRecord
from tests import factories
from tests.roles import client_of
from tests.service_hours.conftest import World, at


@pytest.fixture
def clock(frozen: Any, world: World) -> Callable[[datetime], None]:
    def set_to(moment: datetime) -> None:
        frozen.now = moment

    set_to(at(9))
    return set_to


def browser(person: Person, language: str = "zh-hans") -> Client:
    account = person.accounts.first() or factories.account(person)
    return client_of(account, language=language)


def text(response: Any) -> str:
    return str(response.content.decode())


def code_of(world: World, moment: datetime) -> str:
    return rotating_code(bytes(world.activity.code_seed), moment)


def test_the_day_of_a_volunteer(world: World, clock: Callable[[datetime], None]) -> None:
    """In by the QR's address, out by typing, then the record with its way."""
    person = world.volunteer()
    me = browser(person)
    day = f"/day/{world.activity.pk}/"
    assert "院落清洁日" in text(me.get("/day/"))
    clock(at(7))
    assert "还没到签到时间" in text(me.get(day))
    clock(at(9))
    page = text(me.get(f"{day}?code={code_of(world, at(9))}"))
    assert f'value="{code_of(world, at(9))}"' in page
    assert "签到码已填好" in page
    response = me.post(f"{day}in/", {"code": code_of(world, at(9))}, follow=True)
    assert "已在 09:00 签到" in text(response)
    clock(at(10, 30))
    response = me.post(f"{day}out/", {"code": code_of(world, at(10, 30))}, follow=True)
    assert "1 小时 30 分" in text(response)
    record = ServiceRecord.objects.get(person=person)
    assert "待提交" in text(me.get(f"/records/{record.pk}/"))
    assert "院落清洁日" in text(me.get("/records/"))


@pytest.mark.parametrize(("typed", "said"), [("000", "6 位数字"), ("", "请输入"), ("999999", "签到码不对")])
def test_a_wrong_code_is_told_at_the_field(world: World, clock: Callable[[datetime], None], typed: str, said: str) -> None:
    typed = typed if typed != code_of(world, at(9)) else "999998"
    response = browser(world.volunteer()).post(f"/day/{world.activity.pk}/in/", {"code": typed})
    assert response.status_code == 422
    assert said in text(response)
    assert 'id="id_code_error"' in text(response)
    assert not ServiceRecord.objects.exists()


def test_by_place_with_consent(world: World, clock: Callable[[datetime], None]) -> None:
    person = world.volunteer()
    me, address = browser(person), f"/day/{world.activity.pk}/in/place/"
    there = {"longitude": "104.0836", "latitude": "30.6571", "accuracy": "15"}
    response = me.post(address, there)
    assert response.status_code == 422
    assert "单独同意" in text(response)
    assert not Consent.objects.exists()
    assert me.post(address, {}).status_code == 422
    assert me.post(address, {**there, "longitude": "nan", "consent": "on"}).status_code == 422
    response = me.post(address, {**there, "consent": "on"}, follow=True)
    assert "签到成功" in text(response)
    assert Consent.objects.filter(person=person, purpose="location", withdrawn_at=None).count() == 1


@pytest.mark.parametrize("who", ["stranger", "waiting", "late"])
def test_who_cannot_sign_in_is_told_what_to_do(world: World, clock: Callable[[datetime], None], who: str) -> None:
    person = world.volunteer(signed_up=who == "late")
    if who == "waiting":
        factories.sign_up(person, world.post, state="waiting")
    if who == "late":
        clock(at(12))
    said = {"stranger": "您没有报名这场活动", "waiting": "您还在候补", "late": "活动已结束，没有签到"}[who]
    assert said in text(browser(person).get(f"/day/{world.activity.pk}/"))


def test_the_leaders_screen(world: World, clock: Callable[[datetime], None]) -> None:
    first, second = world.volunteer("王小明"), world.volunteer("赵丽")
    leader = browser(world.leader)
    screen = f"/day/{world.activity.pk}/screen/"
    page = text(leader.get(screen))
    assert code_of(world, at(9)) in page
    assert "<svg" in page
    assert "王小明" in page
    assert Event.objects.filter(verb="look.service_hours.attendance").count() == 1
    sign_up = world.activity.sign_ups.get(person=first)
    leader.post(f"/day/{world.activity.pk}/people/{sign_up.pk}/in/", {})
    assert ServiceRecord.objects.get(person=first).in_method == "leader"
    response = leader.post(f"/day/{world.activity.pk}/people/{sign_up.pk}/out/", {"at": "2026-03-05T09:00", "reason": ""})
    assert response.status_code == 422
    assert "请写明为什么由您设定时间" in text(response)
    clock(at(10))
    leader.post(f"/day/{world.activity.pk}/people/{sign_up.pk}/out/", {})
    assert ServiceRecord.objects.get(person=first).minutes == 60
    page = text(leader.get(screen + "?name=赵"))
    assert "赵丽" in page
    assert "王小明" not in page
    fragment = leader.get(screen + "code/", {"seen": "9-9-9"}, headers={"HX-Request": "true"})
    assert fragment.headers["HX-Trigger"] == "people-changed"
    assert code_of(world, at(10)) in text(fragment)
    assert "<html" not in text(fragment)
    assert "HX-Trigger" not in leader.get(screen + "code/", {"seen": "1-0-1"}, headers={"HX-Request": "true"}).headers
    assert "赵丽" in text(leader.get(screen + "people/"))
    assert second.name == "赵丽"


def test_walk_in_by_phone_or_number(world: World, clock: Callable[[datetime], None]) -> None:
    leader, address = browser(world.leader), f"/day/{world.activity.pk}/walk-in/"
    one, two = world.volunteer(signed_up=False), world.volunteer(signed_up=False)
    assert leader.post(address, {"person": one.volunteer.number}).status_code == 302
    assert leader.post(address, {"person": two.phone}).status_code == 302
    assert ServiceRecord.objects.filter(state="present").count() == 2
    response = leader.post(address, {"person": "13900000000"})
    assert response.status_code == 422
    assert "没有找到这位志愿者" in text(response)


def test_the_screen_is_not_for_others(world: World, clock: Callable[[datetime], None]) -> None:
    person = world.volunteer()
    other_leader = factories.leader(factories.team()).person
    for who in (person, other_leader):
        client = browser(who)
        for address in ("screen/", "screen/code/", "screen/people/"):
            assert client.get(f"/day/{world.activity.pk}/{address}").status_code == 404
        sign_up = world.activity.sign_ups.get(person=person)
        assert client.post(f"/day/{world.activity.pk}/people/{sign_up.pk}/in/").status_code == 404
        assert client.post(f"/day/{world.activity.pk}/walk-in/", {"person": "x"}).status_code == 404
    assert not ServiceRecord.objects.exists()


def test_submit_and_verify_all_at_once(world: World, clock: Callable[[datetime], None]) -> None:
    drafts = [world.draft(world.volunteer()), world.draft(world.volunteer(), at(10))]
    clock(at(12))
    leader, worker = browser(world.leader), browser(world.worker)
    page = text(leader.get("/records/queue/"))
    assert "院落清洁日" in page
    address = f"/records/activity/{world.activity.pk}/"
    page = text(leader.get(address))
    assert "-1 小时" in page  # against what was planned
    response = leader.post(address + "submit/", {"record": [str(d.pk) for d in drafts]}, follow=True)
    assert "已提交 2 条" in text(response)
    assert "院落清洁日" in text(worker.get("/records/queue/verify/"))
    response = worker.post(address + "verify/", {"record": [str(d.pk) for d in drafts]}, follow=True)
    assert "已核实 2 条" in text(response)
    response = worker.post(address + "verify/", {"record": [str(drafts[0].pk)]}, follow=True)
    assert "1 条没有办理" in text(response)
    assert "请先勾选" in text(worker.post(address + "verify/", {"record": ["x", "9" * 30]}, follow=True))


def test_one_record_through_its_states(world: World, clock: Callable[[datetime], None]) -> None:
    person = world.volunteer()
    record = world.verified(person)
    clock(at(14))
    me, worker, officer = browser(person), browser(world.worker), browser(world.officer)
    address = f"/records/{record.pk}/"
    assert "时长没错，确认" in text(me.get(address))
    assert me.post(address + "confirm/").status_code == 302
    response = me.post(address + "dispute/", {"reason": ""})
    assert response.status_code == 422
    assert "请写明原因" in text(response)
    assert me.post(address + "dispute/", {"reason": "十点就走了"}).status_code == 302
    assert "十点就走了" in text(worker.get(address))
    response = worker.post(
        address + "correct/", {"signed_in_at": "2026-03-05T09:00", "signed_out_at": "2026-03-05T08:00", "reason": "x"}
    )
    assert response.status_code == 422
    assert "签退时间不能早于签到时间" in text(response)
    times = {"signed_in_at": "2026-03-05T09:00", "signed_out_at": "2026-03-05T10:00", "reason": "按签到表"}
    assert worker.post(address + "correct/", times).status_code == 302
    page = text(me.get(address))
    assert "冲回" in page
    assert "已更正" in page
    assert "-2 小时" in text(me.get("/records/ledger/"))
    response = officer.post(address + "void/", {"reason": "不是志愿服务"})
    assert response.status_code == 302
    record.refresh_from_db()
    assert record.state == "void"
    assert "已撤销" in text(me.get(address))


def test_what_is_refused_is_said_and_nothing_is_written(world: World, clock: Callable[[datetime], None]) -> None:
    record = world.submitted(world.volunteer())
    address = f"/records/{record.pk}/"
    assert browser(record.person).post(address + "verify/").status_code == 422  # own hours
    assert browser(world.volunteer()).post(address + "verify/").status_code == 404
    assert browser(world.leader).post(address + "void/", {"reason": "x"}).status_code == 403
    assert browser(world.leader).post(address + "nonsense/").status_code == 400
    record.refresh_from_db()
    assert record.state == "submitted"


def test_certificates(world: World, clock: Callable[[datetime], None]) -> None:
    person = world.volunteer("王小明")
    world.verified(person)
    clock(at(18))
    me, anybody, stranger = browser(person), Client(), browser(world.volunteer())
    response = me.post("/certificates/", {"since": "2026-03-01", "until": "2026-02-01"})
    assert response.status_code == 422
    assert "截止日期不能早于开始日期" in text(response)
    assert "请填写日期" in text(me.post("/certificates/", {"since": "x", "until": ""}))
    response = me.post("/certificates/", {"since": "2026-01-01", "until": "2026-03-05"}, follow=True)
    certificate = Certificate.objects.get()
    assert certificate.grouped in text(response)
    file = me.get(f"/certificates/{certificate.number}/pdf/")
    assert file["Content-Type"] == "application/pdf"
    assert file.content == bytes(certificate.pdf)
    assert stranger.get(f"/certificates/{certificate.number}/").status_code == 404
    assert stranger.get(f"/certificates/{certificate.number}/pdf/").status_code == 404
    assert anybody.get(f"/certificates/{certificate.number}/pdf/").status_code == 302
    page = text(anybody.get(f"/verify/{certificate.number}/"))
    assert "真实，有效" in page
    assert "王**" in page
    assert "王小明" not in page
    upload = SimpleUploadedFile("c.pdf", bytes(certificate.pdf), content_type="application/pdf")
    assert "真实，有效" in text(anybody.post("/verify/", {"file": upload}))
    upload = SimpleUploadedFile("c.pdf", bytes(certificate.pdf) + b"\n%", content_type="application/pdf")
    assert "这个文件被改动过" in text(anybody.post("/verify/", {"file": upload}))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GIF89a", "这不是 PDF 文件"),
        (b"%PDF-1.7 broken", "文件打不开"),
        (b"", "这个文件是空的"),
        (bytes(6 * 1024 * 1024), "文件超过 5 MB"),
    ],
)
def test_files_that_are_no_certificate(db: None, data: bytes, said: str) -> None:
    response = Client().post("/verify/", {"file": SimpleUploadedFile("c.pdf", data, content_type="application/pdf")})
    assert response.status_code == 422
    assert said in text(response)


def test_numbers_that_are_none(db: None) -> None:
    anybody = Client()
    response = anybody.get("/verify/", {"number": "QL2026-1234"})
    assert response.status_code == 422
    assert "编号不对" in text(response)
    assert anybody.get("/verify/QL2026/").status_code == 404
    assert anybody.post("/verify/", {}).status_code == 422


def test_looks_and_uploads_are_limited(db: None) -> None:
    anybody = Client()
    assert [anybody.get("/verify/QL2026/").status_code for _ in range(62)][-2:] == [429, 429]
    upload = [anybody.post("/verify/", {"file": SimpleUploadedFile("c", b"x")}).status_code for _ in range(21)]
    assert upload[-1] == 422
    assert "尝试次数太多" in text(anybody.post("/verify/", {"file": SimpleUploadedFile("c", b"x")}))


def test_issued_at_the_counter(world: World, clock: Callable[[datetime], None]) -> None:
    person = world.volunteer()
    world.verified(person)
    clock(at(18))
    worker = browser(world.worker)
    values = {"person": person.volunteer.number, "since": "2026-01-01", "until": "2026-03-05"}
    assert worker.get("/certificates/issue/").status_code == 200
    assert worker.post("/certificates/issue/", values).status_code == 302
    response = worker.post("/certificates/issue/", {**values, "person": "nobody"})
    assert response.status_code == 422
    assert browser(person).get("/certificates/issue/").status_code == 403


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_within_ten_queries(
    world: World, clock: Callable[[datetime], None], max_queries: Callable[[int], Any], language: str
) -> None:
    people = [world.volunteer() for _ in range(12)]
    records = [world.verified(person) for person in people[:8]]
    world.draft(people[8])
    clock(at(18))
    services.issue(person=people[0], since=at(9).date(), until=at(9).date(), by=world.actor(people[0]), now=at(18))
    number = Certificate.objects.get().number
    activity = world.activity.pk
    mine = ["/day/", f"/day/{activity}/", "/records/", "/records/ledger/", f"/records/{records[0].pk}/", "/certificates/"]
    mine += [f"/certificates/{number}/", f"/certificates/{number}/pdf/"]
    leads = [
        "/day/",
        f"/day/{activity}/screen/",
        f"/day/{activity}/screen/code/",
        f"/day/{activity}/screen/people/",
        "/records/queue/",
    ]
    leads += ["/records/queue/verify/", f"/records/activity/{activity}/", f"/records/{records[1].pk}/"]
    for who, addresses in ((people[0], mine), (world.leader, leads), (world.worker, leads[1:])):
        client = browser(who, language)
        client.get("/records/")
        for address in addresses:
            with max_queries(12 if "queue" in address else 10):
                assert client.get(address).status_code == 200, address
    for address in ("/verify/", f"/verify/{number}/"):
        with max_queries(4):
            assert Client().get(address).status_code == 200
