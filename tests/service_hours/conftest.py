"""A team with a leader, who works above them, volunteers, and an activity of this morning."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from qunli.access.selectors import actor_of
from qunli.divisions.enums import Level
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI
from qunli.people.models import Person
from qunli.service_hours import services
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.paper.keys import signing_key
from qunli.volunteering.models import Activity, Post, Team
from tests import factories

START = datetime(2026, 3, 5, 9, 0, tzinfo=SHANGHAI)
"""A Thursday; the activity of the tests goes on until 11:00."""


def at(hour: int, minute: int = 0, *, days: int = 0) -> datetime:
    """A clock time of the day in Shanghai."""
    return START.replace(hour=hour, minute=minute) + timedelta(days=days)


@dataclass
class World:
    team: Team
    leader: Person
    worker: Person
    officer: Person
    activity: Activity
    post: Post

    def actor(self, person: Person) -> Actor:
        return actor_of(person, date(2026, 3, 5))

    def volunteer(self, name: str = "", *, signed_up: bool = True) -> Person:
        """A volunteer, signed up for the activity unless told otherwise."""
        person = factories.volunteer(factories.person(**({"name": name} if name else {}))).person
        if signed_up:
            factories.sign_up(person, self.post)
        return person

    def present(self, person: Person, arrived: datetime | None = None) -> ServiceRecord:
        """Signed in by the leader at `arrived`."""
        sign_up = self.activity.sign_ups.get(person=person)
        return services.sign_in_for(sign_up=sign_up, by=self.actor(self.leader), now=arrived or at(9))

    def draft(self, person: Person, left: datetime | None = None) -> ServiceRecord:
        """Signed in at nine and out again."""
        return services.sign_out_for(record=self.present(person), by=self.actor(self.leader), now=left or at(11))

    def submitted(self, person: Person, left: datetime | None = None) -> ServiceRecord:
        record = self.draft(person, left)
        done = services.submit(records=[record], by=self.actor(self.leader), now=at(12))
        assert not done.refused
        return done.records[0]

    def verified(self, person: Person, left: datetime | None = None) -> ServiceRecord:
        """Two hours in the ledger, verified by the community worker."""
        done = services.verify(records=[self.submitted(person, left)], by=self.actor(self.worker), now=at(13))
        assert not done.refused
        return done.records[0]


def build() -> World:
    """The world, written with the factories."""
    team = factories.team(name="红星路社区志愿服务队")
    leader = factories.leader(team, name="周队长").person
    worker = factories.person(name="社区工作者")
    factories.posting(worker, "community_worker", team.division)
    officer = factories.person(name="区干部")
    factories.posting(officer, "district_officer", factories.division(Level.DISTRICT))
    activity = factories.activity(team, starts_at=START, title="院落清洁日", person_in_charge=leader)
    return World(team, leader, worker, officer, activity, factories.post(activity, places=30))


@pytest.fixture
def world(db: None) -> World:
    return build()


@pytest.fixture
def committed_world(transactional_db: None) -> World:
    """The same where other threads can see it."""
    return build()


@pytest.fixture(scope="session", autouse=True)
def key_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A demonstration key of the tests' own."""
    from django.conf import settings

    home, settings.HOME = settings.HOME, tmp_path_factory.mktemp("home")
    signing_key.cache_clear()
    yield
    settings.HOME = home
    signing_key.cache_clear()
