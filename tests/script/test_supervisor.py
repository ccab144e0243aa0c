"""Children are kept up, start again when they fall, and go when the supervisor goes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from launcher.places import Stop
from launcher.supervisor import Child, Supervisor

from tests.script.conftest import ROOT

SLEEPER = ["-c", "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"]


def pids(path: Path, count: int, seconds: float = 20) -> list[int]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = [int(line) for line in path.read_text().split()] if path.exists() else []
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{count} starts were expected")


def gone(pid: int, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_child_that_cannot_stay_up_stops_everything(tmp_path: Path) -> None:
    good = Child("worker", [sys.executable, *SLEEPER, str(tmp_path / "pids")], tmp_path / "worker.log")
    bad = Child("web server", [sys.executable, "-c", "raise SystemExit('no such module')"], tmp_path / "web.log")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(Stop, match=r"(?s)no such module.*does not stay up"):
            Supervisor(dict(os.environ), (), [good, bad]).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert gone(pids(tmp_path / "pids", 1)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="children follow a killed parent on Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_children_go_with_the_supervisor(tmp_path: Path, number: int) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from launcher.supervisor import Child, Supervisor;"
        f"Supervisor(dict(os.environ), (), [Child('worker', [sys.executable, *{SLEEPER!r}, sys.argv[2]], Path(sys.argv[3]))]).run()"
    )
    command = [sys.executable, "-c", program, str(ROOT / "script"), str(tmp_path / "pids"), str(tmp_path / "log")]
    supervisor = subprocess.Popen(command)
    first = pids(tmp_path / "pids", 1)[0]
    os.kill(first, signal.SIGKILL)
    second = pids(tmp_path / "pids", 2)[1]
    supervisor.send_signal(number)
    assert supervisor.wait(20) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
    assert gone(second)
