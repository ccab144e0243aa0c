"""Two at once, in real threads on a database that really commits."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from qunli.cases import services
from qunli.cases.checking import check_cases
from qunli.cases.models import Case, CaseEvent
from qunli.files.models import Attachment
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from tests.cases.conftest import NOW, build_place
from tests.cases.test_services import picture

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Each job in a thread of its own, started together; what it gave or raised."""
    results: list[Any] = [None] * len(jobs)
    ready = threading.Barrier(len(jobs))

    def work(n: int) -> None:
        try:
            ready.wait()
            results[n] = jobs[n]() or "done"
        except Exception as error:
            results[n] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_teams_take_one_request_and_the_second_is_told() -> None:
    place = build_place()
    for _volley in range(5):
        case = place.ask()
        services.dispatch(case=case, to=[place.unit(), place.unit(place.other)], by=place.actor(place.worker), now=NOW)
        jobs = []
        for leader, team in ((place.leader, place.team), (place.rival, place.other)):
            actor, unit, own = place.actor(leader), place.unit(team), Case.objects.get(pk=case.pk)
            jobs.append(lambda a=actor, u=unit, c=own: services.take(case=c, unit=u, by=a, now=NOW))
        results = at_once(jobs)
        losers = [result for result in results if isinstance(result, Refused)]
        assert [results.count("done"), len(losers)] == [1, 1], results
        winner = place.team if results[0] == "done" else place.other
        case.refresh_from_db()
        assert (case.state, case.owner_unit) == ("signed_for", winner.unit)
        assert losers[0].code == "taken"
        assert winner.name in str(losers[0].message)
        assert CaseEvent.objects.filter(case=case, verb="take").count() == 1


def test_merging_both_ways_at_once_leaves_one_lead() -> None:
    place = build_place()
    one, other = place.ask(), place.ask()
    worker = place.actor(place.worker)
    results = at_once(
        [
            lambda: services.merge(lead=one, others=[other], by=worker, now=NOW),
            lambda: services.merge(lead=other, others=[one], by=worker, now=NOW),
        ]
    )
    assert sum(isinstance(result, Refused) for result in results) == 1, results
    assert Case.objects.filter(state="merged").count() == 1


def test_returned_and_answered_at_once_is_one_of_them() -> None:
    place = build_place()
    case = place.taken()
    leader = place.actor(place.leader)
    results = at_once(
        [
            lambda: services.give_back(case=Case.objects.get(pk=case.pk), reason="不会修", by=leader, now=NOW),
            lambda: services.reply(case=Case.objects.get(pk=case.pk), text="修好了。", channel="visit", by=leader, now=NOW),
        ]
    )
    assert sum(isinstance(result, Exception) for result in results) == 1, results
    assert check_cases(local_date(NOW)).errors == []


def test_many_files_at_once_stop_at_the_cap() -> None:
    place = build_place()
    case, me = place.taken(), place.actor(place.resident)
    for _n in range(8):
        services.attach(case=case, file=picture(), by=me, now=NOW)
    results = at_once([lambda: services.attach(case=case, file=picture(), by=me, now=NOW)] * 6)
    assert (results.count("done"), sum(isinstance(result, Refused) for result in results)) == (2, 4), results
    assert Attachment.objects.filter(subject=f"case:{case.pk}").count() == 10


def test_three_failed_contacts_at_once_are_one() -> None:
    place = build_place()
    case, worker = place.replied(), place.actor(place.worker)
    results = at_once([lambda: services.visit_back(case=Case(pk=case.pk), reached=False, by=worker, now=NOW)] * 3)
    assert sum(isinstance(result, Refused) for result in results) == 2, results
    case.refresh_from_db()
    assert (case.state, case.failed_contacts) == ("replied", 1)
