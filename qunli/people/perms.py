"""Who may see and change the records of people. Every query goes through `Person.objects.visible_to`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.people.models import Person


class Permission(StrEnum):
    SEE = "people.see"
    """Look up people of the range; identity and phone are masked."""
    UNMASK = "people.unmask"
    """See identity number and phone in full, for a stated reason that is recorded."""
    REGISTER = "people.register"
    """Register people of the range and keep their contact data, guardians and consents on paper."""
    MERGE = "people.merge"
    """Merge two records of one person, and undo a merge."""
    EXPORT = "people.export"
    """Hand a person of the range all that is held on them."""
    ERASE = "people.erase"
    """Carry out a person's request for deletion."""


def _path(person: "Person") -> str:
    return person.division.path if person.division else ""


def may_see(actor: Actor, person: "Person") -> bool:
    """The person, a guardian of theirs, and whoever holds people.see over where they live."""
    return is_self_or_ward(actor, person) or actor.has(Permission.SEE, _path(person))


def may_unmask(actor: Actor, person: "Person") -> bool:
    """The person and their guardian; others with people.unmask over where they live, who also must give a reason."""
    return is_self_or_ward(actor, person) or actor.has(Permission.UNMASK, _path(person))


def may_register(actor: Actor, path: str) -> bool:
    """Whoever holds people.register over the division that the person lives in."""
    return actor.has(Permission.REGISTER, path)


def may_edit(actor: Actor, person: "Person") -> bool:
    """The person, a guardian of theirs, and whoever holds people.register over where they live."""
    return is_self_or_ward(actor, person) or actor.has(Permission.REGISTER, _path(person))


def may_merge(actor: Actor, person: "Person") -> bool:
    """Whoever holds people.merge over where the person lives; both persons of a merge are asked. Never one's own record."""
    return actor.person_id != person.pk and actor.has(Permission.MERGE, _path(person))


def may_export(actor: Actor, person: "Person") -> bool:
    """The person, a guardian of theirs, and whoever holds people.export over where they live."""
    return is_self_or_ward(actor, person) or actor.has(Permission.EXPORT, _path(person))


def may_erase(actor: Actor, person: "Person") -> bool:
    """The person, a guardian of theirs, and whoever holds people.erase over where they live."""
    return is_self_or_ward(actor, person) or actor.has(Permission.ERASE, _path(person))


class Rights(NamedTuple):
    """What an actor may do with one record, asked once for a page."""

    own: bool
    """The actor's own record, or that of a ward."""
    edit: bool
    unmask: bool
    export: bool
    erase: bool


def rights(actor: Actor, person: "Person") -> Rights:
    """`may_edit`, `may_unmask`, `may_export` and `may_erase` together."""
    own, path = is_self_or_ward(actor, person), _path(person)
    held = (own or actor.has(p, path) for p in (Permission.REGISTER, Permission.UNMASK, Permission.EXPORT, Permission.ERASE))
    return Rights(own, *held)


def is_self_or_ward(actor: Actor, person: "Person") -> bool:
    """Whether the record is the actor's own, or that of a child whose guardian the actor is."""
    if actor.person_id is not None:
        return actor.person_id == person.pk or person.guardianships.filter(guardian_id=actor.person_id, until=None).exists()
    # An account that registers itself gets its person after the actor was built.
    accounts: Any = getattr(person, "accounts", None)  # of a room above
    return actor.account_id is not None and accounts is not None and accounts.filter(pk=actor.account_id).exists()
