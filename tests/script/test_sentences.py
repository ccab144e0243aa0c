"""What goes wrong around the commands is said in one sentence with a remedy, on standard error, with exit code 1."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.script.conftest import ROOT


def run(command: str, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    cleared = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    return subprocess.run(
        [ROOT / "script" / command, *words], env=cleared | environment, capture_output=True, text=True, timeout=120
    )


def one_sentence(outcome: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    lines = outcome.stderr.strip().splitlines()
    assert len(lines) == 1, outcome.stderr
    for word in words:
        assert word in lines[0]
    assert lines[0].endswith(".")


def test_port_in_use(own_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one_sentence(run("server", "--port", str(port), QUNLI_HOME=str(own_home)), f"Port {port} is in use", f"--port {port + 1}")
    assert not (own_home / "postgres").exists(), "nothing was started"


def test_an_address_that_is_not_ours(own_home: Path) -> None:
    one_sentence(run("server", "--host", "203.0.113.7", QUNLI_HOME=str(own_home)), "203.0.113.7", "--host")


def test_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_sentence(run("manage", "check", QUNLI_HOME=str(tmp_path / "file" / "home")), "cannot be made", "QUNLI_HOME")


def test_unreachable_database(own_home: Path) -> None:
    outcome = run("manage", "check", QUNLI_HOME=str(own_home), DATABASE_URL="postgres://nobody:secret@127.0.0.1:1/none")
    one_sentence(outcome, "DATABASE_URL", "unset it")
    assert "secret" not in outcome.stderr


def test_wrong_python(tmp_path: Path) -> None:
    """A machine whose only Python is too old: a false `python3` stands first and alone on the path."""
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    scripts = tmp_path / "script"
    scripts.mkdir()
    for name in ("front.sh", "manage"):
        (scripts / name).write_bytes((ROOT / "script" / name).read_bytes())
        (scripts / name).chmod(0o755)
    outcome = subprocess.run(
        [scripts / "manage"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=30
    )
    one_sentence(outcome, "Python 3.11 or newer", "QUNLI_PYTHON")


def test_no_disk(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from launcher import serve
    from launcher.places import Stop

    monkeypatch.setattr(serve.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5 * 2**20})())
    with pytest.raises(Stop, match=r"5 MB free and \d+ MB are needed"):
        serve.check_disk(1.0)


@pytest.mark.parametrize("words", [["--port", "0"], ["--port", "70000"], ["--scale", "0"], ["--scale", "2"], ["--nonsense"]])
def test_arguments_that_cannot_be(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from launcher import serve

    with pytest.raises(SystemExit):
        serve.arguments(words)
    assert "script/server: error:" in capsys.readouterr().err


def test_reset_never_touches_another_database(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from launcher import serve
    from launcher.places import Stop

    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@elsewhere/important")
    with pytest.raises(Stop, match="never that of DATABASE_URL"):
        serve.reset()
