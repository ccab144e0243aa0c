"""What the tests of the architecture read: rooms, layers, files, addresses."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
QUNLI = ROOT / "qunli"


@cache
def tracked() -> tuple[str, ...]:
    """Files that git knows or would add, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return tuple(sorted(name for name in set(listing.stdout.splitlines()) if (ROOT / name).is_file()))


@cache
def rooms() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in QUNLI.iterdir() if (path / "__init__.py").exists()))


@cache
def layers() -> tuple[frozenset[str], ...]:
    """The house top to bottom as the import-linter contract of pyproject.toml has it; rooms of one layer are siblings."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            return tuple(
                frozenset(room.strip(" ()").removeprefix("qunli.") for room in line.split("|")) for line in contract["layers"]
            )
    raise LookupError("pyproject.toml has no contract of type layers")


def height(room: str) -> int:
    """0 is the lowest layer."""
    for number, layer in enumerate(reversed(layers())):
        if room in layer:
            return number
    raise LookupError(f"{room} has no place in the layers of pyproject.toml")


def may_use(room: str, other: str) -> bool:
    return room == other or height(other) < height(room)


class Import(NamedTuple):
    file: Path
    line: int
    room: str
    module: str
    """Module of this file inside its room, "" for the package itself."""
    target: str
    """Dotted path under `qunli`, e.g. "people.models"."""
    name: str
    """What is imported from it; "" for `import x`."""


@cache
def sources() -> tuple[Path, ...]:
    """Python files of the rooms, without migrations."""
    return tuple(
        ROOT / name for name in tracked() if name.startswith("qunli/") and name.endswith(".py") and "/migrations/" not in name
    )


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports() -> Iterator[Import]:
    """Every import of a module of the rooms by a file of the rooms. Relative imports are refused elsewhere."""
    for path in sources():
        parts = path.relative_to(QUNLI).with_suffix("").parts
        if len(parts) < 2:
            continue
        room, module = parts[0], parts[1] if parts[1] != "__init__" else ""
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "qunli":
                base = node.module.removeprefix("qunli").lstrip(".")
                for alias in node.names:
                    deeper = f"{base}.{alias.name}".lstrip(".")
                    whole = QUNLI / deeper.replace(".", "/")
                    if whole.with_suffix(".py").exists() or (whole / "__init__.py").exists():
                        yield Import(path, node.lineno, room, module, deeper, "")
                    else:
                        yield Import(path, node.lineno, room, module, base, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == "qunli":
                        yield Import(path, node.lineno, room, module, alias.name.removeprefix("qunli."), "")


class Route(NamedTuple):
    pattern: str
    name: str
    """With its namespaces; "" when the pattern has none."""
    view: Any
    label: str


def routes(resolver: URLResolver | None = None, prefix: str = "", namespaces: tuple[str, ...] = ()) -> Iterator[Route]:
    """Every address that answers."""
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, pattern, (*namespaces, entry.namespace) if entry.namespace else namespaces)
        elif isinstance(entry, URLPattern):
            name = ":".join((*namespaces, entry.name)) if entry.name else ""
            yield Route(pattern, name, entry.callback, label_of(entry.callback))


def label_of(view: Any) -> str:
    """Where a view is written: qunli.web.views.home, also when decorated or class-based."""
    view_class = getattr(view, "view_class", None)
    if view_class is not None:
        return f"{view_class.__module__}.{view_class.__qualname__}"
    while isinstance(view, partial) or hasattr(view, "__wrapped__"):
        view = view.func if isinstance(view, partial) else view.__wrapped__
    return f"{view.__module__}.{view.__qualname__}"


def is_public(view: Any) -> bool:
    """Opted out of Django's LoginRequiredMiddleware."""
    return not getattr(view, "login_required", True)


def spot(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT)}:{line}"
