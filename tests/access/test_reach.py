"""Nobody comes by a right over what the granter has none over: neither by naming a unit, nor a phone, nor by a merge."""

from datetime import date

import pytest
from django.urls import reverse
from django.utils import timezone

from qunli.access import services
from qunli.access.models import Posting
from qunli.access.selectors import actor_of
from qunli.divisions.enums import Level
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people import services as people
from qunli.people.models import Person
from qunli.volunteering import services as volunteering
from qunli.volunteering.models import Team
from tests import factories
from tests.factories import OTHER_DISTRICT
from tests.roles import client_of, person_of

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 5)
REASON = "本人持证件到社区说明"


def made_leader_of(unit: str) -> Posting:
    """A community worker names a unit for a friend, in the worker's own community."""
    worker, place = person_of("community_worker")
    return services.grant(
        person=factories.person(), role="team_leader", division=place, unit=unit, valid_from=DAY, by=actor_of(worker, DAY)
    )


def test_a_leader_is_appointed_for_a_team_of_ones_own_range() -> None:
    assert made_leader_of(factories.team().unit).unit


@pytest.mark.parametrize("where", ["another district", "the district above"])
def test_no_leader_is_appointed_for_a_team_that_stands_elsewhere(where: str) -> None:
    elsewhere = factories.division(district=OTHER_DISTRICT) if where == "another district" else factories.division(Level.DISTRICT)
    team = factories.team(division=elsewhere, level="community" if where == "another district" else "district")
    with pytest.raises(Refused) as refused:
        made_leader_of(team.unit)
    assert (refused.value.field, refused.value.code) == ("unit", "unit_elsewhere")


@pytest.mark.parametrize(
    "unit", ["team:999999999", "team:abc", "team:", "team", "ship:1", "team:１", "team:01", "team:" + "9" * 30]
)
def test_a_unit_that_is_none_is_refused(unit: str) -> None:
    with pytest.raises(Refused) as refused:
        made_leader_of(unit)
    assert (refused.value.field, refused.value.code) == ("unit", "unit_unknown")


def test_whoever_took_over_a_name_and_a_phone_is_not_appointed() -> None:
    """A stranger writes the name and phone of a candidate into the own record; the account's own phone, proven by a code, tells."""
    officer, place = person_of("district_officer")
    stranger = factories.person(name="陈明")
    factories.account(stranger)
    people.update_contact(person=stranger, phone="13900009999", by=actor_of(stranger, DAY), now=timezone.now())
    street = factories.division(Level.STREET)
    form = {"phone": "13900009999", "name": "陈明", "role": "street_officer", "division": street.code, "unit": ""}
    form |= {"valid_from": "2026-01-01", "valid_to": "", "reason": "x"}
    answer = client_of(officer).post(reverse("access:grant"), form)
    assert answer.status_code == 422
    assert not Posting.objects.filter(person=stranger, role="street_officer").exists()
    assert place


def officer_and_double() -> tuple[Person, Person]:
    """A district officer, and a record of a friend of the worker's that agrees with it in all that a merge compares."""
    officer, _place = person_of("district_officer")
    assert officer.person is not None
    home = factories.division()
    Person.objects.filter(pk=officer.person.pk).update(division=home)
    double = factories.person(id_number=None, id_kind="passport", division=home)
    return Person.objects.get(pk=officer.person.pk), double


@pytest.mark.parametrize("kept", ["officer", "double"])
def test_a_merge_hands_no_posting_to_whom_the_merger_could_not_grant_it(kept: str) -> None:
    officer, double = officer_and_double()
    worker, _place = person_of("community_worker")
    pair = (officer, double) if kept == "officer" else (double, officer)
    with pytest.raises(Denied):
        people.merge(kept=pair[0], gone=pair[1], reason=REASON, by=actor_of(worker, DAY), now=timezone.now())
    assert Posting.objects.get(role="district_officer").person == officer


def test_who_could_grant_it_merges_and_so_does_anybody_with_volunteers() -> None:
    officer, double = officer_and_double()
    city, _place = person_of("city_officer")
    people.merge(kept=double, gone=officer, reason=REASON, by=actor_of(city, DAY), now=timezone.now())
    assert Posting.objects.get(role="district_officer").person == double
    worker, home = person_of("community_worker")
    one, other = factories.person(division=home), factories.person(division=home, id_number=None)
    factories.volunteer(one)
    people.merge(kept=other, gone=one, reason=REASON, by=actor_of(worker, DAY), now=timezone.now())
    assert Posting.objects.get(role="volunteer", valid_to=None).person == other


def test_nobody_erases_somebody_whose_postings_are_not_theirs_to_end() -> None:
    city, _place = person_of("city_officer")
    assert city.person is not None
    Person.objects.filter(pk=city.person.pk).update(division=factories.division())
    district, _place = person_of("district_officer")
    officer = Person.objects.get(pk=city.person.pk)
    with pytest.raises(Denied, match="任职"):
        people.erase(person=officer, by=actor_of(district, DAY), now=timezone.now())
    people.erase(person=officer, by=SYSTEM, now=timezone.now())


def test_a_dissolved_team_is_led_by_nobody() -> None:
    """Also not by who was appointed without being a member."""
    posting = made_leader_of(factories.team().unit)
    team = Team.objects.get(pk=int(posting.unit.removeprefix("team:")))
    street, _place = person_of("street_officer", factories.division(Level.STREET))
    volunteering.dissolve_team(team=team, reason="人数不足", by=actor_of(street, DAY), now=timezone.now())
    assert not actor_of(posting.person, local_date(timezone.now())).units("volunteering.lead_team")
