"""What the documents name exists."""

import re

from django.core.management import get_commands

from tests.architecture.house import ROOT, tracked


def documents() -> dict[str, str]:
    return {name: (ROOT / name).read_text() for name in tracked() if name.endswith(".md")}


def test_every_script_exists() -> None:
    missing = [
        f"{name}: {script}"
        for name, text in documents().items()
        for script in re.findall(r"(?<![\w/])script/[a-z_]+(?![\w/*])", text)
        if not (ROOT / script).is_file()
    ]
    assert not missing, "\n".join(missing)


def test_scripts_can_be_run() -> None:
    wrong = [
        name
        for name in tracked()
        if name.startswith("script/") and name.count("/") == 1 and "." not in name and not (ROOT / name).stat().st_mode & 0o100
    ]
    assert not wrong


def test_every_command_exists() -> None:
    known = set(get_commands())
    missing = [
        f"{name}: script/manage {command}"
        for name, text in documents().items()
        for command in re.findall(r"script/manage ([a-z_]+)", text)
        if command not in known
    ]
    assert not missing, "\n".join(missing)


def test_the_map_leads_somewhere() -> None:
    lost = []
    for token in re.findall(r"`([^`]+)`", (ROOT / "docs/map.md").read_text()):
        path = token.strip()
        if "/" not in path or " " in path or path.startswith(("/", "http")):
            continue
        pattern = path.replace("<room>", "*")
        if not list(ROOT.glob(pattern.rstrip("/"))):
            lost.append(path)
    assert not lost, f"docs/map.md names what is not there: {lost}"


def test_every_link_between_documents_leads_somewhere() -> None:
    lost = []
    for name, text in documents().items():
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            if not (ROOT / name).parent.joinpath(target).exists():
                lost.append(f"{name}: {target}")
    assert not lost, "\n".join(lost)


def test_every_recorded_decision_reads_the_same() -> None:
    """A decision says what was asked, what was chosen and why."""
    folder = ROOT / "docs" / "decisions"
    decisions = sorted(folder.glob("*.md"))
    assert decisions, "docs/decisions/ holds no decision"
    for path in decisions:
        assert path.read_text().startswith("# "), f"{path.name} has no title"
