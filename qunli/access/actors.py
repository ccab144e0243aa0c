"""Who acts, built from postings. Implements the kernel's Actor protocol."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from qunli.access.roles import RESIDENT, ROLES


class Held(NamedTuple):
    """One role in force. `paths`: the prefixes of divisions that it covers; "" is the whole city."""

    role: str
    paths: tuple[str, ...]
    unit: str = ""


RESIDENT_EVERYWHERE = Held(RESIDENT, ("",))


@dataclass(frozen=True)
class PostedActor:
    """A signed-in person, a token of a person, or a person as seen by a job: what its postings allow on one day."""

    account_id: int | None
    person_id: int | None
    label: str
    held: tuple[Held, ...]
    withheld: tuple[Held, ...] = ()
    """Roles that need a second factor which this session has not shown; they count for nothing until it has."""
    only: frozenset[str] | None = None
    """Permissions to which a token is narrowed; None: not narrowed."""

    def _holding(self, permission: str) -> Iterable[Held]:
        if self.only is not None and permission not in self.only:
            return ()
        return (h for h in self.held if (role := ROLES.get(h.role)) is not None and permission in role.permissions)

    def has(self, permission: str, path: str | None = None, unit: str | None = None) -> bool:
        for held in self._holding(permission):
            if path is None and unit is None:
                return True
            if held.unit:
                if held.unit == unit:
                    return True
            elif path is not None and any(path.startswith(prefix) for prefix in held.paths):
                return True
        return False

    def ranges(self, permission: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for held in self._holding(permission) if not held.unit for path in held.paths))

    def units(self, permission: str) -> frozenset[str]:
        return frozenset(held.unit for held in self._holding(permission) if held.unit)

    @property
    def roles(self) -> tuple[str, ...]:
        """Keys of the roles in force, the implied one last, without repeats."""
        return tuple(dict.fromkeys(held.role for held in self.held))
