"""What is committed: nothing of this or that machine, nothing of others, no rot."""

import re

from tests.architecture.house import ROOT, tracked

TEXT = (
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".html",
    ".css",
    ".js",
    ".mjs",
    ".json",
    ".yml",
    ".yaml",
    ".sh",
    ".cfg",
    ".ini",
    ".po",
    ".typ",
    ".csv",
    ".sql",
    "",
)
REGISTRIES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry." + "npmjs",
    "npmmirror" + ".",
    "registry." + "yarnpkg",
    "mirrors." + "aliyun",
    "tuna." + "tsinghua",
    "artifact" + "ory.",
]
MACHINES = [r"(?<![\w./])/wor" + r"k/", r"(?<![\w.])/ho" + r"me/\w", r"(?<![\w.])/roo" + r"t/", r"C:\\" + r"Users"]
LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")


def texts() -> list[tuple[str, str]]:
    found = []
    for name in tracked():
        path = ROOT / name
        if path.suffix in TEXT:
            try:
                found.append((name, path.read_text()))
            except UnicodeDecodeError:
                continue
    return found


def hits(patterns: list[str]) -> list[str]:
    wanted = [re.compile(pattern) for pattern in patterns]
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if any(pattern.search(line) for pattern in wanted)
    ]


def test_no_registry_hosts() -> None:
    found = hits([re.escape(host) for host in REGISTRIES])
    assert not found, "\n".join(found)


def test_no_paths_of_a_machine() -> None:
    found = hits(MACHINES)
    assert not found, "\n".join(found)


def test_nothing_left_for_later() -> None:
    found = [f"{name}:{number}" for name, text in texts() for number, line in enumerate(text.splitlines(), 1) if LATER.search(line)]
    assert not found, "\n".join(found)


def test_no_bundles_of_others() -> None:
    """Third-party code is installed at set-up. A line of thousands of characters in a script or style sheet is a bundle."""
    found = [
        name
        for name, text in texts()
        if name.endswith((".js", ".css", ".mjs")) and (".min." in name or any(len(line) > 2000 for line in text.splitlines()))
    ]
    assert not found
    assert not [name for name in tracked() if "node_modules" in name or name.endswith((".whl", ".woff", ".woff2", ".ttf", ".otf"))]


def test_files_stay_small() -> None:
    big = {name: size for name in tracked() if (size := (ROOT / name).stat().st_size) > 1_000_000}
    assert not big, f"over 1 MB: {big}"


def test_no_secret_is_committed() -> None:
    found = hits([r"BEGIN (RSA |EC |)PRIVATE KEY"])
    assert not [hit for hit in found if not hit.startswith("tests/")], "\n".join(found)
