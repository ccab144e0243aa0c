"""Signed-in people of each role. The default division is 锦江区; a community worker works in its first community."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from django.test import Client

from qunli.accounts.models import Account
from qunli.accounts.scopes import SCOPES
from qunli.accounts.services import issue_token, open_session
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM
from qunli.people.models import Person
from tests import factories

ROLES_FILE = Path(__file__).resolve().parents[1] / "qunli" / "access" / "roles.toml"
USUAL_LEVEL = {
    "team_leader": Level.COMMUNITY,
    "volunteer": Level.COMMUNITY,
    "partner": Level.DISTRICT,
    "supervisor": Level.DISTRICT,
}
"""Where a role is usually held, for roles that may be held on several levels; the others stand on the highest that they may."""


@cache
def roles() -> tuple[str, ...]:
    return tuple(tomllib.loads(ROLES_FILE.read_text())["roles"])


def level_of(role: str) -> Level:
    levels = tomllib.loads(ROLES_FILE.read_text())["roles"][role]["levels"]
    return USUAL_LEVEL.get(role) or Level(min(levels, default=Level.COMMUNITY))


class RoleClient(Client):
    """A test client that knows who is signed in."""

    person: Person
    account: Account
    division: Division


def person_of(role: str, division: str | Division | None = None, unit: str = "", **fields: Any) -> tuple[Account, Division]:
    """A new person with an account and a posting of `role`; everyone signed in is a resident without one."""
    if isinstance(division, str):
        place = Division.objects.get(code=division, valid_to=None)
    else:
        place = division or factories.division(level_of(role))
    someone = factories.person(division=place, **fields)
    if role == "volunteer":
        factories.volunteer(someone)
    elif role != "resident":
        factories.posting(someone, role, place, unit=unit)
    return factories.account(someone), place


def client_of(account: Account, *, language: str = "zh-hans", enforce_csrf: bool = False) -> RoleClient:
    """A client with an open session of `account`, second factor passed."""
    client = RoleClient(enforce_csrf_checks=enforce_csrf, headers={"accept-language": language})
    if account.language != language:
        account.language = language
        account.save(update_fields=["language"])
    cookie = open_session(account)
    client.cookies[cookie.name] = cookie.value
    return _know(client, account)


def sign_in(
    role: str, division: str | Division | None = None, unit: str = "", *, language: str = "zh-hans", **fields: Any
) -> RoleClient:
    """A client signed in as a new person of `role`."""
    account, place = person_of(role, division, unit, **fields)
    client = client_of(account, language=language)
    client.division = place
    return client


def api_client(
    role: str, division: str | Division | None = None, unit: str = "", *, scopes: tuple[str, ...] = (), **fields: Any
) -> RoleClient:
    """A client with an API token of a new person of `role`."""
    account, place = person_of(role, division, unit, **fields)
    token = issue_token(account=account, name="test", scopes=scopes or SCOPES, days=1, by=SYSTEM)
    client = _know(RoleClient(headers={"authorization": f"Bearer {token}"}), account)
    client.division = place
    return client


def _know(client: RoleClient, account: Account) -> RoleClient:
    assert account.person is not None
    client.account, client.person = account, account.person
    client.division = account.person.division  # type: ignore[assignment]
    return client
