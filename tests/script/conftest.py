"""The launcher lives outside of the package path: commands put script/ on it, and so do these tests."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "script"))


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own; DATABASE_URL of the run around it is out of sight."""
    home = tmp_path / "home"
    monkeypatch.setenv("QUNLI_HOME", str(home))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    home.mkdir()
    return home
