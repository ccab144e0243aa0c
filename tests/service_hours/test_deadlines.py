"""What the clock does with records that nobody settles: one reminder to the leader, one word to the level above (办法 11)."""

from datetime import datetime, timedelta

from qunli.audit.models import Event
from qunli.kernel.clock import SHANGHAI, add_working_days, local_date
from qunli.notices.models import Notice
from qunli.people.models import Person
from qunli.service_hours import services
from qunli.service_hours.services.deadlines import REMIND_BEFORE
from tests import factories
from tests.service_hours.conftest import World, at

LAST_DAY = add_working_days(local_date(at(11)), 10).date
"""Ten working days after the end: Thursday, 2026-03-19."""
REMINDER = add_working_days(LAST_DAY, -REMIND_BEFORE).date


def morning(day: object, hour: int = 8) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:30").replace(tzinfo=SHANGHAI)


def told(person: Person) -> list[tuple[str, int, str]]:
    """Of records only: template, how many, until when."""
    found = Notice.objects.filter(person=person, template__startswith="service_hours/hours_").order_by("id")
    return [(one.template.removeprefix("service_hours/"), one.facts["count"], one.facts["due_on"]) for one in found]


def test_the_leader_is_reminded_once_and_then_the_level_above_once(world: World) -> None:
    world.draft(world.volunteer())
    world.submitted(world.volunteer())
    world.verified(world.volunteer())
    Notice.objects.all().delete()
    assert services.chase(now=morning(REMINDER - timedelta(days=1))) == (0, 0)
    assert services.chase(now=morning(REMINDER)) == (2, 0)
    assert services.chase(now=morning(REMINDER, hour=9)) == (0, 0)
    assert told(world.leader) == [("hours_due", 2, "2026-03-19")]
    # On the last day itself there is still time.
    assert services.chase(now=morning(LAST_DAY)) == (0, 0)
    assert told(world.worker) == []
    assert services.chase(now=morning(LAST_DAY + timedelta(days=1))) == (0, 2)
    assert services.chase(now=morning(LAST_DAY + timedelta(days=2))) == (0, 0)
    # The nearest level that verifies, and nobody further up.
    assert told(world.worker) == [("hours_overdue", 2, "2026-03-19")]
    assert told(world.officer) == []
    assert told(world.leader) == [("hours_due", 2, "2026-03-19")]
    events = Event.objects.filter(verb__in=["service_hours.remind", "service_hours.escalate"]).order_by("id")
    subject = f"activity:{world.activity.pk}"
    assert list(events.values_list("verb", "subject")) == [
        ("service_hours.remind", subject),
        ("service_hours.escalate", subject),
    ]


def test_each_leader_hears_of_their_own_and_nothing_that_is_settled(world: World) -> None:
    record = world.draft(world.volunteer())
    other = factories.team()
    head = factories.leader(other).person
    elsewhere = factories.activity(other, starts_at=at(9), person_in_charge=head)
    factories.record(factories.sign_up(None, factories.post(elsewhere)), due_on=record.due_on)
    services.void(record=world.verified(world.volunteer()), reason="没有到场，登记有误", by=world.actor(world.officer), now=at(14))
    assert services.chase(now=morning(REMINDER)) == (2, 0)
    assert told(world.leader) == [("hours_due", 1, "2026-03-19")]
    assert told(head) == [("hours_due", 1, "2026-03-19")]


def test_what_the_queue_slept_through_is_told_to_both(world: World) -> None:
    world.draft(world.volunteer())
    assert services.chase(now=morning(LAST_DAY + timedelta(days=5))) == (1, 1)
    assert told(world.leader) == [("hours_due", 1, "2026-03-19")]
    assert told(world.worker) == [("hours_overdue", 1, "2026-03-19")]


def test_the_time_of_leaving_is_when_the_state_began(world: World) -> None:
    record = world.draft(world.volunteer(), left=at(10, 40))
    record.refresh_from_db()
    assert (record.state, record.state_since) == ("draft", at(10, 40))
