"""Signed-in people of each role. The default division is 锦江区; a community worker works in one of its communities."""

import itertools
from datetime import date
from typing import Any

from django.test import Client
from qunli.accounts.services import issue_token, open_session

from qunli.access.models import Posting
from qunli.accounts.models import Account
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM
from qunli.people.models import Person

_count = itertools.count(1)

DISTRICT = "510104000000"
"""锦江区, where the people of the tests live and work unless a test says otherwise."""
OTHER_DISTRICT = "510105000000"
"""青羊区: outside the reach of 锦江区."""

LEVEL_OF_ROLE = {
    "city_officer": Level.CITY,
    "supervisor": Level.CITY,
    "auditor": Level.CITY,
    "system_administrator": Level.CITY,
    "district_officer": Level.DISTRICT,
    "partner": Level.DISTRICT,
    "street_officer": Level.STREET,
    "community_worker": Level.COMMUNITY,
    "team_leader": Level.COMMUNITY,
    "volunteer": Level.COMMUNITY,
    "resident": Level.COMMUNITY,
}
ROLES = tuple(LEVEL_OF_ROLE)


class RoleClient(Client):
    """A test client that knows who is signed in."""

    person: Person
    account: Account
    division: Division


def division_of(role: str, district: str = DISTRICT) -> Division:
    """The first division of the level on which `role` works, inside `district`."""
    level = LEVEL_OF_ROLE[role]
    if level == Level.CITY:
        return Division.objects.get(level=level, valid_to=None)
    root = Division.objects.get(code=district, valid_to=None)
    return Division.objects.filter(path__startswith=root.path, level=level, valid_to=None).order_by("path")[0]


def person_of(role: str, division: str | Division | None = None, unit: str = "", **fields: Any) -> tuple[Account, Division]:
    """A new person with an account and a posting of `role`; everyone signed in is a resident without one."""
    place = Division.objects.get(code=division, valid_to=None) if isinstance(division, str) else division or division_of(role)
    number = next(_count)
    person = Person.objects.create(
        name=fields.pop("name", f"测试{number}"),
        sex="f",
        birth_date=fields.pop("birth_date", date(1990, 1, 1)),
        division=place,
        **fields,
    )
    account = Account.objects.create_user(f"test-{number}", None, person=person, phone_verified=True)
    if role != "resident":
        Posting.objects.create(person=person, role=role, division=place, unit=unit, valid_from=date(2020, 1, 1))
    return account, place


def sign_in(
    role: str, division: str | Division | None = None, unit: str = "", language: str = "zh-hans", **fields: Any
) -> RoleClient:
    """A client signed in as a new person of `role`."""
    account, place = person_of(role, division, unit, **fields)
    client = client_of(account, language=language)
    client.division = place
    return client


def client_of(account: Account, *, language: str = "zh-hans", enforce_csrf: bool = False) -> RoleClient:
    client = RoleClient(enforce_csrf_checks=enforce_csrf, headers={"accept-language": language})
    if account.language != language:
        account.language = language
        account.save(update_fields=["language"])
    cookie = open_session(account)
    client.cookies[cookie.name] = cookie.value
    client.account = account
    assert account.person is not None
    client.person = account.person
    return client


def api_client(
    role: str, division: str | Division | None = None, unit: str = "", scopes: tuple[str, ...] = (), **fields: Any
) -> RoleClient:
    """A client with an API token of a new person of `role`."""
    account, place = person_of(role, division, unit, **fields)
    token = issue_token(account=account, name="test", scopes=list(scopes), days=1, by=SYSTEM)
    client = RoleClient(headers={"authorization": f"Bearer {token}"})
    client.account, client.division = account, place
    assert account.person is not None
    client.person = account.person
    return client
