"""Who may read rules that are not public, try them on a person, and see what was decided by them."""

from enum import StrEnum
from typing import TYPE_CHECKING

from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.people.models import Person


class Permission(StrEnum):
    READ = "rules.read"
    """Read rule sets that are not public, such as what fabricated hours are found by."""
    TRY_ON_PERSON = "rules.try_on_person"
    """Try a rule set on a person of the range with the facts that are on record; each look is recorded."""
    SEE_DECISIONS = "rules.see_decisions"
    """See what was decided by rules in the range, with the facts and the clauses."""


def may_read_all(actor: Actor) -> bool:
    """Whoever holds rules.read; public rule sets are read by everyone."""
    return actor.has(Permission.READ)


def may_try_on(actor: Actor, person: "Person") -> bool:
    """Whoever holds rules.try_on_person over where the person lives; everyone on themselves."""
    path = person.division.path if person.division else ""
    return (actor.person_id is not None and actor.person_id == person.pk) or actor.has(Permission.TRY_ON_PERSON, path)
