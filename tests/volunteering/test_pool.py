"""The columns of matching: how they are made anew in a running server, and what holds while they are old."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from qunli.volunteering import services, tasks
from qunli.volunteering.matching import finding, pool, reading
from qunli.volunteering.models import Invitation, SignUp
from tests import factories as make
from tests.volunteering.test_invitations import asked, leader_of, tomorrow, willing
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Any, settings: Any) -> Any:
    settings.HOME = tmp_path
    pool.forget()
    yield tmp_path
    pool.forget()


def test_files_are_shared_and_replaced(home: Any) -> None:
    now = timezone.now()
    one = willing()
    assert pool.write(now) == 1
    two = willing()
    pool.forget()
    assert pool.everybody(now).people.person.tolist() == [one.person_id]
    assert isinstance(pool.everybody(now).people.x.base, np.memmap | np.ndarray)
    later = now + timedelta(minutes=10)
    assert pool.write(later) == 2
    pool.forget()
    assert set(pool.everybody(later).people.person.tolist()) == {one.person_id, two.person_id}
    assert len(list((home / "matching").glob("*/people/*"))) == 1
    pool.forget()
    assert len(pool.everybody(now + timedelta(hours=5)).people) == 2, "files that are too old are not used"


def test_a_running_process_takes_up_what_the_queue_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the version: the same files are not mapped again, newer ones are."""
    monkeypatch.setattr(pool, "LOOK", -1.0)
    now = timezone.now()
    one = willing()
    tasks.refresh_match_pool.func(0)
    first = pool.everybody(now)
    assert pool.everybody(now) is first
    two = willing()
    later = now + timedelta(minutes=10)
    assert pool.write(later) == 2
    second = pool.everybody(later)
    assert set(second.people.person.tolist()) == {one.person_id, two.person_id}
    assert first.people.person.tolist() == [one.person_id], "who still works with the older ones keeps them"


def test_what_is_open_is_shared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page reads no list of what is open while the queue writes it; when the queue stands still, a process reads by itself."""
    now = timezone.now()
    one = make.post()
    assert tasks.refresh_openings.func(0) == 1
    with monkeypatch.context() as patch:
        patch.setattr(reading, "openings", None)
        opened = pool.everything_open(now)
    read = reading.openings(now, reading.plane())
    assert opened.columns.post.tolist() == [one.pk]
    assert opened.teams.tolist() == read.teams.tolist()
    for name, column in vars(read.columns).items():
        assert getattr(opened.columns, name).tolist() == column.tolist()
    make.post()
    pool.forget()
    assert len(pool.everything_open(now + timedelta(minutes=6))) == 2


def test_files_of_another_release_are_not_used(home: Any) -> None:
    now = timezone.now()
    willing()
    pool.write(now)
    for file in (home / "matching").glob("*/people/*/community.npy"):
        file.unlink()
    pool.forget()
    assert len(pool.everybody(now).people.community) == 1


def test_a_city_is_read_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for n in range(5):
        willing(skills=["law"] if n % 2 else [], free_times=n)
    whole = reading.people(now, reading.plane(), remember=reading.terms(now).remember)
    monkeypatch.setattr(reading, "BATCH", 2)
    parts = reading.people(now, reading.plane(), remember=reading.terms(now).remember)
    assert len(whole) == 5
    for name, column in vars(whole).items():
        assert getattr(parts, name).tolist() == column.tolist()
        assert getattr(parts, name).dtype == column.dtype


def test_whom_to_ask_is_looked_at_again() -> None:
    """What changed since the columns were written counts: skills that are gone, hours served, an age, an invitation."""
    post = make.post(skills=["law"])
    by = leader_of(post)
    able, unable, elsewhere = (willing(skills=["law"]) for _n in range(3))
    pool.write(timezone.now())
    assert len(finding.whom_to_ask(post=post, actor=by, now=timezone.now())) == 3
    unable.skills = []
    unable.save()
    other = make.post(make.activity(starts_at=post.activity.starts_at))
    make.sign_up(elsewhere.person, other)
    found = finding.whom_to_ask(post=post, actor=by, now=timezone.now())
    assert [one.person for one in found] == [able.person_id]
    gone = able
    gone.state = "deregistered"
    gone.save()
    assert finding.whom_to_ask(post=post, actor=by, now=timezone.now()) == []


def test_what_is_open_no_more_is_not_recommended() -> None:
    me = willing()
    kept, full, off = (make.post(make.activity(starts_at=tomorrow(9, days)), places=1) for days in (2, 3, 4))
    shown = {one.post for one in finding.recommended(person=me.person_id, now=timezone.now()) or []}
    assert shown == {kept.pk, full.pk, off.pk}
    make.sign_up(at=full)
    off.activity.state = "cancelled"
    off.activity.save()
    assert [one.post for one in finding.recommended(person=me.person_id, now=timezone.now()) or []] == [kept.pk]


def test_an_offer_is_looked_at_again_at_the_sign_up() -> None:
    """Full, called off, an age that fits no more: the ordinary sign-up decides, and the invitation waits."""
    me = willing()
    post = make.post(make.activity(starts_at=tomorrow(9, 3)), places=1)
    assert asked(post, me, leader_of(post)) == 1
    invitation = Invitation.objects.get()
    make.sign_up(at=post)
    outcome = services.accept(invitation=invitation, by=Self(me.person_id), now=timezone.now())
    assert outcome.code == "waiting"
    other = make.post(make.activity(starts_at=tomorrow(9, 5)))
    assert asked(other, me, leader_of(other)) == 1
    other.activity.min_age = 90
    other.activity.save()
    later = Invitation.objects.get(post=other)
    assert not services.accept(invitation=later, by=Self(me.person_id), now=timezone.now()).accepted
    assert not SignUp.objects.filter(post=other).exists()
    later.refresh_from_db()
    assert later.state == "sent"
