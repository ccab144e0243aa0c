"""At start: what roles.toml says and what the rooms declare must be the same."""

from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error

from qunli.access.roles import BOOK


def declared() -> Iterator[tuple[str, str]]:
    """(room, permission) of every `Permission` in a room's perms.py."""
    for config in apps.get_app_configs():
        if not config.name.startswith("qunli.") or find_spec(f"{config.name}.perms") is None:
            continue
        permissions = getattr(import_module(f"{config.name}.perms"), "Permission", None)
        if permissions is not None and issubclass(permissions, StrEnum):
            for member in permissions:
                yield config.label, member.value


def check_roles(**_kwargs: Any) -> list[CheckMessage]:
    rooms = {permission: room for room, permission in declared()}
    found: list[CheckMessage] = [
        Error(f"roles.toml: no room declares the permission {permission!r}", id="access.E001")
        for permission in sorted(BOOK.declared - set(rooms))
    ]
    found += [
        Error(
            f"the permission {permission!r} is held by no role",
            hint=f"add it to qunli/access/roles.toml under [permissions.{rooms[permission]}]",
            id="access.E002",
        )
        for permission in sorted(set(rooms) - BOOK.declared)
    ]
    found += [
        Error(f"{permission!r} must begin with {room + '.'!r}", id="access.E003")
        for permission, room in sorted(rooms.items())
        if not permission.startswith(f"{room}.")
    ]
    return found
