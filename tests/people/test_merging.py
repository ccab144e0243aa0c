"""A merge moves everything, an undo restores everything: over the real models of all rooms."""

from datetime import date, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qunli.accounts.models import Session
from qunli.accounts.services import issue_token
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Denied, Refused
from qunli.people import services
from qunli.people.enums import Decision
from qunli.people.models import Duplicate, Merge, Person
from qunli.people.perms import Permission
from qunli.people.registry import references
from tests import factories
from tests.people.actors import Holder
from tests.roles import client_of

pytestmark = pytest.mark.django_db
REASON = "本人持证件到社区说明"


def world() -> dict[str, dict[Any, dict[str, Any]]]:
    """Every row of ours, column by column, but for the traces of merging itself and counters of time."""
    seen: dict[str, dict[Any, dict[str, Any]]] = {}
    for model in apps.get_models():
        if not model.__module__.startswith("qunli.") or model._meta.label in {"people.Merge", "people.Duplicate", "audit.Event"}:
            continue
        if model._meta.app_label == "divisions":
            continue
        rows = model._base_manager.order_by("pk").values()
        seen[model._meta.label] = {
            row[model._meta.pk.attname]: {
                k: bytes(v) if isinstance(v, memoryview) else v for k, v in row.items() if k != "updated_at"
            }
            for row in rows
        }
    return seen


def merge(kept: Person, gone: Person) -> Merge:
    return services.merge(kept=kept, gone=gone, reason=REASON, by=SYSTEM, now=timezone.now())


def pointing_at(person: Person) -> dict[str, int]:
    found = {}
    for reference in references(Person):
        if reference.model is Person:
            continue
        rows = reference.model._base_manager.filter(**{reference.field.attname: person.pk}).count()
        if rows:
            found[f"{reference.label}.{reference.field.name}"] = rows
    return found


def give_a_life(person: Person, *, volunteers: bool, account: bool, activities: list[Any], team: Any, minutes: int) -> None:
    """Rows in many rooms."""
    now = timezone.now()
    if account:
        factories.account(person)
    services.give_consent(person=person, purpose="location", by=SYSTEM, now=now)
    if volunteers:
        factories.membership(factories.volunteer(person), team)
    for post in activities:
        sign_up = factories.sign_up(person, post)
        record = factories.record(sign_up)
        entry = apps.get_model("service_hours.HourEntry")
        entry.objects.create(record=record, person=person, kind="earned", minutes=minutes)


def twins() -> tuple[Person, Person]:
    one = factories.person(name="王小明")
    return one, factories.person(name="王小明", id_number=None, phone=None)


def test_all_of_one_life_moves_and_comes_back() -> None:
    kept, gone = twins()
    team = factories.team()
    posts = [factories.post(factories.activity(team, starts_at=timezone.now() + timedelta(days=n))) for n in range(4)]
    give_a_life(kept, volunteers=True, account=True, activities=posts[:1], team=team, minutes=60)
    give_a_life(gone, volunteers=True, account=True, activities=posts[1:], team=factories.team(), minutes=90)
    volunteer = apps.get_model("volunteering.Volunteer")
    assert volunteer.objects.get(person=gone).minutes == 270
    before = world()
    entry = merge(kept, gone)
    assert volunteer.objects.get(person=kept).minutes == 330
    assert volunteer.objects.get(person=gone).minutes == 0
    assert kept.sign_ups.count() == 4
    assert kept.volunteer.memberships.count() == 2
    left = pointing_at(gone)
    assert set(left) <= {
        "volunteering.Volunteer.person",
        "people.Consent.person",
        "access.Posting.person",
    }, left
    assert services.undo(merge=entry, by=SYSTEM, now=timezone.now()) == []
    assert world() == before


def test_both_accounts_sign_the_one_person_in() -> None:
    """With what the kept one may do; after the undo each its own, after an erasure neither. The second's tokens and factors end."""
    kept, gone = twins()
    factories.volunteer(kept)
    first, second = factories.account(kept), factories.account(gone)
    programs = [
        Client(
            headers={
                "Authorization": f"Bearer {issue_token(account=of, name='program', scopes=['people:read'], days=1, by=SYSTEM)}"
            }
        )
        for of in (first, second)
    ]
    for account in (first, second):
        Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={})
    browser = client_of(second)

    def named() -> int:
        """Whom the second account's session leads to."""
        return int(browser.get("/api/v1/people/me").json()["id"])

    assert named() == gone.pk
    assert [program.get("/api/v1/people/me").status_code for program in programs] == [200, 200]
    entry = merge(kept, gone)
    assert named() == kept.pk
    assert [program.get("/api/v1/people/me").status_code for program in programs] == [200, 401]
    assert Authenticator.objects.get().user_id == first.pk
    assert set(kept.accounts.values_list("pk", flat=True)) == {first.pk, second.pk}
    assert services.undo(merge=entry, by=SYSTEM, now=timezone.now()) == []
    assert named() == gone.pk
    # A second account without a merge is refused by the database.
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.account(kept)
    merge(kept, gone)
    held = services.export(person=kept, by=SYSTEM).data()["holdings"]
    assert len(held["accounts.Account"]) == 2
    assert len(held["accounts.Session"]) == 1
    services.erase(person=kept, by=Holder(person_id=kept.pk), now=timezone.now())
    assert not kept.accounts.filter(is_active=True).exists()
    assert not Session.objects.filter(account=second).exists()


def test_a_life_moves_to_a_record_that_has_none() -> None:
    kept, gone = twins()
    team = factories.team()
    posts = [factories.post(factories.activity(team, starts_at=timezone.now() + timedelta(days=n))) for n in range(2)]
    give_a_life(gone, volunteers=True, account=True, activities=posts, team=team, minutes=45)
    before = world()
    entry = merge(kept, gone)
    assert pointing_at(gone) == {}
    kept.refresh_from_db()
    assert kept.volunteer.minutes == 90
    assert kept.accounts.exists()
    assert services.undo(merge=entry, by=SYSTEM, now=timezone.now()) == []
    assert world() == before


def test_both_in_one_team_and_one_activity_are_counted_once() -> None:
    kept, gone = twins()
    team = factories.team()
    post = factories.post(factories.activity(team))
    for person in (kept, gone):
        factories.membership(factories.volunteer(person), team)
        factories.sign_up(person, post)
    team.refresh_from_db()
    assert team.members == 2
    before = world()
    entry = merge(kept, gone)
    team.refresh_from_db()
    post.refresh_from_db()
    assert team.members == 1
    assert post.taken == 1
    services.undo(merge=entry, by=SYSTEM, now=timezone.now())
    after = world()
    assert after["volunteering.Membership"] == before["volunteering.Membership"]
    assert after["volunteering.SignUp"] == before["volunteering.SignUp"]


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_undo_restores_whatever_was_there(data: st.DataObject) -> None:
    with transaction.atomic():
        kept, gone = twins()
        team = factories.team()
        posts = [factories.post(factories.activity(team, starts_at=timezone.now() + timedelta(days=n))) for n in range(3)]
        for person in (kept, gone):
            volunteers = data.draw(st.booleans())  # hours are credited to volunteers only
            give_a_life(
                person,
                volunteers=volunteers,
                account=data.draw(st.booleans()),
                activities=data.draw(st.lists(st.sampled_from(posts), unique=True)) if volunteers else [],
                team=team if data.draw(st.booleans()) else factories.team(),
                minutes=data.draw(st.integers(0, 300)),
            )
        before = world()
        entry = merge(kept, gone)
        total = sum(v.minutes for v in apps.get_model("volunteering.Volunteer").objects.filter(person__in=[kept, gone]))
        entries = apps.get_model("service_hours.HourEntry").objects.filter(person__in=[kept, gone])
        volunteers = apps.get_model("volunteering.Volunteer").objects.filter(person=kept)
        if volunteers:
            assert volunteers[0].minutes == sum(e.minutes for e in entries.filter(person=kept))
            assert total == sum(e.minutes for e in entries if e.person_id == kept.pk)
        assert services.undo(merge=entry, by=SYSTEM, now=timezone.now()) == []
        assert world() == before
        entry = merge(kept, gone)
        assert services.undo(merge=entry, by=SYSTEM, now=timezone.now()) == []
        assert world() == before
        transaction.set_rollback(True)


def test_the_kept_record_takes_what_it_lacks() -> None:
    kept = factories.person(name="王小明", id_number=None, phone=None, birth_date=date(1990, 1, 1))
    gone = factories.person(name="王小明", email="a@example.org")
    number, phone = gone.id_number, gone.phone
    entry = merge(kept, gone)
    kept.refresh_from_db()
    assert (kept.id_number, kept.phone, kept.email) == (number, phone, "a@example.org")
    assert number not in str(entry.moved)
    services.undo(merge=entry, by=SYSTEM, now=timezone.now())
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert (kept.id_number, kept.phone, kept.email, gone.id_number, gone.merged_into) == (None, None, None, number, None)


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ({}, {}, "identity"),
        ({}, {"id_number": None, "birth_date": date(1991, 1, 1)}, "birth_date"),
        ({}, {"id_number": None, "sex": "m"}, "sex"),
    ],
)
def test_who_cannot_be_one_person_is_not_merged(one: dict[str, Any], other: dict[str, Any], code: str) -> None:
    kept, gone = factories.person(**one), factories.person(**other)
    with pytest.raises(Refused) as refusal:
        merge(kept, gone)
    assert refusal.value.code == code
    assert not Merge.objects.exists()


def test_merging_needs_the_right_over_both_a_reason_and_never_oneself() -> None:
    kept, gone = twins()
    officer = factories.person()
    assert kept.division
    other = factories.division(district=factories.OTHER_DISTRICT)
    for by in (
        Holder(person_id=officer.pk),
        Holder(person_id=officer.pk, held={Permission.MERGE: (other.path,)}),
        Holder(person_id=kept.pk, held={Permission.MERGE: ("",)}),
        Holder(person_id=gone.pk, held={Permission.MERGE: ("",)}),
    ):
        with pytest.raises(Denied):
            services.merge(kept=kept, gone=gone, reason=REASON, by=by, now=timezone.now())
    by = Holder(person_id=officer.pk, held={Permission.MERGE: (kept.division.path,)})
    with pytest.raises(Refused):
        services.merge(kept=kept, gone=gone, reason="", by=by, now=timezone.now())
    entry = services.merge(kept=kept, gone=gone, reason=REASON, by=by, now=timezone.now())
    assert entry.merged_by == officer
    with pytest.raises(Refused):
        services.merge(kept=kept, gone=gone, reason=REASON, by=by, now=timezone.now())
    with pytest.raises(Denied):
        services.undo(merge=entry, by=Holder(person_id=officer.pk), now=timezone.now())


def test_merges_are_undone_from_the_last() -> None:
    one, two = twins()
    three = factories.person(name="王小明", id_number=None, phone=None)
    first, second = merge(two, three), merge(one, two)
    with pytest.raises(Refused):
        services.undo(merge=first, by=SYSTEM, now=timezone.now())
    services.undo(merge=second, by=SYSTEM, now=timezone.now())
    services.undo(merge=first, by=SYSTEM, now=timezone.now())
    with pytest.raises(Refused):
        services.undo(merge=first, by=SYSTEM, now=timezone.now())


def test_what_was_changed_since_is_left_alone_and_named() -> None:
    kept, gone = twins()
    third = factories.person()
    sign_up = factories.sign_up(gone, factories.post())
    entry = merge(kept, gone)
    type(sign_up).objects.filter(pk=sign_up.pk).update(person=third)
    assert services.undo(merge=entry, by=SYSTEM, now=timezone.now()) == [f"volunteering.SignUp:{sign_up.pk}"]
    sign_up.refresh_from_db()
    assert sign_up.person == third


def test_records_that_were_loaded_in_bulk_are_compared_at_night() -> None:
    one = factories.person(name="王小明")
    two = factories.person(name="王小明", id_number=None, phone=one.phone)
    factories.person(name="王小红", id_number=None, phone=one.phone)
    factories.person(name="王小明", id_number=None, phone=one.phone, birth_date=date(1991, 1, 1))
    assert services.find_duplicates(now=timezone.now()) == 1
    assert services.find_duplicates(now=timezone.now()) == 0
    assert Duplicate.objects.values_list("one", "other").get() == (one.pk, two.pk)


def test_a_suspicion_is_decided_once() -> None:
    kept, gone = twins()
    other = factories.person(name="王小明", id_number=None)
    for a, b in ((kept, gone), (kept, other)):
        Duplicate.objects.create(one=a, other=b, reason="same_contact", found_on=timezone.localdate())
    services.dismiss(duplicate=Duplicate.objects.get(other=other), by=SYSTEM, now=timezone.now())
    entry = merge(kept, gone)
    assert set(Duplicate.objects.values_list("decision", flat=True)) == {Decision.MERGED, Decision.DIFFERENT}
    services.undo(merge=entry, by=SYSTEM, now=timezone.now())
    assert sorted(Duplicate.objects.values_list("decision", flat=True)) == ["", Decision.DIFFERENT]
