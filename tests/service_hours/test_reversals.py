"""Rooms above hear of hours that are taken back, in the transaction that takes them back."""

from collections.abc import Iterator
from typing import Any

import pytest

from qunli.kernel.errors import Refused
from qunli.service_hours import reversals, services
from qunli.service_hours.models import Certificate, Finding, HourEntry
from qunli.volunteering.models import Volunteer
from tests.service_hours.conftest import START, World, at


class Points:
    """As a room above would keep them: a point for each ten minutes, taken back with the hours."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, str]] = []
        self.minutes_left: list[int] = []
        self.fails = False

    def __call__(self, *, reversals: Any, reason: str, by: Any, now: Any) -> None:
        for entry in reversals:
            self.heard.append((entry.record_id, entry.minutes, reason))
            self.minutes_left.append(Volunteer.objects.get(person=entry.person_id).minutes)
        if self.fails:
            raise Refused("积分已经用掉", code="spent")


@pytest.fixture
def points() -> Iterator[Points]:
    listener = Points()
    services.on_reversal(listener)
    services.on_reversal(listener)  # once, however often
    yield listener
    reversals._listeners.remove(listener)


def test_a_void_and_a_correction_are_heard_once_with_what_was_taken(world: World, points: Points) -> None:
    person = world.volunteer()
    record = world.verified(person)
    services.dispute(record=record, reason="多算了", by=world.actor(person), now=at(14))
    services.correct(
        record=record, signed_in_at=at(9), signed_out_at=at(10), reason="按签到表", by=world.actor(world.worker), now=at(15)
    )
    services.void(record=record, reason="不是志愿服务", by=world.actor(world.officer), now=at(16))
    assert points.heard == [(record.pk, -120, "按签到表"), (record.pk, -60, "不是志愿服务")]
    # What counts from now on is known to who listens: the corrected hours, then none.
    assert points.minutes_left == [60, 0]


def test_nothing_is_announced_where_no_hours_were_counted(world: World, points: Points) -> None:
    services.void(record=world.submitted(world.volunteer()), reason="没有到场", by=world.actor(world.officer), now=at(14))
    assert points.heard == []


def test_a_finding_that_is_upheld_is_heard(world: World, points: Points) -> None:
    from qunli.rules import selectors as rules

    record = world.verified(world.volunteer())
    finding = Finding.objects.create(
        record=record, kind="overlap", severity="impossible", facts={}, rules_id=rules.held("hour-integrity", START.date()).pk,
        found_on=START.date(), reply_until=START.date(),
    )  # fmt: skip
    services.uphold_finding(finding=finding, reason="两处同时在场", by=world.actor(world.officer), now=at(9, days=1))
    assert points.heard == [(record.pk, -120, "两处同时在场")]


def test_who_cannot_take_back_lets_nothing_be_taken_back(world: World, points: Points) -> None:
    """Hours, proofs and what the rooms above keep change together or not at all."""
    person = world.volunteer()
    record = world.verified(person)
    certificate = services.issue(person=person, since=START.date(), until=START.date(), by=world.actor(person), now=at(17))
    points.fails = True
    with pytest.raises(Refused, match="积分"):
        services.void(record=record, reason="重复", by=world.actor(world.officer), now=at(18))
    record.refresh_from_db()
    assert (record.state, HourEntry.objects.filter(record=record).count()) == ("verified", 1)
    assert Certificate.objects.get(pk=certificate.pk).state == "issued"
    points.fails = False
    services.void(record=record, reason="重复", by=world.actor(world.officer), now=at(18))
    assert Certificate.objects.get(pk=certificate.pk).state == "revoked"
