"""Deletion at the person's request: what identifies is gone from every table, what the law keeps stays countable."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import BinaryField
from django.utils import timezone

from qunli.accounts.models import Session
from qunli.accounts.services import open_session
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Denied, Refused
from qunli.people import selectors, services
from qunli.people.models import Merge, Person
from tests import factories
from tests.people.actors import Holder

pytestmark = pytest.mark.django_db


def lived() -> tuple[Person, Any]:
    person = factories.person(name="欧阳春晓")
    account = factories.account(person)
    volunteer = factories.volunteer(person)
    factories.membership(volunteer, factories.team())
    factories.sign_up(person, factories.post())
    factories.record(factories.sign_up(person, factories.post(factories.activity(starts_at=timezone.now() - timedelta(days=3)))))
    services.give_consent(person=person, purpose="location", by=SYSTEM, now=timezone.now())
    apps.get_model("notices.Notice").objects.create(person=person, template="x/y", facts={"name": person.name})
    open_session(account)
    return person, account


def test_what_identifies_is_gone_and_what_the_law_keeps_stays() -> None:
    person, account = lived()
    number, digest, phone_digest = person.id_number, bytes(person.id_digest or b""), bytes(person.phone_digest or b"")
    kept = services.erase(person=person, by=Holder(person_id=person.pk), now=timezone.now())
    assert {k.label for k in kept} >= {"报名", "服务记录", "志愿者", "同意"}
    assert all(k.reason for k in kept)
    person.refresh_from_db()
    assert person.erased_at
    assert selectors.find_by_identity("resident", str(number)) is None
    with connection.cursor() as cursor:
        for model in apps.get_models():
            for column in model._meta.concrete_fields:
                if isinstance(column, BinaryField) and model.__module__.startswith("qunli."):
                    cursor.execute(
                        f'SELECT count(*) FROM "{model._meta.db_table}" WHERE "{column.column}" IN (%s, %s)',  # noqa: S608
                        [digest, phone_digest],
                    )
                    assert cursor.fetchone() == (0,), f"{model._meta.label}.{column.name}"
    assert not apps.get_model("notices.Notice").objects.filter(person=person, facts__name="欧阳春晓").exists()
    assert person.volunteer.state == "deregistered"
    assert not person.sign_ups.filter(state="confirmed", activity__starts_at__gt=timezone.now()).exists()
    assert not person.postings.filter(valid_to=None).exists()
    account.refresh_from_db()
    assert not account.is_active
    assert not Session.objects.filter(account=account).exists()
    assert not person.consents.filter(withdrawn_at=None).exists()
    assert list(selectors.search("欧阳", actor=SYSTEM)) == []


def test_somebody_erased_may_register_anew() -> None:
    person = factories.person()
    number = person.id_number
    services.erase(person=person, by=SYSTEM, now=timezone.now())
    again = services.register(
        name="王小明", id_kind="resident", id_number=str(number), phone="13800138000", sex="", birth_date=None, division=None,
        by=SYSTEM, now=timezone.now(),
    )  # fmt: skip
    assert again.pk != person.pk


def test_merged_records_are_erased_with_the_kept_one() -> None:
    kept = factories.person(name="王小明")
    gone = factories.person(name="王小明", id_number=None)
    entry = services.merge(kept=kept, gone=gone, reason="持证件说明", by=SYSTEM, now=timezone.now())
    with pytest.raises(Refused):
        services.erase(person=Person.objects.get(pk=gone.pk), by=SYSTEM, now=timezone.now())
    services.erase(person=kept, by=SYSTEM, now=timezone.now())
    gone.refresh_from_db()
    assert (gone.name, gone.phone, gone.phone_digest) == ("已注销", None, None)
    with pytest.raises(Refused):
        services.undo(merge=Merge.objects.get(pk=entry.pk), by=SYSTEM, now=timezone.now())


def test_who_may_erase_and_what_must_be_ended_first() -> None:
    person, officer = factories.person(), factories.person()
    with pytest.raises(Denied):
        services.erase(person=person, by=Holder(person_id=officer.pk), now=timezone.now())
    minor = factories.person(birth_date=timezone.localdate().replace(year=timezone.localdate().year - 10, day=1))
    services.add_guardian(minor=minor, guardian=person, relation="parent", by=SYSTEM, now=timezone.now())
    with pytest.raises(Refused, match="监护人"):
        services.erase(person=person, by=SYSTEM, now=timezone.now())
    services.erase(person=minor, by=Holder(person_id=person.pk), now=timezone.now())
    services.erase(person=person, by=SYSTEM, now=timezone.now())
    with pytest.raises(Refused, match="已经注销"):
        services.erase(person=person, by=SYSTEM, now=timezone.now())
