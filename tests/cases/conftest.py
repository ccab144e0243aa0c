"""A kind of cases of the tests' own, a community with two teams, a desk, and a resident who asks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qunli.access.selectors import actor_of
from qunli.cases import kinds, services
from qunli.cases.models import Case
from qunli.cases.services import Asked, CaseKind, Unit
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.people.models import Person
from qunli.volunteering.models import Team
from tests import factories

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=SHANGHAI)
"""A Thursday."""


def later(**by: float) -> datetime:
    return NOW + timedelta(**by)


@pytest.fixture(autouse=True)
def kind() -> Iterator[CaseKind]:
    """Declared for the test only."""
    made = CaseKind("test", "测试", Path(__file__).parent / "catalogue.toml")
    services.register_kind(made)
    yield made
    kinds._kinds.pop("test")


@dataclass
class Place:
    community: Division
    team: Team
    other: Team
    leader: Person
    rival: Person
    worker: Person
    street: Person
    district: Person
    resident: Person
    cases: list[Case] = field(default_factory=list)

    def actor(self, person: Person, now: datetime = NOW) -> Actor:
        return actor_of(person, local_date(now))

    def unit(self, team: Team | None = None) -> Unit:
        team = team or self.team
        return Unit(team.division_id, team.unit, team.name)

    @property
    def office(self) -> Unit:
        return Unit(self.community.pk, "", self.community.name)

    def ask(self, now: datetime = NOW, *, requester: Person | None = None, **values: Any) -> Case:
        """Asked by the resident."""
        who = requester or self.resident
        values = {"matter": "errand", "title": "帮忙取药", "text": "腿脚不便，请人到医院取药。", **values}
        asked = Asked(division=values.pop("division", self.community), **values)
        return services.receive(kind="test", asked=asked, requester=who, by=self.actor(who), now=now)

    def taken(self, case: Case | None = None, now: datetime = NOW) -> Case:
        """Sent to the team, which takes it."""
        case = case or self.ask(now)
        services.dispatch(case=case, to=[self.unit()], by=self.actor(self.worker), now=now)
        services.take(case=case, unit=self.unit(), by=self.actor(self.leader), now=now)
        return case

    def replied(self, case: Case | None = None, now: datetime = NOW) -> Case:
        case = self.taken(case, now)
        services.reply(case=case, text="药已送到。", channel="visit", by=self.actor(self.leader), now=now)
        return case


def build_place() -> Place:
    community = factories.division()
    street = factories.division(Level.STREET)
    district = factories.division(Level.DISTRICT)
    team, other = factories.team(division=community), factories.team(division=community)

    def posted(role: str, at: Division) -> Person:
        person = factories.person(division=at)
        factories.posting(person, role, at)
        return person

    return Place(
        community,
        team,
        other,
        factories.leader(team).person,
        factories.leader(other).person,
        posted("community_worker", community),
        posted("street_officer", street),
        posted("district_officer", district),
        factories.person(division=community, name="王小明"),
    )


@pytest.fixture
def place(db: None) -> Place:
    return build_place()
