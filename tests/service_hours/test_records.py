"""The record and the ledger: who may, what is written, and that the kept total is the ledger's sum whatever happens."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.kernel.errors import Denied, Refused
from qunli.service_hours import services
from qunli.service_hours.checking import check_ledger
from qunli.service_hours.models import HourEntry, ServiceRecord
from qunli.volunteering.models import Volunteer
from tests import factories
from tests.service_hours.conftest import World, at, build


def minutes_of(person: Any) -> int:
    return Volunteer.objects.get(person=person).minutes


def test_the_whole_way(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    assert (record.state, record.minutes, minutes_of(person)) == ("verified", 120, 120)
    record = services.confirm(record=record, by=world.actor(person), now=at(14))
    assert record.state == "confirmed"
    record = services.dispute(record=record, reason="我十点半才走", by=world.actor(person), now=at(15))
    assert record.state == "disputed"
    record = services.correct(
        record=record, signed_in_at=at(9), signed_out_at=at(10, 30), reason="按签到表", by=world.actor(world.worker), now=at(16)
    )
    assert (record.state, record.minutes, minutes_of(person)) == ("corrected", 90, 90)
    assert [(e.kind, e.turn, e.minutes) for e in record.entries.order_by("turn")] == [
        ("earned", 0, 120),
        ("reversal", 1, -120),
        ("earned", 2, 90),
    ]
    record = services.void(record=record, reason="不是志愿服务", by=world.actor(world.officer), now=at(17))
    assert (record.state, minutes_of(person)) == ("void", 0)
    assert not check_ledger().errors


def test_upheld(world: World) -> None:
    person = world.volunteer()
    record = services.dispute(record=world.verified(person), reason="少算了", by=world.actor(person), now=at(15))
    record = services.uphold(record=record, reason="签到表如此", by=world.actor(world.worker), now=at(16))
    assert (record.state, minutes_of(person)) == ("verified", 120)


def test_nobody_verifies_own_hours(world: World) -> None:
    """The leader's hours are verified by the level above, and the database agrees."""
    factories.sign_up(world.leader, world.post)
    record = world.submitted(world.leader)
    done = services.verify(records=[record], by=world.actor(world.leader), now=at(13))
    assert [refused.code for _r, refused in done.refused] == ["own"]
    with pytest.raises(Error, match="record_not_own_verifier"), transaction.atomic():
        ServiceRecord.objects.filter(pk=record.pk).update(verified_by=world.leader)
    assert services.verify(records=[record], by=world.actor(world.worker), now=at(13)).records


def test_who_may_what(world: World) -> None:
    person, other = world.volunteer(), world.volunteer()
    record = world.submitted(person)
    outside = factories.person()
    factories.posting(outside, "street_officer", factories.division(factories.Level.STREET, factories.OTHER_DISTRICT))
    other_leader = factories.leader(factories.team()).person
    for who in (other, outside, other_leader):
        with pytest.raises(Denied):
            services.verify(records=[record], by=world.actor(who), now=at(13))
        with pytest.raises(Denied):
            services.submit(records=[record], by=world.actor(who), now=at(13))
        with pytest.raises(Denied):
            services.void(record=record, reason="x", by=world.actor(who), now=at(13))
        with pytest.raises(Denied):
            services.confirm(record=record, by=world.actor(who), now=at(13))
        assert not ServiceRecord.objects.visible_to(world.actor(who)).filter(pk=record.pk).exists()
        assert not HourEntry.objects.visible_to(world.actor(who)).exists()
    with pytest.raises(Denied):  # voiding is for officers
        services.void(record=record, reason="x", by=world.actor(world.leader), now=at(13))
    for who in (person, world.leader, world.worker, world.officer):
        assert ServiceRecord.objects.visible_to(world.actor(who)).filter(pk=record.pk).exists()


@pytest.mark.parametrize("verb", ["submit", "verify"])
def test_twice_is_told(world: World, verb: str) -> None:
    record = world.submitted(world.volunteer()) if verb == "submit" else world.verified(world.volunteer())
    done = getattr(services, verb)(records=[record], by=world.actor(world.worker), now=at(14))
    assert [refused.code for _r, refused in done.refused] == ["state"]
    assert record.entries.count() == (0 if verb == "submit" else 1)


def test_a_reason_is_wanted(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    for call, by in ((services.dispute, person), (services.void, world.officer)):
        for reason, code in (("  ", "reason"), ("长" * 301, "reason_long")):
            with pytest.raises(Refused) as refused:
                call(record=record, reason=reason, by=world.actor(by), now=at(14))
            assert (refused.value.code, refused.value.field) == (code, "reason")


def test_sent_back(world: World) -> None:
    record = world.submitted(world.volunteer())
    record = services.send_back(record=record, reason="时间不对", by=world.actor(world.worker), now=at(13))
    assert (record.state, record.state_reason) == ("draft", "时间不对")
    assert services.submit(records=[record], by=world.actor(world.leader), now=at(14)).records


def test_all_at_once(world: World) -> None:
    people = [world.volunteer() for _ in range(5)]
    drafts = [world.draft(person) for person in people[:4]]
    present = world.present(people[4])
    done = services.submit(records=[*drafts, present], by=world.actor(world.leader), now=at(12))
    assert len(done.records) == 4
    assert [refused.code for _r, refused in done.refused] == ["no_sign_out"]
    done = services.verify(records=done.records, by=world.actor(world.leader), now=at(13))
    assert len(done.records) == 4
    assert {minutes_of(person) for person in people} == {120, 0}


def test_people_are_told(world: World) -> None:
    from qunli.notices.models import Notice

    person = world.volunteer()
    record = world.verified(person)
    services.dispute(record=record, reason="少了", by=world.actor(person), now=at(14))
    services.uphold(record=record, reason="没少", by=world.actor(world.worker), now=at(15))
    services.void(record=record, reason="重复", by=world.actor(world.officer), now=at(16))
    told = list(Notice.objects.filter(person=person).order_by("pk").values_list("template", flat=True))
    assert told == ["service_hours/hours_verified", "service_hours/hours_upheld", "service_hours/hours_void"]
    assert set(Notice.objects.filter(template="service_hours/hours_disputed").values_list("person", flat=True)) == {
        world.leader.pk,
        world.worker.pk,
    }


def test_every_verb_is_in_the_audit(world: World) -> None:
    from qunli.audit.models import Event

    person = world.volunteer()
    record = services.void(record=world.verified(person), reason="x", by=world.actor(world.officer), now=at(14))
    verbs = set(Event.objects.filter(subject=f"record:{record.pk}").values_list("verb", flat=True))
    assert verbs == {f"service_hours.{verb}" for verb in ("sign_in_for", "sign_out_for", "submit", "verify", "void")}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE service_hours_hourentry SET minutes = 999",
        "UPDATE service_hours_hourentry SET reason = 'x'",
        "DELETE FROM service_hours_hourentry",
        "TRUNCATE service_hours_hourentry CASCADE",
    ],
)
def test_the_ledger_is_append_only(world: World, change: str) -> None:
    world.verified(world.volunteer())
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "earned", "turn": 0, "minutes": 5},  # a second one beside the live one
        {"kind": "earned", "turn": 2, "minutes": 5},  # the live one is not reversed
        {"kind": "earned", "turn": 1, "minutes": 5},
        {"kind": "reversal", "turn": 1, "minutes": -5, "reverses": True},  # not what was earned
        {"kind": "reversal", "turn": 3, "minutes": -120, "reverses": True},
        {"kind": "reversal", "turn": 1, "minutes": -120},
    ],
)
def test_the_database_refuses_what_is_no_chain(world: World, entry: dict[str, Any]) -> None:
    record = world.verified(world.volunteer())
    live = record.entries.get()
    values = {**entry, "reverses": live if entry.get("reverses") else None}
    with pytest.raises(Error), transaction.atomic():
        HourEntry.objects.create(record=record, person=record.person, **values)
    assert minutes_of(record.person) == 120


def test_the_database_refuses_another_persons_entry(world: World) -> None:
    record, other = world.submitted(world.volunteer()), world.volunteer()
    with pytest.raises(Error, match="another person"), transaction.atomic():
        HourEntry.objects.create(record=record, person=other, kind="earned", minutes=5)


def test_a_merge_moves_the_minutes(world: World) -> None:
    """One person found twice: the entries change hands, and so do the kept minutes."""
    record, other = world.verified(world.volunteer()), world.volunteer(signed_up=False)
    HourEntry.objects.filter(record=record).update(person=other)
    assert (minutes_of(record.person), minutes_of(other)) == (0, 120)


def test_verify_ledger_finds_what_is_wrong(world: World) -> None:
    person = world.volunteer()
    world.verified(person)
    assert check_ledger().wrong == 0
    Volunteer.objects.filter(person=person).update(minutes=999)
    found = check_ledger()
    assert found.wrong == 1
    assert "999" in found.errors[0]


VERBS: dict[str, Callable[[World, ServiceRecord, int], object]] = {
    "submit": lambda w, r, n: services.submit(records=[r], by=w.actor(w.leader), now=at(12)),
    "verify": lambda w, r, n: services.verify(records=[r], by=w.actor(w.worker), now=at(13)),
    "confirm": lambda w, r, n: services.confirm(record=r, by=w.actor(r.person), now=at(13)),
    "dispute": lambda w, r, n: services.dispute(record=r, reason="错", by=w.actor(r.person), now=at(13)),
    "uphold": lambda w, r, n: services.uphold(record=r, reason="对", by=w.actor(w.worker), now=at(14)),
    "correct": lambda w, r, n: services.correct(
        record=r, signed_in_at=at(9), signed_out_at=at(9, n), reason="改", by=w.actor(w.worker), now=at(14)
    ),
    "send_back": lambda w, r, n: services.send_back(record=r, reason="改", by=w.actor(w.worker), now=at(13)),
    "void": lambda w, r, n: services.void(record=r, reason="撤", by=w.actor(w.officer), now=at(15)),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.integers(0, 1), st.integers(1, 59)), max_size=14))
def test_whatever_happens_the_total_is_the_sum(db: None, steps: list[tuple[str, int, int]]) -> None:
    """Random sequences of verbs on two people's records: allowed or refused, ledger, totals and states agree."""
    sid = transaction.savepoint()
    try:
        world = build()
        records = [world.draft(world.volunteer()) for _ in range(2)]
        for verb, which, number in steps:
            try:
                with transaction.atomic():
                    VERBS[verb](world, records[which], number)
            except Refused:
                pass
        assert check_ledger().errors == []
        for record in records:
            record.refresh_from_db()
            live = [e for e in record.entries.all() if e.kind == "earned" and not e.reversed_by.exists()]
            counts = record.state in ("verified", "confirmed", "corrected", "disputed")
            assert [e.minutes for e in live] == ([record.minutes] if counts else [])
            assert minutes_of(record.person) == sum(e.minutes for e in record.entries.all())
    finally:
        transaction.savepoint_rollback(sid)


def together(*calls: Callable[[], object]) -> list[object]:
    """Run the calls at the same moment, each in a thread with a connection of its own; results or exceptions."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)  # type: list[object]

    def run(number: int, call: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            results[number] = call()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number, call)) for number, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.django_db(transaction=True)
def test_two_verify_at_once(committed_world: World) -> None:
    world = committed_world
    person = world.volunteer()
    record = world.submitted(person)
    results: Any = together(
        lambda: services.verify(records=[record], by=world.actor(world.worker), now=at(13)),
        lambda: services.verify(records=[record], by=world.actor(world.leader), now=at(13)),
    )
    assert sorted(len(done.records) for done in results) == [0, 1]
    assert [refused.code for done in results for _r, refused in done.refused] == ["state"]
    assert (record.entries.count(), minutes_of(person)) == (1, 120)


@pytest.mark.django_db(transaction=True)
def test_two_void_at_once(committed_world: World) -> None:
    world = committed_world
    person = world.volunteer()
    record = world.verified(person)
    results = together(
        *[lambda: services.void(record=record, reason="撤", by=world.actor(world.officer), now=at(14)) for _ in range(4)]
    )
    assert sum(isinstance(result, ServiceRecord) for result in results) == 1
    assert [result.code for result in results if isinstance(result, Refused)] == ["state"] * 3
    assert (record.entries.count(), minutes_of(person)) == (2, 0)


@pytest.mark.django_db(transaction=True)
def test_many_verify_the_same_people_at_once(committed_world: World) -> None:
    """Two activities with the same volunteers, verified in opposite orders: no deadlock, no minute lost."""
    world = committed_world
    people = [world.volunteer() for _ in range(6)]
    first = [world.submitted(person) for person in people]
    other = factories.post(factories.activity(world.team, starts_at=at(14), person_in_charge=world.leader))
    second = []
    for person in reversed(people):
        record = factories.record(
            factories.sign_up(person, other), signed_out_at=at(15), minutes=60, state="submitted", submitted_by=world.leader
        )
        second.append(record)
    results = together(
        lambda: services.verify(records=first, by=world.actor(world.worker), now=at(18)),
        lambda: services.verify(records=second, by=world.actor(world.leader), now=at(18)),
    )
    assert [len(done.records) for done in results] == [6, 6]  # type: ignore[attr-defined]
    assert {minutes_of(person) for person in people} == {180}
    assert check_ledger().wrong == 0
