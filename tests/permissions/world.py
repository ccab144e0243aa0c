"""A small world for the permission table: the same objects twice, inside the reach of the district 锦江 and outside it in 青羊."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from qunli.accounts.models import Account
from qunli.divisions.enums import Level
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
    return Place(
        {
            "division": community,
            "team": team,
            "leader": leader,
            "activity": activity,
            "post": post,
            "volunteer": volunteer,
            "person": volunteer.person,
            "membership": membership,
            "sign_up": sign_up,
            "running": running,
            "present": present,
            "record": record,
        }
    )


def build() -> World:
    inside, outside = build_place(factories.DISTRICT), build_place(factories.OTHER_DISTRICT)
    accounts = {}
    for role in roles():
        unit = inside.objects["team"].unit if role in UNIT_ROLES else ""
        accounts[role], _ = person_of(role, unit=unit)
    return World({"inside": inside, "outside": outside}, accounts)
