"""Many at once, in real threads on a database that really commits."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from qunli.kernel.actor import SYSTEM
from qunli.people.models import Person
from qunli.volunteering import signing_up
from qunli.volunteering.matching.finding import Candidate, Match
from qunli.volunteering.models import Activity, Invitation, Post, SignUp
from qunli.volunteering.services import cancel_sign_up, invite
from tests import factories as make
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the jobs in THREADS threads that start together; results in the order of the jobs."""
    results: list[Any] = [None] * len(jobs)
    ready = threading.Barrier(THREADS)

    def work(first: int) -> None:
        try:
            ready.wait()
            for n in range(first, len(jobs), THREADS):
                try:
                    results[n] = jobs[n]()
                except Exception as error:
                    results[n] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def volunteers(number: int) -> list[int]:
    """Persons who are volunteers; each with a birth date of its own, since a day has only 500 identity numbers."""
    return [make.volunteer(make.person(birth_date=date(1980, 1, 1) + timedelta(days=n))).person_id for n in range(number)]


def ask(person: int, post: int, *, wait: bool = False) -> Callable[[], Any]:
    return lambda: signing_up.run(post=post, person=person, by=Self(person), now=timezone.now(), wait=wait).code


def check_counters() -> None:
    for post in Post.objects.all():
        holding = SignUp.objects.filter(post=post, state__in=["confirmed", "attended", "no_show"]).count()
        assert post.taken == holding <= post.places
    for activity in Activity.objects.all():
        posts = activity.posts.all()
        assert (activity.places, activity.taken) == (sum(p.places for p in posts), sum(p.taken for p in posts))


def test_two_hundred_race_for_twenty_places() -> None:
    persons = volunteers(200)
    for _volley in range(3):
        post = make.post(make.activity(starts_at=timezone.now() + timedelta(days=1 + 10 * _volley)), places=20)
        results = at_once([ask(person, post.pk) for person in persons for _click in range(2)])
        assert Counter(results) == Counter(confirmed=20, already=20, full=360)
    check_counters()


def test_one_person_two_overlapping_activities_at_once() -> None:
    start = timezone.now() + timedelta(days=1)
    posts = [make.post(make.activity(starts_at=start + timedelta(minutes=30 * n))) for n in range(3)]
    for _round in range(5):
        person = make.volunteer().person_id
        results = Counter(at_once([ask(person, post.pk) for post in posts]))
        assert results == Counter(confirmed=1, overlap=2)
    check_counters()


def test_one_person_two_posts_of_one_activity_at_once() -> None:
    activity = make.activity()
    posts = [make.post(activity), make.post(activity)]
    for _round in range(5):
        person = make.volunteer().person_id
        assert Counter(at_once([ask(person, post.pk) for post in posts])) == Counter(confirmed=1, already=1)
    check_counters()


def test_cancelling_and_signing_up_at_once_never_overfills() -> None:
    post = make.post(places=5)
    inside, outside = volunteers(5), volunteers(20)
    assert set(at_once([ask(person, post.pk) for person in inside])) == {"confirmed"}
    leaving = [SignUp.objects.get(post=post, person=person) for person in inside]

    def cancel(sign_up: SignUp) -> Callable[[], Any]:
        return lambda: cancel_sign_up(sign_up=sign_up, by=Self(sign_up.person_id), now=timezone.now())

    results = at_once([*(ask(person, post.pk, wait=True) for person in outside), *(cancel(s) for s in leaving)])
    assert not [r for r in results if isinstance(r, Exception)]
    check_counters()
    post.refresh_from_db()
    assert post.taken == 5, "the waiting list filled what was given back"
    assert SignUp.objects.filter(post=post, state="waiting").count() == 15
    confirmed = SignUp.objects.filter(post=post, state="confirmed")
    waiting = SignUp.objects.filter(post=post, state="waiting")
    assert confirmed.count() == 5
    assert waiting.count() == 15


def test_many_leaders_ask_the_same_few_at_once_and_nobody_is_asked_above_the_cap() -> None:
    """Sixteen activities, four people, all at once: three invitations each, whoever comes first."""
    now = timezone.now()
    people = volunteers(4)
    for person in people:
        make.consent(Person.objects.get(pk=person), "matching")
    posts = [make.post(make.activity(starts_at=now + timedelta(days=2 + n))) for n in range(16)]
    match = Match(1000, 2000, (), 500)

    def ask_all(post: Post) -> Callable[[], Any]:
        return lambda: invite(post=post, chosen=[Candidate(person, "", "", match) for person in people], by=SYSTEM, now=now).sent

    sent = at_once([ask_all(post) for post in posts])
    assert [answer for answer in sent if not isinstance(answer, int)] == []
    counted = Counter(Invitation.objects.values_list("person", flat=True))
    assert counted == dict.fromkeys(people, 3)
    assert sum(sent) == 12
    # Once more, when all is quiet: nobody may be asked again.
    assert [ask_all(post)() for post in posts[:3]] == [0, 0, 0]
