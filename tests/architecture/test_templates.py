"""Every template compiles, is used, and says nothing untranslated."""

import re
from pathlib import Path

import pytest
from django.template import engines

from tests.architecture.house import ROOT, tracked

USED_BY_OTHERS = re.compile(
    r"(^|/)(4\d\d|5\d\d|csrf|429)(_[a-z]+)?\.html$|^(account|socialaccount|mfa|usersessions|allauth|axes|django|admin)/"
)
"""Names that Django, allauth and others look for."""


def templates() -> dict[str, Path]:
    """Template name -> file."""
    found = {}
    for name in tracked():
        match = re.match(r"^(?:templates|qunli/[a-z_]+/templates)/(.+\.(?:html|txt))$", name)
        if match:
            found[match[1]] = ROOT / name
    return found


@pytest.mark.parametrize("name", sorted(templates()))
def test_compiles(name: str) -> None:
    engines["django"].get_template(name)


def test_no_name_twice() -> None:
    names = [
        re.sub(r"^(?:templates|qunli/[a-z_]+/templates)/", "", name)
        for name in tracked()
        if re.search(r"^(qunli/[a-z_]+/)?templates/.", name)
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice


def test_every_template_is_used() -> None:
    code = "\n".join((ROOT / n).read_text() for n in tracked() if n.endswith(".py") and not n.startswith("tests/"))
    pages = {name: path.read_text() for name, path in templates().items()}
    unused = []
    for name in pages:
        if name.startswith("components/") or name.startswith("notices/") or USED_BY_OTHERS.search(name):
            continue
        if name not in code and not any(name in text for other, text in pages.items() if other != name):
            unused.append(name)
    assert not unused, f"used by nothing: {unused}"


def test_every_notice_is_sent() -> None:
    code = "\n".join((ROOT / n).read_text() for n in tracked() if n.endswith(".py") and n.startswith("qunli/"))
    sent = [name.removeprefix("notices/").removesuffix(".txt") for name in templates() if re.match(r"notices/.+\.txt$", name)]
    # By its whole name, or in the statement of a sign-up by `'room/verb_' || state`.
    unused = [name for name in sent if f'"{name}"' not in code and f"'{name.rpartition('_')[0]}_' || " not in code]
    assert not unused, f"sent by nobody: {unused}"


def test_every_component_is_used_and_shown() -> None:
    components = [n for n in templates() if n.startswith("components/") and not Path(n).name.startswith("_")]
    assert components
    texts = {name: path.read_text() for name, path in templates().items()}
    code = "\n".join((ROOT / n).read_text() for n in tracked() if n.endswith(".py") and n.startswith("qunli/"))
    unused, unshown = [], []
    for component in components:
        tag = "c-" + component.removeprefix("components/").removesuffix(".html").replace("/", ".").replace("_", "-")
        uses = re.compile(rf"<{re.escape(tag)}[\s/>]")
        users = [name for name, text in texts.items() if name != component and uses.search(text)]
        if not users and component not in code:
            unused.append(tag)
        if not any("gallery" in user for user in users):
            unshown.append(tag)
    assert not unused, f"components that no page uses: {unused}"
    assert not unshown, f"components that the gallery does not show: {unshown}"


def test_pages_stand_in_the_shell() -> None:
    """Every page of a room extends the shell; what begins with "_" is a fragment."""
    wrong = []
    for name, path in templates().items():
        relative = path.relative_to(ROOT).as_posix()
        if not relative.startswith("qunli/") or not name.endswith(".html") or "/_" in f"/{name}" or "/forms/" in name:
            continue
        if not re.match(r"\s*(\{#.*?#\}\s*)?\{% extends ", path.read_text(), re.S):
            wrong.append(relative)
    assert not wrong, f"neither a page nor a fragment: {wrong}"


CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_no_chinese_outside_translation() -> None:
    """Message ids are Chinese: Chinese text in a template stands inside `translate` or `blocktranslate` (or a comment)."""
    wrong = []
    for name, path in templates().items():
        text = path.read_text()
        text = re.sub(r"\{%\s*comment.*?endcomment\s*%\}|\{#.*?#\}|<!--.*?-->", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
        text = re.sub(r"\{%\s*blocktranslate.*?endblocktranslate\s*%\}", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
        text = re.sub(r"\{%\s*translate .*?%\}|_\(\s*(['\"]).*?\1\s*\)", "", text)
        wrong += [f"{name}:{n}: {line.strip()[:80]}" for n, line in enumerate(text.splitlines(), 1) if CHINESE.search(line)]
    assert not wrong, "\n".join(wrong)
