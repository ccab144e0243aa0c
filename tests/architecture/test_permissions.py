"""Every permission is in a role, is asked for somewhere, and says in words what it allows."""

import ast
import importlib
import re
import tomllib
from enum import StrEnum

from tests.architecture.house import QUNLI, ROOT, rooms, sources, tree


def permissions() -> dict[str, str]:
    """Value -> member ("LEAD_TEAM") of every room."""
    found = {}
    for room in rooms():
        if (QUNLI / room / "perms.py").exists() or (QUNLI / room / "perms").is_dir():
            members = getattr(importlib.import_module(f"qunli.{room}.perms"), "Permission", None)
            if members is not None:
                assert issubclass(members, StrEnum)
                for member in members:
                    assert member.value.startswith(f"{room}."), f"{member!r} belongs to {room}"
                    found[member.value] = member.name
    return found


def in_roles() -> set[str]:
    """Permissions that roles.toml deals out: a table per room, a line per permission."""
    rooms_of = tomllib.loads((QUNLI / "access" / "roles.toml").read_text())["permissions"]
    return {f"{room}.{name}" for room, names in rooms_of.items() for name in names}


def test_roles_and_permissions_agree() -> None:
    assert permissions(), "no permissions found"
    assert set(permissions()) == in_roles()


def test_every_permission_is_asked_for() -> None:
    text = "\n".join(path.read_text() for path in sources() if path.name != "roles.toml")
    templates = "\n".join((ROOT / name).read_text() for name in _templates())
    unused = [
        value
        for value, member in permissions().items()
        if len(re.findall(rf"Permission\.{member}\b", text)) == 0
        and value not in templates
        and f'"{value}"' not in _outside_enums()
    ]
    assert not unused, f"permissions that nothing asks for: {unused}"


def _templates() -> list[str]:
    from tests.architecture.house import tracked

    return [name for name in tracked() if name.endswith(".html")]


def _outside_enums() -> str:
    return "\n".join(path.read_text() for path in sources() if "perms" not in path.parts and path.stem != "perms")


def test_every_permission_says_what_it_allows() -> None:
    """Each member of `Permission` is followed by a docstring: it is shown to whoever grants it."""
    silent = []
    for path in sources():
        if path.stem != "perms" and path.parent.name != "perms":
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and node.name == "Permission":
                for this, following in zip(node.body, [*node.body[1:], None], strict=True):
                    documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                    if isinstance(this, ast.Assign) and not documented:
                        silent.append(f"{path.relative_to(ROOT)}:{this.lineno}")
    assert not silent, "\n".join(silent)
