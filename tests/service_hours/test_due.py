"""The due list of 10 working days, and how organisations kept to them: numerators, denominators, who sees what."""

from datetime import date, timedelta
from typing import Any

import pytest

from qunli.divisions.enums import Level
from qunli.people.models import Person
from qunli.service_hours import due, services
from qunli.service_hours.models import DueTally, ServiceRecord
from qunli.volunteering.models import Activity, Team
from tests import factories
from tests.service_hours.conftest import World, at
from tests.service_hours.test_api import BASE, program
from tests.service_hours.test_pages import browser, text
from tests.service_hours.test_races import at_once

LATER = at(9, days=40)
"""Long after the due day, 19 March."""


def elsewhere(name: str, days: int, *, district: str = factories.DISTRICT) -> tuple[Team, Person, Activity]:
    team = factories.team(name=name, division=factories.division(Level.COMMUNITY, district, 2))
    leader = factories.leader(team).person
    return team, leader, factories.activity(team, starts_at=at(9, days=days), person_in_charge=leader, title=f"{name}的活动")


def test_the_list_is_sorted_by_days_left_and_tells_whose_turn_it_is(world: World) -> None:
    world.draft(world.volunteer())
    world.submitted(world.volunteer())
    world.submitted(world.volunteer())
    world.verified(world.volunteer())
    _team, other, earlier = elsewhere("早到期的队伍", -4)
    factories.record(factories.sign_up(None, factories.post(earlier)), due_on=date(2026, 3, 15))
    page = due.due_list(actor=world.actor(world.officer), now=at(9, days=11), cursor=None)
    seen = [(one.title, one.to_enter, one.to_verify, one.due_on, one.days_left) for one in page.items]  # type: ignore[attr-defined]
    # Monday 16 March: the 15th was a Sunday, so one working day late; three are left to the 19th.
    assert seen == [
        ("早到期的队伍的活动", 1, 0, date(2026, 3, 15), -1),
        ("院落清洁日", 1, 2, date(2026, 3, 19), 3),
    ]
    assert [one.title for one in due.due_list(actor=world.actor(other), now=at(9), cursor=None).items] == ["早到期的队伍的活动"]
    assert [one.title for one in due.due_list(actor=world.actor(world.leader), now=at(9), cursor=None).items] == ["院落清洁日"]
    assert not due.due_list(actor=world.actor(world.volunteer()), now=at(9), cursor=None).items


def settle(world: World, *, on_time: int = 0, late: int = 0, overdue: int = 0, void: int = 0) -> None:
    """So many of each, of the world's team."""
    for count, day in ((on_time, 14), (late, 15)):
        for _nth in range(count):
            record = world.submitted(world.volunteer())
            # The due day itself is on time, the next is not.
            services.verify(records=[record], by=world.actor(world.worker), now=at(23, days=day))
    for _nth in range(overdue):
        world.submitted(world.volunteer())
    for _nth in range(void):
        services.void(record=world.verified(world.volunteer()), reason="重复", by=world.actor(world.officer), now=at(15))


def test_the_tally_counts_what_is_past_by_the_first_verification(world: World) -> None:
    settle(world, on_time=2, late=1, overdue=1, void=1)
    assert due.tally(now=at(9, days=14)) == 0  # nothing is past on the due day itself
    assert due.tally(now=LATER) == 1
    assert due.tally(now=LATER) == 1  # anew, not twice
    row = DueTally.objects.get()
    assert (row.team, row.month, row.owed, row.on_time, row.late, row.overdue) == (world.team, date(2026, 3, 1), 4, 2, 1, 1)
    # A correction later on does not make late what was on time.
    record = ServiceRecord.objects.filter(state="verified").order_by("pk").first()
    assert record is not None
    services.dispute(record=record, reason="错", by=world.actor(record.person), now=LATER)
    services.uphold(record=record, reason="对", by=world.actor(world.worker), now=LATER)
    due.tally(now=LATER)
    assert DueTally.objects.get().on_time == 2


def test_the_worst_come_first_within_reach_page_by_page(world: World) -> None:
    for number, (owed, on_time, late) in enumerate([(10, 10, 0), (10, 4, 1), (200, 198, 2), (3, 0, 0)]):
        team, _leader, _activity = elsewhere(f"第{number}队", 0)
        DueTally.objects.create(
            team=team, month=date(2026, 4, 1), owed=owed, on_time=on_time, late=late, overdue=owed - on_time - late
        )
        DueTally.objects.create(team=team, month=date(2025, 12, 1), owed=50, on_time=0, late=50, overdue=0)
    outside, _leader, _activity = elsewhere("区外的队伍", 0, district=factories.OTHER_DISTRICT)
    DueTally.objects.create(team=outside, month=date(2026, 4, 1), owed=90, on_time=0, late=0, overdue=90)
    actor = world.actor(world.officer)
    first = due.teams(actor=actor, now=LATER, months=3, cursor=None, size=3)
    rest = due.teams(actor=actor, now=LATER, months=3, cursor=first.next, size=3)
    found = [(one.name, one.missed, one.on_time, one.owed) for one in [*first.items, *rest.items]]  # type: ignore[attr-defined]
    assert found == [("第1队", 6, 4, 10), ("第3队", 3, 0, 3), ("第2队", 2, 198, 200), ("第0队", 0, 10, 10)]
    assert (rest.next, rest.previous is not None) == (None, True)
    kept = due.kept(actor=actor, now=LATER, months=3)
    assert (kept.owed, kept.on_time, kept.late, kept.overdue, kept.share) == (223, 212, 3, 8, 212 / 223)
    assert due.kept(actor=actor, now=LATER, months=12).owed == 423
    assert due.kept(actor=world.actor(world.leader), now=LATER, months=3).share is None


def test_pages_and_programs(world: World, frozen: Any, max_queries: Any) -> None:
    frozen.now = LATER
    settle(world, on_time=3, overdue=1)
    due.tally(now=LATER)
    officer, leader = browser(world.officer), browser(world.leader)
    with max_queries(10):
        page = text(officer.get("/records/due/"))
    assert ("院落清洁日" in page, "已超期" in page, "75.0%" in page, "3 / 4" in page) == (True, True, True, True)
    with max_queries(10):
        page = text(officer.get("/records/due/teams/?months=12"))
    assert (world.team.name in page, "3 / 4" in page) == (True, True)
    assert world.team.name in text(officer.get(f"/records/due/?team={world.team.pk}"))
    assert officer.get("/records/due/?team=999999").status_code == 404
    assert officer.get("/records/due/?team=abc").status_code == 404
    assert "3 / 4" in text(leader.get("/records/due/"))
    assert browser(world.volunteer()).get("/records/due/").status_code == 403
    assert browser(world.volunteer()).get("/records/due/teams/").status_code == 403
    assert "Verified on time" in text(browser(world.worker, "en").get("/records/due/"))
    there = program(world.officer, ("records:read",))
    assert [(one["title"], one["to_verify"], one["days_left"] < 0) for one in there.get(f"{BASE}/records/due").json()["items"]] == [
        ("院落清洁日", 1, True)
    ]
    assert there.get(f"{BASE}/records/due/teams?months=6").json()["field"] == "months"
    found = there.get(f"{BASE}/records/due/teams").json()
    assert found["all"] == {"owed": 4, "on_time": 3, "late": 0, "overdue": 1, "share": 0.75}
    assert [(one["team"], one["owed"], one["division"]) for one in found["items"]] == [(world.team.pk, 4, world.team.division.code)]


@pytest.mark.django_db(transaction=True)
def test_two_nights_count_once(committed_world: World) -> None:
    settle(committed_world, on_time=2)
    assert at_once(lambda: due.tally(now=LATER), lambda: due.tally(now=LATER)) == ["", ""]
    assert DueTally.objects.get().owed == 2


def test_months_back() -> None:
    assert [due.months_back(date(2026, 3, 31), n) for n in (0, 2, 3, 24)] == [
        date(2026, 3, 1), date(2026, 1, 1), date(2025, 12, 1), date(2024, 3, 1),
    ]  # fmt: skip
    assert due.months_back(date(2026, 1, 15), 1) + timedelta(days=31) == date(2026, 1, 1)
