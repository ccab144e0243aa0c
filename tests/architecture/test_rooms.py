"""Every room looks the same: one screen that explains it, the same few files, each importing only downwards."""

import ast
import re

import pytest

from tests.architecture.house import QUNLI, ROOT, imports, rooms, spot, tracked, tree

ORDER = [
    {"urls"},
    {"views", "api", "admin"},
    {"forms"},
    {"tasks", "services"},
    {"selectors"},
    {"perms", "models"},
    {"enums", "states"},
]
"""Top to bottom. Siblings may import each other: states are tables over enums, a QuerySet's `visible_to` names
permissions, a job calls services, and a service puts jobs into the queue."""
STANDARD = {name for names in ORDER for name in names} | {
    *("__init__", "apps", "checks", "middleware", "migrations", "management"),
    *("templates", "templatetags", "locale", "data", "static", "README"),
}
LOW_ROOMS_WITHOUT_STANDARD_FILES = {"kernel", "synthetic", "web"}
"""Made of modules of their own, each named in the README."""
MOST_LINES = 500


def level(module: str) -> int | None:
    for number, names in enumerate(ORDER):
        if module in names:
            return number
    return None


def entries(room: str) -> set[str]:
    """Names of the room's own files and folders, without extension."""
    prefix = f"qunli/{room}/"
    return {name.removeprefix(prefix).split("/")[0].split(".")[0] for name in tracked() if name.startswith(prefix)}


@pytest.mark.parametrize("room", rooms())
def test_readme_fits_one_screen(room: str) -> None:
    readme = QUNLI / room / "README.md"
    assert readme.exists(), f"qunli/{room}/README.md: the words, the states, what others may call"
    lines = readme.read_text().splitlines()
    assert 5 <= len(lines) <= 80, f"{len(lines)} lines: one screen, please"


@pytest.mark.parametrize("room", rooms())
def test_files_are_the_usual_ones_or_explained(room: str) -> None:
    readme = (QUNLI / room / "README.md").read_text()
    unexplained = sorted(name for name in entries(room) - STANDARD if not re.search(rf"\b{re.escape(name)}\b", readme))
    assert not unexplained, f"qunli/{room}/README.md must say in a line what these are for: {unexplained}"


def test_imports_inside_a_room_go_down() -> None:
    wrong = []
    for i in imports():
        other, *rest = i.target.split(".")
        if other != i.room or not rest:
            continue
        here, there = level(i.module), level(rest[0])
        if here is not None and there is not None and there < here:
            wrong.append(f"{spot(i.file, i.line)}: {i.module} imports {rest[0]}, which stands above it")
        if (
            here is None
            and i.module not in STANDARD
            and i.room not in LOW_ROOMS_WITHOUT_STANDARD_FILES
            and there is not None
            and there < 3
        ):
            wrong.append(f"{spot(i.file, i.line)}: {i.module} imports {rest[0]}; pages and forms are not for rules")
    assert not wrong, "\n".join(wrong)


def test_no_relative_imports() -> None:
    wrong = [
        spot(path, node.lineno)
        for name in tracked()
        if name.endswith(".py") and name.startswith(("qunli/", "config/", "tests/", "bench/"))
        for path in [ROOT / name]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, "\n".join(wrong)


def test_files_stay_short() -> None:
    long = [
        f"{name}: {count} lines"
        for name in tracked()
        if name.endswith((".py", ".html", ".css", ".js", ".typ", ".sh")) and "/migrations/" not in name
        if (count := len((ROOT / name).read_text().splitlines())) > MOST_LINES
    ]
    assert not long, "make a package of it:\n" + "\n".join(long)


def test_services_are_verbs_with_keywords() -> None:
    """What somebody does (`by=`) takes keywords only, after the one thing that it is about: no call can swap its arguments."""
    wrong = []
    for room in rooms():
        for path in [QUNLI / room / "services.py", *(QUNLI / room / "services").glob("*.py")]:
            if not path.exists():
                continue
            for node in tree(path).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name not in POSITIONAL:
                    names = [a.arg for a in node.args.posonlyargs + node.args.args]
                    is_verb = "by" in names or any(a.arg == "by" for a in node.args.kwonlyargs)
                    if is_verb and len(names) > 1:
                        wrong.append(f"{spot(path, node.lineno)}: {node.name}({', '.join(names)})")
    assert not wrong, "keyword-only, please:\n" + "\n".join(wrong)


POSITIONAL = {"record", "looked", "tell"}
"""Read as a sentence: record(verb, subject, by=...), tell(people, template, ...)."""


def test_public_functions_explain_themselves() -> None:
    """Every door of a room says what it does. A one-line docstring is enough."""
    wrong = [
        f"{spot(path, node.lineno)}: {node.name}"
        for room in rooms()
        for door in ("services", "selectors", "perms")
        for path in [QUNLI / room / f"{door}.py", *(QUNLI / room / door).glob("*.py")]
        if path.exists()
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert not wrong, "without a docstring:\n" + "\n".join(wrong)
