"""The sign-up statement: every outcome, and what it writes."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from qunli.audit.models import Event
from qunli.kernel.actor import NOBODY
from qunli.notices.models import Notice
from qunli.people.models import Consent, Person
from qunli.volunteering import signing_up
from qunli.volunteering.models import Activity, Post, SignUp
from tests import factories as make

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Self:
    """Somebody who acts for oneself."""

    person_id: int | None
    account_id: int | None = None

    @property
    def label(self) -> str:
        return f"person:{self.person_id}"

    def has(self, permission: str, path: str | None = None, unit: str | None = None) -> bool:
        return path is None and unit is None

    def ranges(self, permission: str) -> tuple[str, ...]:
        return ()

    def units(self, permission: str) -> frozenset[str]:
        return frozenset()


def ask(person: Person, post: Post, **how: Any) -> signing_up.Outcome:
    how.setdefault("wait", False)
    return signing_up.run(post=post.pk, person=person.pk, by=Self(person.pk), now=how.pop("now", timezone.now()), **how)


def test_confirmed_writes_sign_up_audit_and_notice() -> None:
    person, post = make.volunteer().person, make.post(places=2)
    outcome = ask(person, post)
    assert outcome.code == "confirmed"
    row = SignUp.objects.get(pk=outcome.sign_up)
    assert (row.state, row.person_id, row.post_id, row.activity_id) == ("confirmed", person.pk, post.pk, post.activity_id)
    assert (row.during.lower, row.during.upper) == (post.activity.starts_at, post.activity.ends_at)
    event = Event.objects.get(verb="volunteering.sign_up")
    assert (event.subject, event.person_id, event.facts["sign_up"]) == (f"activity:{post.activity_id}", person.pk, row.pk)
    notice = Notice.objects.get(person=person)
    assert notice.template == "volunteering/sign_up_confirmed"
    assert notice.facts["title"] == post.activity.title
    post.refresh_from_db()
    activity = Activity.objects.get(pk=post.activity_id)
    assert (post.taken, activity.taken, activity.places) == (1, 1, 2)


def test_double_click_is_one_sign_up() -> None:
    person, post = make.volunteer().person, make.post()
    first = ask(person, post)
    again = ask(person, post)
    assert (again.code, again.other) == ("already", first.sign_up)
    post.refresh_from_db()
    assert post.taken == 1
    assert Notice.objects.count() == 1


def test_full_then_waiting() -> None:
    post = make.post(places=1)
    ask(make.volunteer().person, post)
    person = make.volunteer().person
    assert ask(person, post).code == "full"
    assert not SignUp.objects.filter(person=person).exists()
    assert ask(person, post, wait=True).code == "waiting"
    assert ask(person, post).code == "already"
    post.refresh_from_db()
    assert post.taken == 1


def test_overlap_names_the_other_activity() -> None:
    person, post = make.volunteer().person, make.post()
    ask(person, post)
    middle = post.activity.starts_at + timedelta(hours=1)
    other = make.post(make.activity(starts_at=middle))
    assert ask(person, other)[:1] + ask(person, other)[3:4] == ("overlap", post.activity_id)
    after = make.post(make.activity(starts_at=post.activity.ends_at))
    assert ask(person, after).code == "confirmed", "one that begins when the other ends does not overlap"


@pytest.mark.parametrize(
    ("born", "limits", "code"),
    [
        (-18, {}, "confirmed"),
        (-18, {"min_age": 19}, "too_young"),
        (-61, {"max_age": 60}, "too_old"),
        (-60, {"max_age": 60}, "confirmed"),
    ],
)
def test_age_is_counted_on_the_day(born: int, limits: dict[str, int], code: str) -> None:
    post = make.post(make.activity(**limits))
    day = timezone.localtime(post.activity.starts_at).date()
    person = make.volunteer(make.person(birth_date=date(day.year + born, day.month, min(day.day, 28)))).person
    assert ask(person, post).code == code


def test_a_birthday_after_the_day_is_too_late() -> None:
    post = make.post()
    day = timezone.localtime(post.activity.starts_at).date() + timedelta(days=1)
    person = make.volunteer(make.person(birth_date=day.replace(year=day.year - 18))).person
    assert ask(person, post).code == "too_young"


def test_minor_needs_the_guardians_consent_until_it_is_withdrawn() -> None:
    post = make.post(make.activity(min_age=10))
    minor = make.volunteer(make.person(birth_date=timezone.now().date() - timedelta(days=365 * 15))).person
    assert ask(minor, post).code == "consent_missing"
    consent = Consent.objects.create(
        person=minor, purpose="minor", wording="1", given_by=make.person(), given_at=timezone.now(), withdrawn_at=timezone.now()
    )
    assert ask(minor, post).code == "consent_missing"
    Consent.objects.filter(pk=consent.pk).update(withdrawn_at=None)
    assert ask(minor, post).code == "confirmed"


def test_skills_of_the_post() -> None:
    post = make.post(skills=["first_aid"])
    assert ask(make.volunteer().person, post).code == "skills_missing"
    assert ask(make.volunteer(skills=["arts", "first_aid"]).person, post).code == "confirmed"


def test_not_a_volunteer_or_not_an_active_one() -> None:
    post = make.post()
    assert ask(make.person(), post).code == "not_volunteer"
    assert ask(make.volunteer(state="suspended").person, post).code == "not_volunteer"


@pytest.mark.parametrize("state", ["draft", "submitted", "returned", "cancelled", "closed"])
def test_only_published_activities(state: str) -> None:
    assert ask(make.volunteer().person, make.post(make.activity(state=state))).code == "closed"


def test_not_after_the_start() -> None:
    post = make.post()
    assert ask(make.volunteer().person, post, now=post.activity.starts_at).code == "closed"


def test_no_such_post() -> None:
    person = make.volunteer().person
    assert signing_up.run(post=-1, person=person.pk, by=Self(person.pk), now=timezone.now(), wait=False).code == "missing"


def test_every_outcome_has_words() -> None:
    for code in signing_up.MESSAGES:
        assert signing_up.Outcome(code, min_age=18, max_age=60).message


def test_nobody_cannot(client: Any) -> None:
    from qunli.volunteering.services import sign_up

    assert sign_up(post=make.post().pk, by=NOBODY, now=timezone.now()).code == "not_volunteer"
