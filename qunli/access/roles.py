"""The roles as data: `roles.toml` read once. Nothing here touches the database."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.utils.translation import get_language

SOURCE = Path(__file__).with_name("roles.toml")
RESIDENT = "resident"
"""The role of everyone who has signed in; never posted."""


@dataclass(frozen=True)
class Role:
    key: str
    names: Mapping[str, str]
    sentences: Mapping[str, str]
    levels: frozenset[int]
    """Levels of the tree at which it may be granted."""
    granted_by: tuple[str, ...]
    unit: bool
    """A posting of this role names one unit ("team:42")."""
    second_factor: bool
    permissions: frozenset[str]

    @property
    def name(self) -> str:
        return self.names[_language()]

    @property
    def about(self) -> str:
        """One sentence that says what a holder does."""
        return self.sentences[_language()]


def _language() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh"


class Book:
    """`roles.toml`: roles and who holds which permission. Raises ValueError for a file that contradicts itself."""

    def __init__(self, text: str) -> None:
        raw = tomllib.loads(text)
        self.groups: dict[str, list[str]] = raw.get("groups", {})
        self.holders: dict[str, frozenset[str]] = {
            f"{room}.{name}": frozenset(self._expand(roles, f"{room}.{name}", raw["roles"]))
            for room, table in raw.get("permissions", {}).items()
            for name, roles in table.items()
        }
        self.scopes: dict[str, frozenset[str]] = {scope: frozenset(held) for scope, held in raw.get("scopes", {}).items()}
        self.roles: dict[str, Role] = {key: self._role(key, row, raw["roles"]) for key, row in raw["roles"].items()}

    def _expand(self, names: list[str], where: str, known: Mapping[str, object]) -> list[str]:
        found: list[str] = []
        for name in names:
            members = self.groups.get(name[1:], [name]) if name.startswith("@") else [name]
            for member in members:
                if member not in known:
                    raise ValueError(f"roles.toml: {where}: no role or group {member!r}")
                found.append(member)
        return found

    def _role(self, key: str, row: Mapping[str, object], known: Mapping[str, object]) -> Role:
        granted_by = self._expand(list(row["granted_by"]), f"roles.{key}.granted_by", known)  # type: ignore[call-overload]
        held = {permission for permission, roles in self.holders.items() if key in roles}
        # Whom a holder may grant is itself a permission, so that every range rule applies to it as to any other.
        held |= {grant_permission(k) for k, r in known.items() if key in r["granted_by"]}  # type: ignore[index]
        if any(k.startswith("access.grant.") for k in held):
            held.add(GRANT)
        return Role(
            key=key,
            names={"zh": str(row["zh"]), "en": str(row["en"])},
            sentences={"zh": str(row["about_zh"]), "en": str(row["about_en"])},
            levels=frozenset(row["levels"]),  # type: ignore[call-overload]
            granted_by=tuple(granted_by),
            unit=bool(row.get("unit", False)),
            second_factor=bool(row.get("second_factor", False)),
            permissions=frozenset(held),
        )

    @cached_property
    def declared(self) -> frozenset[str]:
        """Permissions that the file names."""
        return frozenset(self.holders)

    def roles_with(self, permission: str) -> list[Role]:
        """Roles that hold `permission`, in the order of the file."""
        return [role for role in self.roles.values() if permission in role.permissions]


GRANT = "access.grant"
"""Held by every role that may grant another one; which one is `access.grant.ROLE`."""


def grant_permission(role: str) -> str:
    """The permission to grant `role`; held over a range like any other."""
    return f"{GRANT}.{role}"


BOOK = Book(SOURCE.read_text(encoding="utf-8"))
ROLES = BOOK.roles
