"""A small world for the permission table: the same objects twice, inside the reach of the district 锦江 and outside it in 青羊."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from qunli.accounts.models import Account
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.notices.models import Notice
from qunli.people import services as people
from qunli.people.models import Duplicate, Guardianship, Merge, Person
from qunli.rules import services as rules
from qunli.rules.models import Decision
from qunli.service_hours import services
from qunli.service_hours.models import Certificate
from qunli.volunteering.models import Team
from tests import factories
from tests.roles import client_of, person_of, roles

ANONYMOUS = "anonymous"
COLUMNS = (ANONYMOUS, *roles())
UNIT_ROLES = ("team_leader", "partner")


@dataclass
class Place:
    """Everything that an address can name, in one district. Attributes are called as the addresses' arguments."""

    objects: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    places: dict[str, Place]
    accounts: dict[str, Account]

    def client(self, role: str) -> Any:
        from django.test import Client

        return Client() if role == ANONYMOUS else client_of(self.accounts[role])


def build_place(district: str) -> Place:
    now = timezone.now()
    community = factories.division(Level.COMMUNITY, district)
    team = factories.team(division=community)
    leader = factories.leader(team)
    activity = factories.activity(team, starts_at=now + timedelta(days=1), created_by=leader.person)
    post = factories.post(activity)
    volunteer = factories.volunteer(factories.person(division=community))
    membership = factories.membership(volunteer, team)
    sign_up = factories.sign_up(volunteer.person, post)
    running = factories.activity(team, starts_at=now - timedelta(hours=1), created_by=leader.person)
    running_post = factories.post(running)
    present = factories.sign_up(volunteer.person, running_post)
    record = factories.record(present)
    other = factories.volunteer(factories.person(division=community))
    twin = factories.person(division=community, id_number=None)
    return Place(
        {
            "division": community,
            "team": team,
            "leader": leader,
            "activity": activity,
            "post": post,
            "volunteer": volunteer,
            "person": volunteer.person,
            "twin": twin,
            "duplicate": Duplicate.objects.create(
                one=volunteer.person, other=twin, reason="same_contact", found_on=local_date(now)
            ),
            "case": factories.case(division=community, unit=team.unit),
            "merge": merge_of(community),
            "guardianship": guardianship_of(volunteer.person, community, now),
            "invitation": factories.invitation(other.person, post),
            "plan": factories.plan(community),
            "membership": membership,
            "sign_up": sign_up,
            "running": running,
            "present": factories.sign_up(other.person, running_post),
            "record": record,
            "finding": factories.finding(record),
            "sample": factories.sample(record),
            "star": factories.star_proposal(volunteer),
            "certificate": certificate_of(other.person, team, now),
            "posting": factories.posting(factories.person(division=community), "community_worker", community),
            "decision": decision_on(volunteer.person, now),
            "notice": Notice.objects.create(person=volunteer.person, template="volunteering/sign_up_confirmed", facts={}),
        }
    )


def decision_on(person: Person, now: datetime) -> Decision:
    """Of the stars of a volunteer."""
    assert person.division is not None
    return rules.decide(
        key="volunteer-stars",
        facts={"verified_minutes": 6000},
        subject=f"person:{person.pk}",
        person=person,
        division=person.division,
        on=local_date(now),
        by=SYSTEM,
        now=now,
    )


def merge_of(community: Division) -> Merge:
    """A merge that can be undone."""
    kept, gone = factories.person(division=community), factories.person(division=community, id_number=None)
    return people.merge(kept=kept, gone=gone, reason="持证件到社区说明", by=SYSTEM, now=timezone.now())


def guardianship_of(minor: Person, community: Division, now: datetime) -> Guardianship:
    guardian = factories.person(division=community)
    return Guardianship.objects.create(minor=minor, guardian=guardian, relation="parent", since=local_date(now))


def certificate_of(person: Person, team: Team, now: datetime) -> Certificate:
    """Of two hours given yesterday, verified."""
    past = factories.activity(team, starts_at=now - timedelta(days=1))
    sign_up = factories.sign_up(person, factories.post(past))
    record = factories.record(sign_up, state="draft", signed_out_at=past.ends_at, out_method="leader", minutes=120)
    assert not services.submit(records=[record], by=SYSTEM, now=now).refused
    assert not services.verify(records=[record], by=SYSTEM, now=now).refused
    today = local_date(now)
    return services.issue(person=person, since=today - timedelta(days=7), until=today, by=SYSTEM, now=now)


def build() -> World:
    inside, outside = build_place(factories.DISTRICT), build_place(factories.OTHER_DISTRICT)
    accounts = {}
    for role in roles():
        unit = inside.objects["team"].unit if role in UNIT_ROLES else ""
        accounts[role], _ = person_of(role, unit=unit)
    return World({"inside": inside, "outside": outside}, accounts)
