"""Who acts. The protocol is here, so that every room below `access` can ask what an actor may do without knowing roles.

Ranges are division paths ("510100000000/510104000000/"): a grant on a division covers everything below it. "" is the whole city.
Units are keys of other scopes that a grant may be narrowed to, such as "team:42".
"""

from collections.abc import Iterable
from typing import Protocol


class Actor(Protocol):
    """A person (or a command) on whose behalf something is read or done."""

    @property
    def account_id(self) -> int | None: ...

    @property
    def person_id(self) -> int | None: ...

    @property
    def label(self) -> str:
        """How the audit names this actor; no personal data."""
        ...

    def has(self, permission: str, path: str | None = None, unit: str | None = None) -> bool:
        """Whether `permission` is held: anywhere (no arguments), over the division at `path`, or over `unit`."""
        ...

    def ranges(self, permission: str) -> tuple[str, ...]:
        """Division path prefixes over which `permission` is held without being narrowed to a unit; () when none."""
        ...

    def units(self, permission: str) -> frozenset[str]:
        """Units to which `permission` is narrowed."""
        ...


class _Everyone:
    account_id: int | None = None
    person_id: int | None = None

    def __init__(self, label: str, everything: bool) -> None:
        self.label = label
        self._everything = everything

    def has(self, permission: str, path: str | None = None, unit: str | None = None) -> bool:
        return self._everything

    def ranges(self, permission: str) -> tuple[str, ...]:
        return ("",) if self._everything else ()

    def units(self, permission: str) -> frozenset[str]:
        return frozenset()


SYSTEM: Actor = _Everyone("system", True)
"""Scheduled jobs and commands. Never reachable from a request."""

NOBODY: Actor = _Everyone("anonymous", False)
"""Somebody who has not signed in: holds nothing."""


def covers(ranges: Iterable[str], path: str) -> bool:
    return any(path.startswith(prefix) for prefix in ranges)
