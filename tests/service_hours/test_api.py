"""The API of the room: the whole day by program, scopes, and refusals with code and field."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qunli.accounts.services import issue_token
from qunli.kernel.actor import SYSTEM
from qunli.kernel.codes import rotating_code
from qunli.people.models import Person
from qunli.service_hours.models import ServiceRecord
from tests import factories
from tests.service_hours.conftest import World, at

ALL = ("attendance:write", "records:read", "records:write", "certificates:read", "certificates:write")
BASE = "/api/v1/service_hours"


@pytest.fixture
def clock(frozen: Any, world: World) -> Callable[[datetime], None]:
    def set_to(moment: datetime) -> None:
        frozen.now = moment

    set_to(at(9))
    return set_to


def program(person: Person, scopes: tuple[str, ...] = ALL) -> Client:
    account = person.accounts.first() or factories.account(person)
    token = issue_token(account=account, name="test", scopes=list(scopes), days=1, by=SYSTEM)
    return Client(headers={"authorization": f"Bearer {token}"})


def post(client: Client, path: str, data: dict[str, Any] | None = None) -> Any:
    return client.post(BASE + path, data or {}, content_type="application/json")


def code_of(world: World, moment: datetime) -> str:
    return rotating_code(bytes(world.activity.code_seed), moment)


def test_the_whole_day(world: World, clock: Callable[[datetime], None], max_queries: Callable[[int], Any]) -> None:
    person = world.volunteer("王小明")
    me, leader, worker = program(person), program(world.leader), program(world.worker)
    here = f"/activities/{world.activity.pk}"
    code = leader.get(f"{BASE}{here}/code").json()
    assert code["code"] == code_of(world, at(9))
    record = post(me, f"{here}/sign-in", {"code": code["code"]}).json()
    assert (record["state"], record["person"]) == ("present", "王小明")
    assert [(row["name"], row["presence"]) for row in leader.get(f"{BASE}{here}/attendance").json()] == [("王小明", "present")]
    clock(at(10, 30))
    assert post(me, f"{here}/sign-out", {"code": code_of(world, at(10, 30))}).json()["minutes"] == 90
    clock(at(12))
    key = record["id"]
    assert leader.get(f"{BASE}/queue/submit").json()["items"][0]["records"] == 1
    assert post(leader, "/records/submit", {"records": [key]}).json() == {"done": [key], "refused": []}
    assert post(worker, f"/records/{key}/verify").json()["state"] == "verified"
    again = post(worker, f"/records/{key}/verify")
    assert (again.status_code, again.json()["code"]) == (409, "state")
    assert me.get(f"{BASE}/totals").json()["minutes"] == 90
    assert [entry["minutes"] for entry in me.get(f"{BASE}/ledger").json()["items"]] == [90]
    with max_queries(8):
        assert [row["id"] for row in me.get(f"{BASE}/records").json()["items"]] == [key]
    made = post(me, "/certificates", {"since": "2026-01-01", "until": "2026-03-05"}).json()
    file = me.get(f"{BASE}/certificates/{made['number']}/pdf")
    assert file.content.startswith(b"%PDF")
    verdict = Client().get(f"{BASE}/verify/{made['number']}").json()
    assert (verdict["verdict"], verdict["paper"]["name"]) == ("valid", "王**")
    upload = Client().post(f"{BASE}/verify", {"file": SimpleUploadedFile("c.pdf", file.content)}).json()
    assert upload["verdict"] == "valid"
    assert post(me, f"/records/{key}/dispute", {"reason": "多算了"}).json()["state"] == "disputed"
    times = {"signed_in_at": "2026-03-05T09:00:00+08:00", "signed_out_at": "2026-03-05T10:00:00+08:00", "reason": "按签到表"}
    assert post(worker, f"/records/{key}/correct", times).json()["minutes"] == 60
    assert Client().get(f"{BASE}/verify/{made['number']}").json()["verdict"] == "revoked"
    assert [entry["minutes"] for entry in me.get(f"{BASE}/records/{key}/entries").json()] == [90, -90, 60]


def test_without_a_phone(world: World, clock: Callable[[datetime], None]) -> None:
    leader = program(world.leader)
    sign_up = world.activity.sign_ups.get(person=world.volunteer())
    record = post(leader, f"/sign-ups/{sign_up.pk}/sign-in").json()
    assert record["in_method"] == "leader"
    refused = post(leader, f"/records/{record['id']}/sign-out", {"at": "2026-03-05T09:00:00+08:00"})
    assert (refused.status_code, refused.json()["field"]) == (409, "reason")
    stranger = world.volunteer(signed_up=False)
    assert post(leader, f"/activities/{world.activity.pk}/walk-ins", {"volunteer": stranger.volunteer.number}).status_code == 200
    refused = post(leader, f"/activities/{world.activity.pk}/walk-ins", {"volunteer": "nobody"})
    assert (refused.status_code, refused.json()["field"]) == (409, "volunteer")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"code": "000"}, 409, "code_form"),
        ({"place": {"longitude": 104.2, "latitude": 30.65}}, 409, "no_consent"),
        ({"place": {"longitude": 999, "latitude": 30.65}}, 422, "invalid"),
        ({"place": {"longitude": "NaN", "latitude": 30.65}}, 422, "invalid"),
        ({"code": "x" * 100}, 422, "invalid"),
        ({"code": "\x00"}, 422, "invalid"),
    ],
)
def test_bad_input(world: World, clock: Callable[[datetime], None], data: dict[str, Any], status: int, code: str) -> None:
    response = post(program(world.volunteer()), f"/activities/{world.activity.pk}/sign-in", data)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not ServiceRecord.objects.exists()


def test_times_without_a_zone_are_refused(world: World, clock: Callable[[datetime], None]) -> None:
    record = world.present(world.volunteer())
    naive = {"signed_in_at": "2026-03-05T09:00:00", "signed_out_at": "2026-03-05T10:00:00", "reason": "x"}
    assert post(program(world.leader), f"/records/{record.pk}/times", naive).status_code == 422


def test_scopes_and_reach(world: World, clock: Callable[[datetime], None]) -> None:
    person, other = world.volunteer(), world.volunteer()
    record = world.verified(person)
    reader = program(person, ("records:read",))
    assert reader.get(f"{BASE}/records").status_code == 200
    assert post(reader, f"/records/{record.pk}/confirm").status_code in (401, 403)
    assert reader.get(f"{BASE}/certificates").status_code in (401, 403)
    assert Client().get(f"{BASE}/records").status_code == 401
    for path in (f"/records/{record.pk}", f"/records/{record.pk}/entries"):
        assert program(other).get(BASE + path).status_code == 404
    assert program(other).get(f"{BASE}/activities/{world.activity.pk}/attendance").status_code == 404
    assert program(other).get(f"{BASE}/queue/verify").status_code == 403
    assert post(program(other), "/records/verify", {"records": [record.pk]}).status_code == 404
    assert program(other).get(f"{BASE}/records", {"cursor": "nonsense"}).status_code == 409


def test_the_list_takes_as_many_queries_for_twenty_as_for_one(world: World, clock: Callable[[datetime], None]) -> None:
    """What a line says is read with the rows: no field is fetched one by one."""
    person = world.volunteer()
    me, counts = program(person), []
    world.present(person)
    me.get(f"{BASE}/records")  # the token's first use is noted
    for number in range(3):
        if number:
            activity = factories.activity(world.team, starts_at=at(9, days=number))
            factories.record(factories.sign_up(person, factories.post(activity)))
        with CaptureQueriesContext(connection) as asked:
            assert len(me.get(f"{BASE}/records").json()["items"]) == number + 1
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 5
