"""The actor that postings make of a person: ranges, units, dates, second factor, tokens."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from qunli.access import services
from qunli.access.actors import PostedActor
from qunli.access.models import Posting
from qunli.access.selectors import actor_of, holders
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, covers
from qunli.kernel.errors import Denied, Refused
from tests.factories import DISTRICT, OTHER_DISTRICT
from tests.roles import person_of

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 5)


def actor(role: str, division: str | None = None, **options: Any) -> PostedActor:
    account, _place = person_of(role, division)
    return actor_of(account, DAY, **options)


def path(code: str) -> str:
    return Division.objects.get(code=code, valid_to=None).path


def test_an_officer_covers_the_own_district_and_nothing_else() -> None:
    officer = actor("district_officer")
    assert officer.has("volunteering.approve_activity")
    assert officer.has("volunteering.approve_activity", path(DISTRICT))
    inside = Division.objects.filter(path__startswith=path(DISTRICT), level=4)[0]
    assert officer.has("volunteering.approve_activity", inside.path)
    assert not officer.has("volunteering.approve_activity", path(OTHER_DISTRICT))
    assert covers(officer.ranges("volunteering.approve_activity"), inside.path)
    assert not officer.has("audit.search")


def test_a_resident_holds_what_everybody_holds_everywhere() -> None:
    resident = actor("resident")
    assert resident.has("volunteering.register", path(OTHER_DISTRICT))
    assert not resident.has("volunteering.view_volunteers")
    assert resident.roles == ("resident",)


def test_a_unit_narrows_a_role_to_one_team() -> None:
    account, place = person_of("team_leader", unit="team:7")
    leader = actor_of(account, DAY)
    assert leader.has("volunteering.lead_team")
    assert leader.has("volunteering.lead_team", unit="team:7")
    assert not leader.has("volunteering.lead_team", unit="team:8")
    assert not leader.has("volunteering.lead_team", place.path)
    assert leader.ranges("volunteering.lead_team") == ()
    assert leader.units("volunteering.lead_team") == {"team:7"}


@pytest.mark.parametrize(
    ("since", "until", "holds"), [(0, None, True), (1, None, False), (-9, 1, True), (-9, 0, False), (0, 0, False)]
)
def test_dates_are_honoured(since: int, until: int | None, holds: bool) -> None:
    account, place = person_of("resident")
    Posting.objects.create(
        person_id=account.person_id,
        role="community_worker",
        division=place,
        valid_from=DAY + timedelta(since),
        valid_to=None if until is None else DAY + timedelta(until),
    )
    assert actor_of(account, DAY).has("volunteering.view_volunteers") is holds


def test_without_the_second_factor_an_officer_is_a_resident() -> None:
    officer = actor("district_officer", second_factor=False)
    assert not officer.has("volunteering.approve_activity")
    assert officer.ranges("volunteering.approve_activity") == ()
    assert [held.role for held in officer.withheld] == ["district_officer"]
    worker = actor("community_worker", second_factor=False)
    assert worker.has("volunteering.view_volunteers")


def test_a_token_is_narrowed() -> None:
    officer = actor("district_officer", only=["volunteering.view_volunteers"])
    assert officer.has("volunteering.view_volunteers", path(DISTRICT))
    assert not officer.has("volunteering.approve_activity")


def test_an_actor_costs_one_query(max_queries: Callable[[int], Any]) -> None:
    account, _place = person_of("district_officer")
    actor_of(account, DAY)
    with max_queries(1):
        actor_of(account, DAY)


def test_a_management_area_covers_the_streets_that_it_runs() -> None:
    from qunli.divisions.models import AreaMember

    member = AreaMember.objects.select_related("area", "division").first()
    if member is None:
        pytest.skip("the city has no management area")
    account, _place = person_of("district_officer", member.area)
    officer = actor_of(account, max(member.valid_from, DAY))
    assert officer.has("volunteering.approve_activity", member.division.path)


def grant(by: Any, person: Any, role: str, division: Division, **options: Any) -> Posting:
    return services.grant(person=person, role=role, division=division, valid_from=DAY, by=by, **options)


def test_an_officer_grants_below_the_own_level_and_within_the_own_range() -> None:
    officer = actor("district_officer")
    other, _place = person_of("resident")
    street = Division.objects.filter(path__startswith=path(DISTRICT), level=3)[0]
    posting = grant(officer, other.person, "street_officer", street)
    assert posting.granted_by_id == officer.person_id
    assert actor_of(other, DAY).has("volunteering.approve_team", street.path)
    assert [p.pk for p in holders("street_officer", street.path, DAY)] == [posting.pk]

    elsewhere = Division.objects.filter(path__startswith=path(OTHER_DISTRICT), level=3)[0]
    with pytest.raises(Denied) as denied:
        grant(officer, other.person, "street_officer", elsewhere)
    assert denied.value.permission == "access.grant.street_officer"
    for role in ("district_officer", "city_officer", "auditor"):
        with pytest.raises(Denied):
            grant(officer, other.person, role, Division.objects.get(code=DISTRICT, valid_to=None))


@pytest.mark.parametrize(
    ("role", "level", "unit", "field"),
    [
        ("street_officer", 4, "", "division"),
        ("team_leader", 4, "", "unit"),
        ("community_worker", 4, "team:1", "unit"),
        ("king", 4, "", "role"),
    ],
)
def test_a_role_that_does_not_fit_the_place_is_refused_at_its_field(role: str, level: int, unit: str, field: str) -> None:
    other, _place = person_of("resident")
    with pytest.raises(Refused) as refused:
        grant(SYSTEM, other.person, role, Division.objects.filter(level=level, valid_to=None)[0], unit=unit)
    assert refused.value.field == field


def test_nobody_grants_to_oneself() -> None:
    account, place = person_of("district_officer")
    with pytest.raises(Refused, match="不能给自己"):
        grant(actor_of(account, DAY), account.person, "partner", place, unit="team:1")
    with pytest.raises(IntegrityError, match="posting_not_by_oneself"), transaction.atomic():
        Posting.objects.create(person=account.person, role="partner", division=place, valid_from=DAY, granted_by=account.person)


def test_the_three_administrators_are_three_people() -> None:
    account, place = person_of("auditor")
    for role in ("system_administrator", "security_administrator"):
        with pytest.raises(Refused, match="不同的人") as refused:
            grant(SYSTEM, account.person, role, place)
        assert refused.value.code == "posting_administrators_distinct"
    services.end(posting=Posting.objects.get(person=account.person, role="auditor"), on=DAY, by=SYSTEM)
    grant(SYSTEM, account.person, "system_administrator", place)


def test_the_same_posting_twice_is_refused() -> None:
    account, place = person_of("community_worker")
    with pytest.raises(Refused, match="已经担任") as refused:
        grant(SYSTEM, account.person, "community_worker", place)
    assert refused.value.field == "person"


def test_ending_takes_effect_at_once_and_once() -> None:
    account, _place = person_of("community_worker")
    posting = Posting.objects.get(person=account.person)
    services.end(posting=posting, on=DAY, by=SYSTEM)
    assert not actor_of(account, DAY).has("volunteering.view_volunteers")
    with pytest.raises(Refused, match="已经结束"):
        services.end(posting=posting, on=DAY, by=SYSTEM)


def test_postings_are_seen_within_the_own_range_only() -> None:
    near, _place = person_of("community_worker")
    far, _place = person_of("community_worker", Division.objects.filter(path__startswith=path(OTHER_DISTRICT), level=4)[0])
    seen = Posting.objects.visible_to(actor("district_officer"))
    assert seen.filter(person=near.person).exists()
    assert not seen.filter(person=far.person).exists()
    assert list(Posting.objects.visible_to(actor_of(far, DAY)).values_list("person_id", flat=True).distinct()) == [far.person_id]
