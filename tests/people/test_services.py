"""Registering, contacts, guardians and minors, consents, looks at what is masked."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from qunli.audit.models import Event
from qunli.divisions.enums import Level
from qunli.kernel.actor import NOBODY, SYSTEM
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Denied, Refused
from qunli.people import selectors, services
from qunli.people.enums import Purpose, Sex, Suspicion
from qunli.people.models import Consent, Duplicate, Person
from qunli.people.perms import Permission
from tests import factories
from tests.people.actors import Holder

pytestmark = pytest.mark.django_db
GOOD = "11010519491231002X"


def register(**other: Any) -> Person:
    answers: dict[str, Any] = {
        "name": "王小明",
        "id_kind": "resident",
        "id_number": GOOD,
        "phone": "13800138000",
        "sex": "",
        "birth_date": None,
        "division": factories.division(),
        "by": SYSTEM,
        "now": timezone.now(),
    }
    return services.register(**answers | other)


def test_birth_and_sex_come_from_the_number_and_the_database_cannot_read_it() -> None:
    person = register()
    assert (person.birth_date, person.sex) == (date(1949, 12, 31), Sex.FEMALE)
    stored = Person.objects.filter(pk=person.pk).extra(select={"raw": "encode(id_number, 'escape') || encode(phone, 'escape')"})
    raw = stored.values_list("raw", flat=True)[0]
    assert GOOD not in raw
    assert "138001" not in raw
    assert selectors.find_by_identity("resident", " 11010519491231002x") == person
    assert selectors.find_by_phone("138 0013 8000") == [person]
    assert Event.objects.filter(verb="people.register", subject=f"person:{person.pk}").count() == 1


def test_the_same_identity_is_registered_once() -> None:
    register()
    with pytest.raises(Refused) as refusal:
        register(name="王晓明", phone="13900139000")
    assert (refusal.value.code, refusal.value.field) == ("registered", "id_number")
    assert "登录" in str(refusal.value.message)
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "1"}, "name"),
        ({"id_number": "110105194912310021"}, "id_number"),
        ({"id_kind": "passport"}, "id_number"),
        ({"id_kind": "tw_residence"}, "id_kind"),
        ({"id_kind": "library card"}, "id_kind"),
        ({"phone": "123"}, "phone"),
        ({"sex": "m"}, "sex"),
        ({"birth_date": date(1949, 12, 30)}, "birth_date"),
        ({"id_kind": "passport", "id_number": "E12345678"}, "birth_date"),
        ({"id_kind": "passport", "id_number": "E12345678", "birth_date": date(2090, 1, 1)}, "birth_date"),
        ({"id_kind": "passport", "id_number": "E12345678", "birth_date": date(1990, 1, 1), "sex": "x"}, "sex"),
    ],
)
def test_a_mistake_is_named_at_its_field_and_nothing_is_written(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        register(**wrong)
    assert refusal.value.field == field
    assert not Person.objects.exists()
    assert not Event.objects.filter(verb__startswith="people.").exists()


def test_who_is_not_signed_in_registers_nobody() -> None:
    with pytest.raises(Denied):
        register(by=NOBODY)


def test_two_records_that_look_alike_are_remembered() -> None:
    first = register(id_kind="passport", id_number="E12345678", birth_date=date(1949, 12, 31))
    second = register()
    found = Duplicate.objects.get()
    assert (found.one_id, found.other_id, found.reason) == (first.pk, second.pk, Suspicion.SAME_CONTACT)
    other = register(id_kind="passport", id_number="E99999999", birth_date=date(1949, 12, 31), phone="13900139000")
    services.update_contact(person=other, phone="13800138000", by=SYSTEM, now=timezone.now())
    assert Duplicate.objects.count() == 3


def test_contacts_change_and_are_checked() -> None:
    person, now = register(), timezone.now()
    changed = services.update_contact(person=person, phone="+852 5123 4567", email=" a@example.org ", by=SYSTEM, now=now)
    assert (changed.phone, changed.email) == ("+85251234567", "a@example.org")
    assert selectors.find_by_phone("13800138000") == []
    for wrong, field in (({"phone": "1"}, "phone"), ({"email": "a@"}, "email")):
        with pytest.raises(Refused) as refusal:
            services.update_contact(person=person, by=SYSTEM, now=now, **wrong)  # type: ignore[arg-type]
        assert refusal.value.field == field
    assert services.update_contact(person=person, email="", by=SYSTEM, now=now).email is None
    with pytest.raises(Denied):
        services.update_contact(person=person, phone="13700137000", by=Holder(person_id=person.pk + 1), now=now)


def child(age: int) -> Person:
    today = timezone.localdate()
    return factories.person(birth_date=today - timedelta(days=age * 366))


def test_a_guardian_answers_for_a_minor() -> None:
    now, minor, parent = timezone.now(), child(12), factories.person()
    guardian = Holder(person_id=parent.pk)
    with pytest.raises(Refused, match="监护人"):
        services.give_consent(person=minor, purpose=Purpose.MINOR, by=Holder(person_id=minor.pk), now=now)
    with pytest.raises(Denied):
        services.give_consent(person=minor, purpose=Purpose.MINOR, by=guardian, now=now)
    services.add_guardian(minor=minor, guardian=parent, relation="parent", by=guardian, now=now)
    services.add_guardian(minor=minor, guardian=parent, relation="other", by=guardian, now=now)
    assert [g.relation for g in selectors.guardians(minor)] == ["other"]
    assert selectors.missing_for_minor(minor, now.date())
    consent = services.give_consent(person=minor, purpose=Purpose.MINOR, by=guardian, now=now)
    assert consent.given_by == parent
    assert not selectors.missing_for_minor(minor, now.date())
    services.end_guardianship(guardianship=selectors.guardians(minor).get(), by=guardian, now=now)
    assert selectors.missing_for_minor(minor, now.date())


def test_under_fourteen_only_a_guardian_consents_from_fourteen_the_person_does() -> None:
    now = timezone.now()
    young, older = child(13), child(15)
    with pytest.raises(Refused) as refusal:
        services.give_consent(person=young, purpose=Purpose.LOCATION, by=Holder(person_id=young.pk), now=now)
    assert refusal.value.code == "guardian"
    assert services.give_consent(person=older, purpose=Purpose.LOCATION, by=Holder(person_id=older.pk), now=now).given_by == older


@pytest.mark.parametrize(
    ("minor_age", "guardian_age", "relation", "field"),
    [(20, 40, "parent", "minor"), (10, 17, "sibling", "guardian"), (10, 40, "friend", "relation")],
)
def test_who_can_be_a_guardian_of_whom(minor_age: int, guardian_age: int, relation: str, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        services.add_guardian(
            minor=child(minor_age), guardian=child(guardian_age), relation=relation, by=SYSTEM, now=timezone.now()
        )
    assert refusal.value.field == field


def test_sixteen_and_living_on_own_income_counts_as_an_adult_once_checked() -> None:
    now, person, officer = timezone.now(), child(16), factories.person()
    assert person.division
    assert selectors.missing_for_minor(person, now.date())
    for nobody in (Holder(person_id=person.pk, held={Permission.REGISTER: ("",)}), Holder(person_id=officer.pk)):
        with pytest.raises(Denied):
            services.confirm_own_income(person=person, by=nobody, now=now)
    by = Holder(person_id=officer.pk, held={Permission.REGISTER: (person.division.path,)})
    services.confirm_own_income(person=person, by=by, now=now)
    assert (person.self_supporting_on, person.self_supporting_by) == (timezone.localdate(), officer)
    assert not selectors.missing_for_minor(person, now.date())
    with pytest.raises(Refused):
        services.confirm_own_income(person=child(15), by=SYSTEM, now=now)


def test_consent_is_given_once_withdrawn_in_one_step_and_given_again() -> None:
    now, person = timezone.now(), register()
    me = Holder(person_id=person.pk)
    first = services.give_consent(person=person, purpose="location", by=me, now=now)
    assert services.give_consent(person=person, purpose="location", by=me, now=now) == first
    assert selectors.has_consent(person, "location")
    assert services.withdraw_consent(person=person, purpose="location", by=me, now=now)
    assert not services.withdraw_consent(person=person, purpose="location", by=me, now=now)
    assert not selectors.has_consent(person, "location")
    assert services.give_consent(person=person, purpose="location", by=me, now=now) != first
    assert Consent.objects.count() == 2
    with pytest.raises(Denied):
        services.withdraw_consent(person=person, purpose="location", by=Holder(person_id=person.pk + 1), now=now)
    for wrong in ({"purpose": "advertising"}, {"purpose": "location", "wording": "1999-01"}):
        with pytest.raises(Refused):
            services.give_consent(person=person, by=me, now=now, **wrong)


def test_every_purpose_has_its_text_in_both_languages() -> None:
    lines = selectors.consent_lines(child(12), timezone.localdate())
    assert [line.purpose for line in lines] == list(Purpose)
    assert all(line.wording.zh and line.wording.en for line in lines)
    adult = selectors.consent_lines(factories.person(), timezone.localdate())
    assert Purpose.MINOR not in [line.purpose for line in adult]


def test_an_unmasked_look_needs_a_right_and_a_reason_and_is_in_the_audit() -> None:
    person, officer = register(), factories.person()
    assert person.division
    assert (person.masked_name, person.masked_id_number, person.masked_phone) == ("王**", "110*************2X", "138****8000")
    with pytest.raises(Denied):
        services.unmask(person=person, reason="看一下这个人", by=Holder(person_id=officer.pk))
    by = Holder(person_id=officer.pk, held={Permission.UNMASK: (person.division.path,)})
    with pytest.raises(Refused) as refusal:
        services.unmask(person=person, reason=" 看 ", by=by)
    assert refusal.value.field == "reason"
    assert not Event.objects.filter(verb="look.people.identity").exists()
    assert services.unmask(person=person, reason="核对参保信息", by=by).id_number == GOOD
    event = Event.objects.get(verb="look.people.identity")
    assert (event.subject, event.person_id, event.facts) == (f"person:{person.pk}", officer.pk, {"reason": "核对参保信息"})
    assert services.unmask(person=person, reason="", by=Holder(person_id=person.pk)).phone == "+8613800138000"


class TestWhoSeesWhom:
    def test_oneself_one_s_wards_and_those_of_the_range(self) -> None:
        street = factories.division(Level.STREET)
        here = factories.person(division=factories.division())
        there = factories.person(division=factories.division(district=factories.OTHER_DISTRICT))
        homeless = factories.person(division=None)
        minor, parent = child(10), factories.person(division=None)
        services.add_guardian(minor=minor, guardian=parent, relation="parent", by=SYSTEM, now=timezone.now())

        def seen(**held: Any) -> set[Person]:
            return set(Person.objects.visible_to(Holder(**held)))

        assert seen() == set()
        assert seen(person_id=there.pk) == {there}
        assert seen(person_id=parent.pk) == {parent, minor}
        assert here.division
        assert seen(held={Permission.SEE: (here.division.path,)}) == {here, minor}
        assert seen(person_id=there.pk, held={Permission.SEE: (street.path,)}) >= {there, here}
        city = factories.division(Level.CITY)
        assert seen(held={Permission.SEE: (city.path,)}) == {here, there, homeless, minor, parent}
        assert set(Person.objects.visible_to(SYSTEM)) == set(Person.objects.all())

    def test_search_by_number_phone_and_part_of_a_name_stays_within_the_range(self) -> None:
        here = register(name="欧阳春晓")
        assert here.division
        register(
            name="欧阳秋白",
            id_kind="passport",
            id_number="E12345678",
            birth_date=date(1990, 1, 1),
            division=factories.division(district=factories.OTHER_DISTRICT),
        )
        officer = Holder(held={Permission.SEE: (here.division.path,)})
        for text in ("欧阳", "阳春", "春晓", "欧阳春晓", " 11010519491231002x ", "138 0013 8000"):
            assert list(selectors.search(text, actor=officer)) == [here], text
        for text in ("", "晓春", "秋白", "E12345678", "13800138001", "王"):
            assert list(selectors.search(text, actor=officer)) == [], text
        assert {p.name for p in selectors.search("欧阳", actor=SYSTEM)} == {"欧阳春晓", "欧阳秋白"}
        assert selectors.search("e12345678", actor=SYSTEM).get().name == "欧阳秋白"
        assert list(selectors.search("欧阳", actor=Holder())) == []

    def test_latin_names(self) -> None:
        person = register(name="John Smith", id_kind="passport", id_number="X1234567", birth_date=date(1990, 1, 1))
        assert list(selectors.search("smith", actor=SYSTEM)) == [person]


@pytest.mark.parametrize(
    ("born", "today", "left"),
    [
        (date(2008, 3, 5), date(2026, 3, 4), 1),
        (date(2008, 3, 5), date(2026, 3, 5), 0),
        (date(2008, 2, 29), date(2026, 2, 28), 1),
        (date(2008, 2, 29), date(2026, 3, 1), 0),
        (date(2010, 2, 28), date(2028, 2, 29), 0),
        (date(2010, 3, 1), date(2028, 2, 29), 1),
    ],
)
def test_no_guardian_reaches_an_adult(born: date, today: date, left: int) -> None:
    child, parent = factories.person(birth_date=born), factories.person()
    services.add_guardian(minor=child, guardian=parent, relation="parent", by=SYSTEM, now=datetime(2025, 1, 1, tzinfo=SHANGHAI))
    me = Holder(person_id=parent.pk)
    assert child in Person.objects.visible_to(me)
    ended = services.end_minority(now=datetime(today.year, today.month, today.day, 0, 2, tzinfo=SHANGHAI))
    assert ended == 1 - left
    assert (child in Person.objects.visible_to(me)) == bool(left)
    if not left:
        for deed in (services.unmask, services.export):
            with pytest.raises(Denied):
                deed(person=child, by=me, **({"reason": "看看"} if deed is services.unmask else {}))


def test_searching_for_nul_finds_nothing_and_breaks_nothing() -> None:
    for text in ("\x00", "王\x00", "138\x00"):
        assert not selectors.search(text, actor=SYSTEM).filter(name="没有").exists()
