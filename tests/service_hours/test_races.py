"""Two who act on one record at once, in real threads on a database that really commits: one wins, the other is told."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from qunli.kernel.errors import Refused
from qunli.people.models import Person
from qunli.service_hours import services
from qunli.service_hours.checking import check_ledger
from qunli.service_hours.enums import ServedRole
from qunli.service_hours.models import HourEntry, ServedStatement, ServiceRecord
from qunli.service_hours.services.records import only
from qunli.volunteering.models import Volunteer
from tests import factories
from tests.service_hours.conftest import World, at

VOLLEYS = 4


def at_once(*jobs: Callable[[], Any]) -> list[str]:
    """Start the jobs together; "" for each that went through, the code of what refused it otherwise."""
    results = ["?"] * len(jobs)
    ready = threading.Barrier(len(jobs))

    def work(number: int) -> None:
        try:
            ready.wait()
            jobs[number]()
            results[number] = ""
        except Refused as refused:
            results[number] = refused.code
        except Exception as error:
            results[number] = repr(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def verify(world: World, record: ServiceRecord, by: Person) -> Callable[[], Any]:
    actor = world.actor(by)
    return lambda: only(services.verify(records=[record], by=actor, now=at(13)))


def void(world: World, record: ServiceRecord, by: Person) -> Callable[[], Any]:
    actor = world.actor(by)
    return lambda: services.void(record=record, reason="没有到场", by=actor, now=at(13))


def minutes_of(record: ServiceRecord) -> int:
    return HourEntry.objects.filter(record=record).aggregate(sum=Sum("minutes"))["sum"] or 0


def second(world: World) -> Person:
    """Another officer of the district."""
    person = factories.person(name="另一位干部")
    factories.posting(person, "district_officer", world.officer.postings.get().division)
    return person


def test_one_verifies_and_one_voids(committed_world: World) -> None:
    """Whoever comes first: the hours are taken back in the end, or were never earned; nothing in between."""
    world = committed_world
    for _volley in range(VOLLEYS):
        person = world.volunteer()
        record = world.submitted(person)
        verified, voided = at_once(verify(world, record, world.worker), void(world, record, world.officer))
        assert voided == ""
        entries = list(HourEntry.objects.filter(record=record).order_by("turn").values_list("minutes", flat=True))
        assert (verified, entries) in (("", [120, -120]), ("state", []))
        record.refresh_from_db()
        assert record.state == "void"
        assert Volunteer.objects.get(person=person).minutes == 0
    assert not check_ledger().errors


@pytest.mark.parametrize("verb", [verify, void])
def test_two_do_the_same(committed_world: World, verb: Callable[[World, ServiceRecord, Person], Callable[[], Any]]) -> None:
    world = committed_world
    other = second(world)
    for _volley in range(VOLLEYS):
        person = world.volunteer()
        record = world.submitted(person) if verb is verify else world.verified(person)
        assert sorted(at_once(verb(world, record, world.officer), verb(world, record, other))) == ["", "state"]
        expected = 120 if verb is verify else 0
        assert (minutes_of(record), Volunteer.objects.get(person=person).minutes) == (expected, expected)
    assert not check_ledger().errors


def test_who_was_served_says_yes_and_no_at_once(committed_world: World, settings: Any) -> None:
    """Two who hold the link: the first word stands, the other changes nothing."""
    settings.SMS_SENDER = "qunli.notices.sms.InboxSender"
    world = committed_world
    for volley in range(VOLLEYS):
        record = world.verified(world.volunteer())
        asked, _token = services.ask_served(
            records=[record], phone=f"1390000111{volley}", role=ServedRole.PERSON, by=world.actor(world.leader), now=at(12)
        )
        say = [
            lambda came=came, asked=asked: services.say_served(
                statement=ServedStatement.objects.get(pk=asked.pk), came=came, lines=None, now=at(13)
            )
            for came in (True, False)
        ]
        assert at_once(*say) == ["", ""]
        asked.refresh_from_db()
        assert [line.there for line in asked.lines.all()] == [asked.answer == "came"]
