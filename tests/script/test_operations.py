"""docs/operations.md names every variable that is read, and none that is not."""

import re

from tests.script.conftest import ROOT

READ = re.compile(r"""(?:env(?:\.\w+)?\(|environ\.get\(|environ\[|settings\.get\(|\$\{)\s*["']?(QUNLI_[A-Z0-9_]+)""")
MADE_FOR_OURSELVES = {"QUNLI_POSTGRES_PASSWORD", "QUNLI_POSTGRES_ADMIN_PASSWORD", "QUNLI_POSTGRES_BIN"}
"""Between the commands of script/ and their children; nobody sets them."""


def test_every_variable_has_its_row() -> None:
    sources = [*ROOT.glob("config/*.py"), *ROOT.glob("qunli/**/*.py"), *ROOT.glob("script/**/*.py"), ROOT / "script" / "front.sh"]
    read = {name for source in sources for name in READ.findall(source.read_text())} - MADE_FOR_OURSELVES
    table = [line for line in (ROOT / "docs" / "operations.md").read_text().splitlines() if line.startswith("| `")]
    named = {name for line in table for name in re.findall(r"`(QUNLI_[A-Z0-9_]+)`", line.split("|")[1])}
    assert len(read) > 20, "the pattern finds how the settings read"
    assert read - named == set(), "read and not explained in docs/operations.md"
    assert named - read == set(), "explained and read by nothing"
