"""What others may ask about roles and postings."""

import time
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from qunli.access.actors import RESIDENT_EVERYWHERE, Held, PostedActor
from qunli.access.models import Posting, PostingQuerySet
from qunli.access.roles import BOOK, ROLES, Role
from qunli.access.units import names_of_units as names_of_units
from qunli.accounts.models import Account
from qunli.divisions.models import Division
from qunli.divisions.selectors import FRESH, ranges_of
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied
from qunli.kernel.lists import listed
from qunli.kernel.masking import mask_name
from qunli.people.models import Person


def actor_of(
    of: Person | Account, on: date, *, second_factor: bool = True, label: str = "", only: Iterable[str] | None = None
) -> PostedActor:
    """The actor that a person or an account is on a day of Asia/Shanghai, from one query (two for a Person).

    Without `second_factor` the roles that require one are withheld. `only` narrows to the permissions of a token.
    """
    account_id: int | None
    person_id: int | None
    if isinstance(of, Account):
        account_id, person_id = of.pk, of.person_id
    else:
        person_id = of.pk
        account_id = Account.objects.filter(person_id=of.pk).values_list("pk", flat=True).first()
    held: list[Held] = []
    withheld: list[Held] = []
    for posting in _in_force(person_id, on) if person_id is not None else ():
        role = ROLES.get(posting.role)
        if role is None:
            continue
        (withheld if role.second_factor and not second_factor else held).append(posting)
    held.append(RESIDENT_EVERYWHERE)
    return PostedActor(
        account_id=account_id,
        person_id=person_id,
        label=label or (f"account:{account_id}" if account_id else f"person:{person_id}"),
        held=tuple(held),
        withheld=tuple(withheld),
        only=None if only is None else frozenset(only),
    )


IN_FORCE = """
    SELECT p.role, p.unit, p.division_id, d.path, d.kind FROM access_posting p JOIN divisions_division d ON d.id = p.division_id
    WHERE p.person_id = %(person)s AND p.valid_from <= %(on)s AND (p.valid_to IS NULL OR p.valid_to > %(on)s) ORDER BY p.id
"""
"""Written out, as every page of somebody signed in asks it: `Posting.objects.in_force(on)` of a person."""


def _in_force(person_id: int, on: date) -> Iterable[Held]:
    with connection.cursor() as cursor:
        cursor.execute(IN_FORCE, {"person": person_id, "on": on})
        rows = cursor.fetchall()
    minute = int(time.monotonic() // FRESH)
    for role, unit, division, path, kind in rows:
        yield Held(role, _reach(division, path, kind, on, minute), unit)


@lru_cache(maxsize=4096)
def _reach(division_id: int, path: str, kind: str, on: date, _minute: int) -> tuple[str, ...]:
    """What a posting on a division covers. Kept for a minute, as the tree is: so that an actor costs one query."""
    return ranges_of(Division(pk=division_id, path=path, kind=kind), on)


def postings(actor: Actor) -> PostingQuerySet:
    """Postings that the actor may see, with person and division."""
    return Posting.objects.visible_to(actor).select_related("person", "division")


def holders(role: str, path: str, on: date) -> QuerySet[Posting]:
    """Postings of `role` in force whose division covers the one at `path`."""
    codes = [part for part in path.split("/") if part]
    return Posting.objects.in_force(on).filter(Q(role=role, division__code__in=codes)).select_related("person", "division")


WITHOUT_OFFICE = ("resident", "volunteer")


def offices(asked: set[tuple[int, date]]) -> dict[tuple[int, date], str]:
    """The offices that people held on a day, each with its unit or else its division, by (person, day)."""
    held = list(
        Posting.objects.filter(person__in={person for person, _day in asked})
        .exclude(role__in=WITHOUT_OFFICE)
        .select_related("division")
        .order_by("pk")
    )
    units = names_of_units(sorted({posting.unit for posting in held if posting.unit}))
    found: dict[tuple[int, date], list[str]] = {}
    for person, day in asked:
        for posting in held:
            if posting.person_id == person and posting.valid_from <= day and (posting.valid_to is None or day <= posting.valid_to):
                place = units.get(posting.unit) or posting.division.name
                found.setdefault((person, day), []).append(f"{ROLES[posting.role].name} ({place})")
    return {key: listed(sorted(set(names))) for key, names in found.items()}


def roles_with(permission: str) -> list[Role]:
    """Roles that hold a permission, in the order of roles.toml."""
    return BOOK.roles_with(permission)


def explain(denied: Denied, actor: Actor, on: date) -> dict[str, Any]:
    """Why an actor may not: what was tried, roles that may, and up to five people near the actor who can grant one of them.

    Names are masked: a reader who has no role yet need only know whom to ask for at the office.
    """
    roles = BOOK.roles_with(denied.permission)
    person = Person.objects.select_related("division").filter(pk=actor.person_id).first() if actor.person_id else None
    granters: list[dict[str, str]] = []
    if person is not None and person.division is not None:
        wanted = list(dict.fromkeys(key for role in roles for key in role.granted_by))
        codes = [part for part in person.division.path.split("/") if part]
        found = (
            Posting.objects.in_force(on)
            .filter(role__in=wanted, division__code__in=codes)
            .exclude(person=person)
            .select_related("person", "division")
            .order_by("-division__level", "id")[:5]
        )
        granters = [{"role": ROLES[p.role].name, "division": p.division.name, "name": mask_name(p.person.name)} for p in found]
    withheld = isinstance(actor, PostedActor) and any(denied.permission in ROLES[held.role].permissions for held in actor.withheld)
    return {
        "tried": str(denied.message),
        "permission": denied.permission,
        "roles": roles,
        "granters": granters,
        "second_factor": withheld,
    }
