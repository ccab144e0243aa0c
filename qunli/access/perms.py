"""Who may see and give postings."""

from enum import StrEnum

from qunli.access.roles import GRANT, grant_permission
from qunli.kernel.actor import Actor


class Permission(StrEnum):
    VIEW_POSTINGS = "access.view_postings"
    """See who holds which role in the own range."""


def may_grant(actor: Actor, role: str, path: str) -> bool:
    """A role is granted and ended by those whom roles.toml names in its `granted_by`, within their own range: so never above it."""
    return actor.has(grant_permission(role), path)


def may_grant_anything(actor: Actor) -> bool:
    """Whoever may grant some role somewhere sees the page to do it."""
    return actor.has(GRANT)
