"""Findings: found once, answered, decided; what is upheld takes the hours and the proofs with it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import Error, transaction
from django.test import Client

from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import Notice
from qunli.people.models import Person
from qunli.service_hours import services
from qunli.service_hours.checking import check_ledger
from qunli.service_hours.integrity.judging import Limits, judge
from qunli.service_hours.integrity.keeping import check_all, check_records
from qunli.service_hours.integrity.loading import around, load
from qunli.service_hours.models import Finding, ServiceRecord
from qunli.volunteering.models import Volunteer
from tests import factories
from tests.roles import client_of
from tests.service_hours.conftest import World, at
from tests.service_hours.test_api import post, program

NIGHT = at(2, 40, days=1)
LATE = at(9, days=30)


def own_recorded(world: World) -> ServiceRecord:
    """Verified hours whose recorder is the volunteer, which only a hand in the database can have made."""
    record = world.verified(world.volunteer())
    ServiceRecord.objects.filter(pk=record.pk).update(recorded_by=record.person_id)
    record.refresh_from_db()
    return record


def found(world: World) -> Finding:
    own_recorded(world)
    assert check_all(now=NIGHT) == 1
    return Finding.objects.get()


def inspector(world: World) -> Person:
    return world.officer


def test_found_once_and_who_is_concerned_is_told(world: World) -> None:
    record = own_recorded(world)
    assert check_records([record.pk], now=NIGHT) == 1
    assert check_all(now=NIGHT) == 0
    finding = Finding.objects.get()
    assert (finding.record_id, finding.kind, finding.severity, finding.state) == (record.pk, "own-recorder", "suspicious", "open")
    assert finding.facts == {"recorder_is_volunteer": True}
    assert finding.reply_until == date(2026, 3, 20)
    told = Notice.objects.filter(template="service_hours/hours_questioned").values_list("person", flat=True)
    assert sorted(told) == sorted([record.person_id, world.leader.pk])


def test_as_they_come_in_and_at_night_alike(world: World) -> None:
    """From the database: overlap (which signing in refuses) and a crowd entered in the same minute."""
    records = [world.verified(world.volunteer()) for _ in range(12)]
    other = factories.activity(world.team, starts_at=at(10), title="另一场")
    again = factories.record(
        factories.sign_up(records[0].person, factories.post(other)),
        state="verified", signed_in_at=at(10), signed_out_at=at(12), minutes=120, in_method="code", out_method="code",
    )  # fmt: skip
    limits, since = Limits.on(date(2026, 3, 5)), at(0, days=-90)
    night = {(each.kind, each.record, each.others) for each in judge(load(since), limits=limits)}
    assert {kind for kind, _record, _others in night} == {"overlap", "bulk-identical"}
    assert {record for kind, record, _others in night if kind == "bulk-identical"} == {record.pk for record in records}
    assert ("overlap", again.pk, (records[0].pk,)) in night
    part = judge(around([again.pk, records[3].pk], since, largest_ring=limits.largest_ring), limits=limits)
    mine = {records[0].pk, again.pk, records[3].pk}
    assert {(each.kind, each.record, each.others) for each in part if each.record in mine} >= {
        each for each in night if each[1] in (again.pk, records[3].pk)
    }


def test_loading_gives_what_the_rows_say(world: World) -> None:
    record = own_recorded(world)
    rows = load(at(0))
    assert len(rows) == 1
    assert (rows.record[0], rows.person[0], rows.recorder[0], rows.verifier[0]) == (
        record.pk, record.person_id, record.person_id, world.worker.pk,
    )  # fmt: skip
    assert (rows.signed_in[0], rows.ends[0]) == (int(at(9).timestamp()), int(at(11).timestamp()))
    assert (rows.minutes[0], rows.distance[0], rows.radius[0]) == (120, -1, world.activity.radius)
    assert len(load(at(10))) == 0


def test_upheld_takes_hours_and_proofs(world: World) -> None:
    finding = found(world)
    person = finding.record.person
    today = date(2026, 3, 6)
    proof = services.issue(person=person, since=today - timedelta(days=7), until=today, by=world.actor(person), now=NIGHT)
    services.reply_to(finding=finding, reply="我自己补的，忘了请队长签。", by=world.actor(person), now=NIGHT)
    officer = world.actor(inspector(world))
    decided = services.uphold_finding(finding=finding, reason="没有人能证明到场", by=officer, now=at(10, days=1))
    assert (decided.state, decided.reason) == ("upheld", "没有人能证明到场")
    finding.record.refresh_from_db()
    proof.refresh_from_db()
    assert (finding.record.state, proof.state, Volunteer.objects.get(person=person).minutes) == ("void", "revoked", 0)
    assert not check_ledger().errors
    assert Notice.objects.filter(template="service_hours/hours_void", person=person).exists()


def test_nobody_is_judged_unheard(world: World) -> None:
    finding, officer = found(world), world.actor(inspector(world))
    with pytest.raises(Refused) as refused:
        services.uphold_finding(finding=finding, reason="x", by=officer, now=at(10, days=1))
    assert refused.value.code == "reply_time"
    assert services.uphold_finding(finding=finding, reason="没有答复", by=officer, now=LATE).state == "upheld"


def test_dismissed_leaves_the_hours(world: World) -> None:
    finding = found(world)
    services.dismiss(finding=finding, reason="队长在场，录入有误", by=world.actor(inspector(world)), now=at(10, days=1))
    finding.record.refresh_from_db()
    assert finding.record.state == "verified"
    assert Notice.objects.filter(template="service_hours/hours_cleared", person=finding.record.person).exists()
    assert check_all(now=NIGHT + timedelta(days=1)) == 0
    with pytest.raises(Refused) as refused:
        services.uphold_finding(finding=finding, reason="x", by=world.actor(inspector(world)), now=LATE)
    assert refused.value.code == "state"


def test_who_may_what(world: World) -> None:
    finding = found(world)
    stranger = world.volunteer()
    for who in (stranger, world.officer):
        if who != world.officer:
            with pytest.raises(Denied):
                services.reply_to(finding=finding, reply="x", by=world.actor(who), now=NIGHT)
            assert not Finding.objects.visible_to(world.actor(who)).exists()
    for who in (stranger, world.leader, world.worker, finding.record.person):
        with pytest.raises(Denied):
            services.dismiss(finding=finding, reason="x", by=world.actor(who), now=LATE)
    ServiceRecord.objects.filter(pk=finding.record_id).update(verified_by=world.officer)
    with pytest.raises(Denied):
        services.dismiss(finding=finding, reason="x", by=world.actor(world.officer), now=LATE)


def test_the_database_keeps_what_was_found(world: World) -> None:
    finding = found(world)
    for change in ({"facts": {}}, {"kind": "ring"}, {"state": "upheld"}):
        with pytest.raises(Error), transaction.atomic():
            Finding.objects.filter(pk=finding.pk).update(**change)
    with pytest.raises(Error), transaction.atomic():
        finding.delete()
    with pytest.raises(Error, match="finding_once"), transaction.atomic():
        factories.finding(finding.record)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_pages(world: World, language: str) -> None:
    finding = found(world)
    person = finding.record.person

    def browser(who: Person) -> Client:
        return client_of(who.accounts.first() or factories.account(who), language=language)

    listed = browser(world.officer).get("/findings/").content.decode()
    words = {"zh-hans": "记录人就是本人", "en": "The recorder is the volunteer"}[language]
    assert words in listed
    assert browser(person).get("/findings/").status_code == 403
    page = browser(person).get(f"/findings/{finding.pk}/")
    assert words in page.content.decode()
    assert browser(world.volunteer()).get(f"/findings/{finding.pk}/").status_code == 404
    assert f"/findings/{finding.pk}/" in browser(person).get(f"/records/{finding.record_id}/").content.decode()
    assert browser(person).post(f"/findings/{finding.pk}/reply/", {"reply": ""}).status_code == 422
    assert browser(person).post(f"/findings/{finding.pk}/reply/", {"reply": "我在场"}).status_code == 302
    assert browser(person).post(f"/findings/{finding.pk}/decide/", {"reason": "x"}).status_code == 403
    judge_ = browser(world.officer)
    assert "我在场" in judge_.get(f"/findings/{finding.pk}/").content.decode()
    assert judge_.post(f"/findings/{finding.pk}/decide/", {"reason": "查实"}).status_code == 400, "no decision is none"
    assert judge_.post(f"/findings/{finding.pk}/decide/", {"reason": "查实", "decision": "x"}).status_code == 400
    assert judge_.post(f"/findings/{finding.pk}/decide/", {"reason": "\u200b", "decision": "uphold"}).status_code == 422
    assert judge_.post(f"/findings/{finding.pk}/decide/", {"reason": "", "decision": "uphold"}).status_code == 422
    assert judge_.post(f"/findings/{finding.pk}/decide/", {"reason": "查实", "decision": "uphold"}).status_code == 302
    finding.record.refresh_from_db()
    assert finding.record.state == "void"
    assert words in judge_.get("/findings/?which=decided").content.decode()


def test_programs(world: World, frozen: Any) -> None:
    frozen.now = NIGHT
    finding = found(world)
    person, base = finding.record.person, "/api/v1/service_hours/findings"
    reader, me = program(world.officer, ("records:read",)), program(person, ("records:read", "records:write"))
    listed = reader.get(base).json()["items"]
    assert [(one["id"], one["kind"], one["state"]) for one in listed] == [(finding.pk, "own-recorder", "open")]
    assert reader.get(base, {"which": "decided"}).json()["items"] == []
    assert me.get(base).status_code == 403
    one = me.get(f"{base}/{finding.pk}").json()
    assert (one["person"], one["facts"], one["others"]) == (person.name, {"recorder_is_volunteer": True}, [])
    masked = reader.get(f"{base}/{finding.pk}").json()["person"]
    assert (masked[0], set(masked[1:])) == (person.name[0], {"*"}), "to inspect is not to answer for the activity"
    assert program(world.volunteer(), ("records:read",)).get(f"{base}/{finding.pk}").status_code == 404
    refused = post(me, f"/findings/{finding.pk}/reply", {"reply": " "})
    assert (refused.status_code, refused.json()["field"]) == (409, "reply")
    assert post(reader, f"/findings/{finding.pk}/reply", {"reply": "x"}).status_code in (401, 403), "another scope"
    assert post(me, f"/findings/{finding.pk}/reply", {"reply": "我在场"}).json()["state"] == "answered"
    uphold = {"decision": "uphold", "reason": "查实"}
    assert post(me, f"/findings/{finding.pk}/decide", uphold).status_code in (401, 403)
    assert post(program(person, ("findings:write",)), f"/findings/{finding.pk}/decide", uphold).status_code == 403
    judge_ = program(world.officer, ("findings:write",))
    assert post(judge_, f"/findings/{finding.pk}/decide", {"decision": "perhaps", "reason": "x"}).status_code == 422
    assert post(judge_, f"/findings/{finding.pk}/decide", uphold).json()["state"] == "upheld"
    again = post(judge_, f"/findings/{finding.pk}/decide", uphold)
    assert (again.status_code, again.json()["code"]) == (409, "state")
    finding.record.refresh_from_db()
    assert finding.record.state == "void"
