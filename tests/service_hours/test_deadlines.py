"""What the clock does with records that nobody settles: one reminder to the leader, one word to the level above (办法 11)."""

from datetime import datetime, timedelta

from qunli.audit.models import Event
from qunli.kernel.clock import SHANGHAI, add_working_days, local_date
from qunli.notices.models import Notice
from qunli.people.models import Person
from qunli.service_hours import services
from tests import factories
from tests.service_hours.conftest import World, at

LAST_DAY = add_working_days(local_date(at(11)), 10).date
"""Ten working days after the end: Thursday, 2026-03-19."""
REMINDER = add_working_days(LAST_DAY, -3).date
"""By the rules "hour-deadlines": three working days before."""


def morning(day: object, hour: int = 8) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:30").replace(tzinfo=SHANGHAI)


def told(person: Person) -> list[tuple[str, int, str]]:
    """Of records only: template, how many, until when."""
    found = Notice.objects.filter(person=person, template__startswith="service_hours/hours_").order_by("id")
    return [(one.template.removeprefix("service_hours/"), one.facts["count"], one.facts["due_on"]) for one in found]


def chase(moment: datetime) -> tuple[int, int, int]:
    """Records that were met before the day, on it and after it."""
    found = services.chase(now=moment)
    return found["before"], found["on"], found["after"]


def test_before_the_day_on_it_and_after_it_each_once(world: World) -> None:
    world.draft(world.volunteer())
    world.submitted(world.volunteer())
    world.verified(world.volunteer())
    Notice.objects.all().delete()
    assert chase(morning(REMINDER - timedelta(days=1))) == (0, 0, 0)
    assert chase(morning(REMINDER)) == (2, 0, 0)
    assert chase(morning(REMINDER, hour=9)) == (0, 0, 0)
    assert told(world.leader) == [("hours_due", 2, "2026-03-19")]
    assert chase(morning(LAST_DAY)) == (0, 2, 0)
    assert chase(morning(LAST_DAY, hour=9)) == (0, 0, 0)
    assert told(world.worker) == []
    assert chase(morning(LAST_DAY + timedelta(days=1))) == (0, 0, 2)
    assert chase(morning(LAST_DAY + timedelta(days=4))) == (0, 0, 0)
    # The nearest level that verifies, and nobody further up.
    assert told(world.worker) == [("hours_overdue", 2, "2026-03-19")]
    assert told(world.officer) == []
    assert [template for template, _count, _due in told(world.leader)] == ["hours_due", "hours_due_today", "hours_late"]
    events = Event.objects.filter(verb__in=["service_hours.remind", "service_hours.escalate"]).order_by("id")
    subject = f"activity:{world.activity.pk}"
    assert [(one.verb, one.subject, one.facts["step"]) for one in events] == [
        ("service_hours.remind", subject, "before"),
        ("service_hours.remind", subject, "on_day"),
        ("service_hours.escalate", subject, "after"),
    ]


def test_each_leader_hears_of_their_own_and_nothing_that_is_settled(world: World) -> None:
    record = world.draft(world.volunteer())
    other = factories.team()
    head = factories.leader(other).person
    elsewhere = factories.activity(other, starts_at=at(9), person_in_charge=head)
    factories.record(factories.sign_up(None, factories.post(elsewhere)), due_on=record.due_on)
    services.void(record=world.verified(world.volunteer()), reason="没有到场，登记有误", by=world.actor(world.officer), now=at(14))
    assert chase(morning(REMINDER)) == (2, 0, 0)
    assert told(world.leader) == [("hours_due", 1, "2026-03-19")]
    assert told(head) == [("hours_due", 1, "2026-03-19")]


def test_what_the_queue_slept_through_is_told_as_it_stands_now(world: World) -> None:
    world.draft(world.volunteer())
    assert chase(morning(LAST_DAY + timedelta(days=5))) == (0, 0, 1)
    assert told(world.leader) == [("hours_late", 1, "2026-03-19")]
    assert told(world.worker) == [("hours_overdue", 1, "2026-03-19")]


def test_nobody_is_reminded_on_a_day_off(world: World) -> None:
    world.draft(world.volunteer())
    saturday = LAST_DAY + timedelta(days=2)
    assert (saturday.weekday(), chase(morning(saturday))) == (5, (0, 0, 0))
    assert chase(morning(LAST_DAY + timedelta(days=4))) == (0, 0, 1)


def test_the_time_of_leaving_is_when_the_state_began(world: World) -> None:
    record = world.draft(world.volunteer(), left=at(10, 40))
    record.refresh_from_db()
    assert (record.state, record.state_since) == ("draft", at(10, 40))
