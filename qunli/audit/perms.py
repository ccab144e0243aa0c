"""Who may read the audit: the auditor alone. Neither the officers it watches nor the system administrator."""

from enum import StrEnum

from qunli.kernel.actor import Actor


class Permission(StrEnum):
    SEARCH = "audit.search"
    """Search all audit events."""


def may_search(actor: Actor) -> bool:
    """Whoever holds audit.search anywhere: the audit is one and not divided by place."""
    return actor.has(Permission.SEARCH)
