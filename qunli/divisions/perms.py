"""Divisions are public reference data: everybody reads them, few change them."""

from enum import StrEnum

from qunli.kernel.actor import Actor


class Permission(StrEnum):
    CHANGE = "divisions.change"
    """Enter splits, mergers, renamings and transfers of divisions."""


def may_change(actor: Actor, path: str) -> bool:
    """Whoever holds divisions.change over the division that is changed."""
    return actor.has(Permission.CHANGE, path)
