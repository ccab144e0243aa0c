"""Stars: proposed by the rules over all volunteers, decided by the proper level, never without the hours that carry them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import Error, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.divisions.enums import Level
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import Notice
from qunli.people import services as people
from qunli.people.models import Person
from qunli.rules import selectors as rules
from qunli.rules import services as rule_services
from qunli.service_hours import services
from qunli.service_hours.models import HourEntry, ServiceRecord, StarEntry, StarProposal
from qunli.service_hours.services import ledger
from qunli.service_hours.services.stars import Decided
from qunli.service_hours.stars import earning
from qunli.service_hours.stars.keeping import candidates, keep_all
from qunli.volunteering.models import Volunteer
from tests import factories
from tests.service_hours.conftest import World, at, build

NIGHT = at(3, 20, days=1)
DAY = date(2026, 3, 6)


def give(world: World, person: Person, hours: int) -> ServiceRecord:
    """A record with so many verified hours, through the ledger; the activities of a life are not acted out."""
    start = at(9, days=-1 - ServiceRecord.objects.filter(person=person).count())
    activity = factories.activity(world.team, starts_at=start, person_in_charge=world.leader, title="长期服务")
    record = factories.record(
        factories.sign_up(person, factories.post(activity), state="attended"),
        state="verified", signed_in_at=start, signed_out_at=start.replace(hour=11), minutes=hours * 60,
        in_method="code", out_method="code",
        submitted_by=world.leader, submitted_at=at(12), verified_by=world.worker, verified_at=at(13),
    )  # fmt: skip
    ledger.earn(records=[record], by=SYSTEM, now=at(13))
    return record


def city_officer() -> Person:
    person = factories.person(name="市干部")
    factories.posting(person, "city_officer", factories.division(Level.CITY))
    return person


def waiting(person: Person) -> StarProposal:
    return StarProposal.objects.get(person=person, state="proposed")


def held(person: Person) -> int:
    return max(StarEntry.objects.live().filter(person=person).values_list("level", flat=True), default=0)


def grant(world: World, person: Person, by: Person | None = None, **more: Any) -> Decided:
    return services.grant_stars(proposals=[waiting(person)], by=world.actor(by or world.officer), now=at(9, days=1), **more)


def granted(world: World, hours: int = 120) -> tuple[Person, ServiceRecord]:
    person = world.volunteer(signed_up=False)
    record = give(world, person, hours)
    keep_all(now=NIGHT)
    assert not grant(world, person).refused
    return person, record


def test_the_whole_way(world: World) -> None:
    person = world.volunteer(signed_up=False)
    record = give(world, person, 120)
    assert keep_all(now=NIGHT) == (1, 0)
    assert keep_all(now=NIGHT) == (0, 0)  # once
    proposal = waiting(person)
    assert (proposal.level, proposal.approval, proposal.minutes) == (1, "county", 7200)
    assert (proposal.decision.version.key, proposal.decision.verdict, proposal.decision.person) == (
        "volunteer-stars",
        "yes",
        person,
    )
    assert rule_services.replay(proposal.decision).same
    assert rule_services.facts_of(proposal.decision) == {"verified_minutes": 7200}
    assert held(person) == 0  # nobody has a star before it is approved
    assert [one.pk for one in grant(world, person).proposals] == [proposal.pk]
    assert held(person) == 1
    assert keep_all(now=NIGHT) == (0, 0)
    services.void(record=record, reason="没有到场", by=world.actor(world.officer), now=at(10, days=1))
    assert held(person) == 0
    entries = list(StarEntry.objects.order_by("pk").values_list("kind", "level", "minutes", "reason"))
    assert entries == [("granted", 1, 7200, ""), ("reversal", 1, 0, "没有到场")]
    proposal.refresh_from_db()
    assert proposal.state == "granted"  # what was decided stays what was decided
    told = list(Notice.objects.filter(person=person, template__contains="star").order_by("pk").values_list("template", "facts"))
    assert told == [
        ("service_hours/star_granted", {"level": 1}),
        ("service_hours/star_reversed", {"was": 1, "left": 0, "reason": "没有到场"}),
    ]


@pytest.mark.parametrize(
    ("hours", "level", "approval"),
    [(99, 0, ""), (100, 1, "county"), (300, 2, "county"), (600, 3, "city"), (1000, 4, "city"), (1500, 5, "province")],
)
def test_thresholds_and_who_approves(world: World, hours: int, level: int, approval: str) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, hours)
    keep_all(now=NIGHT)
    found = StarProposal.objects.filter(person=person).first()
    assert ((found.level, found.approval) if found else (0, "")) == (level, approval)


def test_each_level_decides_its_own(world: World) -> None:
    one, three, five = (world.volunteer(signed_up=False) for _ in range(3))
    for person, hours in ((one, 100), (three, 600), (five, 1500)):
        give(world, person, hours)
    keep_all(now=NIGHT)
    city, outside = city_officer(), factories.person()
    factories.posting(outside, "district_officer", factories.division(Level.DISTRICT, factories.OTHER_DISTRICT))
    for person, by in ((three, world.officer), (five, world.officer), (one, city), (one, outside), (one, world.worker)):
        with pytest.raises(Denied):
            grant(world, person, by)
        with pytest.raises(Denied):
            services.refuse_stars(proposals=[waiting(person)], reason="不行", by=world.actor(by), now=NIGHT)
    assert not grant(world, one).refused
    assert not grant(world, three, city).refused
    assert [refused.code for _one, refused in grant(world, five, city).refused] == ["document"]
    assert not grant(world, five, city, document="川社发〔2026〕3号").refused
    assert [held(person) for person in (one, three, five)] == [1, 3, 5]
    assert StarProposal.objects.get(person=five).document == "川社发〔2026〕3号"
    for by, seen in ((world.officer, 3), (outside, 0), (city, 3), (world.leader, 0), (one, 1)):
        assert StarProposal.objects.visible_to(world.actor(by)).count() == seen


def test_who_is_suspended_is_granted_none(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 100)
    keep_all(now=NIGHT)
    Volunteer.objects.filter(person=person).update(state="suspended")
    assert [refused.code for _one, refused in grant(world, person).refused] == ["not_active"]
    assert held(person) == 0


def test_nobody_decides_on_their_own(world: World) -> None:
    factories.volunteer(world.officer)
    give(world, world.officer, 120)
    keep_all(now=NIGHT)
    assert [refused.code for _one, refused in grant(world, world.officer).refused] == ["own"]
    assert not StarProposal.objects.decided_by(world.actor(world.officer)).exists()


def test_refused_with_a_reason_and_proposed_again_when_the_waiting_is_over(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 120)
    keep_all(now=NIGHT)
    by = world.actor(world.officer)
    with pytest.raises(Refused) as refused:
        services.refuse_stars(proposals=[waiting(person)], reason=" ", by=by, now=NIGHT)
    assert refused.value.field == "reason"
    services.refuse_stars(proposals=[waiting(person)], reason="记录正在核查", by=by, now=NIGHT)
    notice = Notice.objects.get(person=person)
    assert (notice.template, notice.facts["reason"]) == ("service_hours/star_refused", "记录正在核查")
    assert keep_all(now=at(3, days=89)) == (0, 0)
    assert keep_all(now=at(3, days=91)) == (1, 0)


def test_a_higher_star_takes_the_place_of_the_one_that_waits(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 120)
    keep_all(now=NIGHT)
    give(world, person, 200)
    assert keep_all(now=at(3, days=2)) == (1, 0)
    assert list(StarProposal.objects.order_by("pk").values_list("level", "state")) == [(1, "withdrawn"), (2, "proposed")]


def test_a_void_takes_what_waits_and_leaves_what_is_still_carried(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 150)
    keep_all(now=NIGHT)
    grant(world, person)
    second = give(world, person, 200)
    keep_all(now=NIGHT)
    assert waiting(person).level == 2
    services.void(record=second, reason="重复登记", by=world.actor(world.officer), now=at(10, days=1))
    assert not StarProposal.objects.filter(state="proposed").exists()
    assert StarProposal.objects.get(level=2).reason == "重复登记"
    assert held(person) == 1


def test_what_is_left_is_proposed_at_once_and_so_is_a_correction_upwards(world: World) -> None:
    """A three-star volunteer who never was a two-star one falls to two: the officers hear of the two."""
    person = world.volunteer(signed_up=False)
    give(world, person, 310)
    lost = give(world, person, 300)
    keep_all(now=NIGHT)
    grant(world, person, city_officer())
    services.void(record=lost, reason="重复登记", by=world.actor(world.officer), now=at(10, days=1))
    assert (held(person), waiting(person).level) == (0, 2)

    other = world.volunteer()
    record = world.verified(other, left=at(10))
    give(world, other, 98)
    services.dispute(record=record, reason="我十一点才走", by=world.actor(other), now=at(14))
    services.correct(
        record=record, signed_in_at=at(9), signed_out_at=at(11), reason="按签到表", by=world.actor(world.worker), now=at(15)
    )
    assert (waiting(other).level, waiting(other).minutes) == (1, 6000)


def test_the_rules_of_its_day_count_for_a_star(world: World, tmp_path: Path) -> None:
    """A city that asks for more from now on takes no star from who earned it under the old rules, and proposes by the new ones."""
    person, _record = granted(world, 120)
    spare = give(world, person, 1)
    with city_rules(tmp_path, hours=200):
        services.void(record=spare, reason="重复", by=world.actor(world.officer), now=at(10, days=1))
        assert (held(person), keep_all(now=NIGHT)) == (1, (0, 0))
        newcomer = world.volunteer(signed_up=False)
        give(world, newcomer, 150)
        assert keep_all(now=NIGHT) == (0, 0)


CITY = """
key = "volunteer-stars"
issuer = "510100000000"
title = { zh = "成都市志愿者星级", en = "Stars of Chengdu" }
about = { zh = "试", en = "A try" }
source = { zh = "试", en = "A try" }
authority = { zh = "试", en = "A try" }
certainty = "design"
effective_from = 2021-02-01
decides = "first"
[results.stars]
type = "integer"
zh = "星级"
en = "stars"
[results.approval]
type = "choice"
zh = "批准层级"
en = "approved by"
options.county = { zh = "区（市）县", en = "district or county" }
options.city = { zh = "市", en = "city" }
[[rules]]
key = "one-star"
zh = "一星级"
en = "One star"
clause = { zh = "试", en = "A try" }
results = { stars = 1, approval = "city" }
when.all = [
  { fact = "verified_minutes", ge = HOURS },
"""


class city_rules:
    """Rules of the city's own, loaded for a while: so many hours, and other conditions."""

    def __init__(self, folder: Path, *, hours: int, conditions: str = "") -> None:
        self.folder, self.text = folder, CITY.replace("HOURS", str(hours * 60)) + conditions + "]\n"

    def __enter__(self) -> None:
        (self.folder / "510100000000").mkdir(exist_ok=True)
        (self.folder / "510100000000" / "stars.toml").write_text(self.text)
        (self.folder / "facts").mkdir(exist_ok=True)
        (self.folder / "facts" / "facts.toml").write_bytes((rules.FOLDER / "facts" / "volunteer-service.toml").read_bytes())
        loaded = rule_services.load(self.folder, by=SYSTEM, now=at(8))
        assert not loaded.mistakes, loaded.mistakes

    def __exit__(self, *_error: object) -> None:
        rules.forget()


@pytest.fixture(autouse=True)
def rules_as_they_were() -> Iterator[None]:
    yield
    rules.forget()


MONTHS = """
  { fact = "service_months", ge = 3 },
  { fact = "no_shows_this_year", le = 1 },
"""


def test_a_city_may_ask_months_in_a_row_and_no_shows(world: World, tmp_path: Path) -> None:
    def served(months: list[int], missed: int = 0) -> Person:
        """One record in each of these months before March 2026, and so many no-shows this year."""
        person = world.volunteer(signed_up=False)
        for back in months:
            start = at(9).replace(month=(3 - back - 1) % 12 + 1, year=2026 if back < 3 else 2025)
            post = factories.post(factories.activity(world.team, starts_at=start, person_in_charge=world.leader))
            record = factories.record(
                factories.sign_up(person, post, state="attended"), state="verified", minutes=40 * 60,
                signed_in_at=start, signed_out_at=start.replace(hour=11), in_method="code", out_method="code",
            )  # fmt: skip
            ledger.earn(records=[record], by=SYSTEM, now=at(13))
        for nth in range(missed):
            start = at(14, days=-nth - 1)
            post = factories.post(factories.activity(world.team, starts_at=start, person_in_charge=world.leader))
            factories.sign_up(person, post, state="no_show")
        return person

    steady, last_month, paused, ended, missing, few = (
        served([0, 1, 2]), served([1, 2, 3]), served([0, 2, 3, 4]), served([2, 3, 4, 5]), served([0, 1, 2], missed=2), served([0]),
    )  # fmt: skip
    everyone = [person.pk for person in (steady, last_month, paused, ended, missing, few)]
    assert [earning.service_months(everyone, DAY).get(person, 0) for person in everyone] == [3, 3, 1, 0, 3, 1]
    assert [earning.no_shows_this_year(everyone, DAY).get(person, 0) for person in everyone] == [0, 0, 0, 0, 2, 0]
    with city_rules(tmp_path, hours=100, conditions=MONTHS):
        assert candidates(now=NIGHT) == sorted([steady.pk, last_month.pk])
        assert keep_all(now=NIGHT).proposed == 2
        facts = rule_services.facts_of(waiting(steady).decision)
        assert facts == {"verified_minutes": 7200, "service_months": 3, "no_shows_this_year": 0}
        assert waiting(steady).approval == "city"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2_000 * 60), min_size=1, max_size=40))
def test_in_columns_and_one_by_one_alike(db: None, minutes: list[int]) -> None:
    found = earning.earned(list(range(len(minutes))), np.array(minutes, np.int64), on=DAY)
    for place, each in enumerate(minutes):
        single = rule_services.evaluate("volunteer-stars", {"verified_minutes": each}, on=DAY, trace=False)
        assert found.levels[place] == (single.results["stars"] if single.verdict == "yes" else 0)
        if single.verdict == "yes":
            assert found.approval(place) == single.results["approval"]


STEPS = ("give", "void", "night", "grant", "refuse")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1), st.integers(40, 400)), max_size=14))
def test_a_star_is_never_without_its_hours(db: None, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is given, voided, proposed, granted and refused, in whatever order."""
    sid = transaction.savepoint()
    try:
        world = build()
        persons = [world.volunteer(signed_up=False) for _ in range(2)]
        officers = {"county": world.officer, "city": city_officer()}
        for verb, which, hours in steps:
            person = persons[which]
            proposal = StarProposal.objects.filter(person=person, state="proposed").first()
            record = ServiceRecord.objects.filter(person=person, state="verified").order_by("pk").first()
            if verb == "give":
                give(world, person, hours)
            elif verb == "void" and record is not None:
                services.void(record=record, reason="撤", by=world.actor(world.officer), now=at(15))
            elif verb == "night":
                keep_all(now=NIGHT)
            elif proposal is not None and proposal.approval in officers:
                by = world.actor(officers[proposal.approval])
                if verb == "grant":
                    assert not services.grant_stars(proposals=[proposal], by=by, now=NIGHT).refused
                else:
                    services.refuse_stars(proposals=[proposal], reason="不行", by=by, now=NIGHT)
            for one in persons:
                minutes = Volunteer.objects.get(person=one).minutes
                needed = {0: 0, 1: 100, 2: 300, 3: 600, 4: 1000, 5: 1500}
                assert minutes >= needed[held(one)] * 60
                for other in StarProposal.objects.filter(person=one, state="proposed"):
                    assert minutes >= needed[other.level] * 60
                    assert other.level > held(one)
        assert candidates(now=at(3, days=200)) == sorted(
            person.pk
            for person in persons
            if earning.earned([person.pk], np.array([Volunteer.objects.get(person=person).minutes]), on=DAY).levels[0]
            > max([held(person), *StarProposal.objects.filter(person=person, state="proposed").values_list("level", flat=True)])
        )
    finally:
        transaction.savepoint_rollback(sid)


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: StarEntry.objects.filter(pk=entry.pk).delete(),
        lambda entry: StarEntry.objects.filter(pk=entry.pk).update(level=5),
        lambda entry: StarProposal.objects.filter(pk=entry.proposal_id).delete(),
        lambda entry: StarProposal.objects.filter(pk=entry.proposal_id).update(level=5),
        lambda entry: StarProposal.objects.filter(pk=entry.proposal_id).update(state="proposed", decided_at=None),
        lambda entry: StarEntry.objects.create(
            person=entry.person, proposal=entry.proposal, kind="granted", level=1, minutes=1, created_at=at(9)
        ),
        lambda entry: StarEntry.objects.create(
            person=entry.person, proposal=entry.proposal, kind="reversal", level=1, minutes=1, reverses=entry, created_at=at(9)
        ),
    ],
)
def test_the_database_keeps_the_ledger_of_stars(world: World, change: Any) -> None:
    person, _record = granted(world)
    with pytest.raises(Error), transaction.atomic():
        change(StarEntry.objects.get(person=person))
    assert held(person) == 1


def test_a_merge_brings_the_stars_along_and_its_undoing_takes_them_back(world: World) -> None:
    kept, _record = granted(world, 120)
    gone = world.volunteer(signed_up=False)
    Person.objects.filter(pk=gone.pk).update(id_number=None, id_digest=None)
    give(world, gone, 250)
    other = world.volunteer(signed_up=False)
    give(world, other, 90)
    keep_all(now=NIGHT)
    assert waiting(gone).level == 1
    merge = people.merge(
        kept=Person.objects.get(pk=kept.pk), gone=Person.objects.get(pk=gone.pk), reason="持证件说明", by=SYSTEM, now=NIGHT
    )
    assert (held(kept), Volunteer.objects.get(person=kept).minutes) == (1, 370 * 60)
    assert keep_all(now=NIGHT).proposed == 1
    assert waiting(kept).level == 2
    grant(world, kept)
    assert held(kept) == 2
    people.undo(merge=merge, by=SYSTEM, now=NIGHT)
    keep_all(now=at(3, days=2))
    assert held(kept) == 1


def test_who_is_erased_waits_no_more(world: World) -> None:
    person = world.volunteer(signed_up=False)
    give(world, person, 120)
    keep_all(now=NIGHT)
    people.erase(person=person, by=SYSTEM, now=NIGHT)
    proposal = StarProposal.objects.get()
    assert (proposal.state, proposal.decision.facts) == ("withdrawn", None)
    assert keep_all(now=NIGHT) == (0, 0)


def test_the_star_of_who_was_erased_goes_with_the_hours(world: World) -> None:
    person, record = granted(world)
    people.erase(person=person, by=SYSTEM, now=NIGHT)
    services.void(record=record, reason="没有到场", by=world.actor(world.officer), now=at(10, days=1))
    assert held(person) == 0
    assert HourEntry.objects.filter(person=person).count() == 2


def test_no_rules_no_stars_and_hours_can_be_voided_all_the_same(world: World) -> None:
    record = world.verified(world.volunteer())
    early = at(9).replace(year=2020)
    assert keep_all(now=early) == (0, 0)
    services.void(record=record, reason="没有到场", by=world.actor(world.officer), now=early)
    assert Volunteer.objects.get(person=record.person).minutes == 0
