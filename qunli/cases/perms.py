"""Who may do what with a case. Every function's docstring is the policy; nothing is allowed that is not said.

A case has a desk (the division whose office receives and dispatches it) and an owner (a division's office, or one unit in it).
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.cases.models import Case


class Permission(StrEnum):
    ASK = "cases.ask"
    """Ask for something, follow one's own cases, urge, rate, withdraw and have them opened again."""
    SEE = "cases.see"
    """See the cases of the division and its rates; names stay masked."""
    DISPATCH = "cases.dispatch"
    """Accept, dispatch, return to the level above, merge, split, extend, visit back and archive the cases of the division."""
    HANDLE = "cases.handle"
    """Take a case, contact the requester, work on it, answer or give it back. May be narrowed to a team."""
    SUPERVISE = "cases.supervise"
    """Urge and supervise the cases of the levels below."""
    SEE_CONTACT = "cases.see_contact"
    """See name, phone and address of who asks, in a case that one dispatches or has taken; each look is written to the audit."""


def is_own(actor: Actor, case: "Case") -> bool:
    """Who asked; nobody else rates or withdraws."""
    return actor.person_id is not None and actor.person_id == case.requester_id and actor.has(Permission.ASK)


def may_dispatch(actor: Actor, case: "Case") -> bool:
    """Whoever holds cases.dispatch over the case's desk."""
    return actor.has(Permission.DISPATCH, path=case.desk.path)


def may_handle(actor: Actor, case: "Case") -> bool:
    """The owner: the unit that has it, else whoever holds cases.handle over the owning division; never the requester's own case."""
    if actor.person_id is not None and actor.person_id == case.requester_id:
        return False
    return _over(actor, Permission.HANDLE, case)


def may_take(actor: Actor, unit: str, division_path: str) -> bool:
    """Whoever holds cases.handle over the unit (or, for a division's own office, over the division)."""
    return actor.has(Permission.HANDLE, unit=unit) if unit else actor.has(Permission.HANDLE, path=division_path)


def may_supervise(actor: Actor, case: "Case") -> bool:
    """Whoever holds cases.supervise over a division above the owner's office."""
    above = case.owner_division.path if case.owner_unit else case.owner_division.path.rstrip("/").rpartition("/")[0] + "/"
    return actor.has(Permission.SUPERVISE, path=above)


def may_see_contact(actor: Actor, case: "Case") -> bool:
    """The requester; the desk; and the owner once it has taken the case."""
    if is_own(actor, case) or actor.has(Permission.SEE_CONTACT, path=case.desk.path):
        return True
    return case.state not in ("received", "dispatched", "returned") and _over(actor, Permission.SEE_CONTACT, case)


def _over(actor: Actor, permission: str, case: "Case") -> bool:
    if case.owner_unit:
        return actor.has(permission, unit=case.owner_unit)
    return actor.has(permission, path=case.owner_division.path)
