"""kill -9 of the web server, the worker and PostgreSQL under load: what a person was told is there afterwards.

The real `script/server` in a data folder of its own. While a crowd signs up and a community worker verifies hours, everything
is killed at once; then the same command starts again on the same folder.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.architecture.house import ROOT
from tests.crash.crowd import MARK

pytestmark = pytest.mark.slow
PATIENCE = 180
"""Seconds until the server must be up, on a busy machine."""
PEOPLE, PLACES, RECORDS = 120, 80, 30


def environment(home: Path) -> dict[str, str]:
    """That of somebody who has just opened a shell: nothing of the test run's own database and secrets."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("QUNLI_", "DATABASE_URL", "DJANGO_", "PYTEST_"))
    }
    return {**kept, "QUNLI_HOME": str(home), "QUNLI_DEMO": "0"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(root: int) -> list[int]:
    """Process ids below `root`, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


class Running:
    """`script/server` on a data folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.log = (home / "server-output.txt").open("ab")
        self.process = subprocess.Popen(
            [str(ROOT / "script" / "server"), "--port", str(self.port)],
            cwd=ROOT,
            env=environment(home),
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        started = time.monotonic()
        while not self.is_up():
            said = (home / "server-output.txt").read_text()
            assert self.process.poll() is None, said
            assert time.monotonic() - started < PATIENCE, said
            time.sleep(0.2)
        self.seconds = time.monotonic() - started

    def is_up(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL for everything at once: launcher, web server, worker, and PostgreSQL with all of its processes."""
        victims = descendants(self.process.pid)
        for file in self.home.rglob("postmaster.pid"):
            victims += descendants(int(file.read_text().split()[0]))
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(timeout=30)
        self.log.close()

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill()
        if not self.log.closed:
            self.log.close()

    def ask(self, code: str) -> Any:
        """Runs a function of `tests.crash.crowd` in the server's own environment."""
        done = subprocess.run(
            [str(ROOT / "script" / "manage"), "shell", "-v", "0", "-c", f"from tests.crash import crowd; crowd.{code}"],
            cwd=ROOT,
            env=environment(self.home),
            capture_output=True,
            text=True,
        )
        line = next((line for line in done.stdout.splitlines() if line.startswith(MARK)), None)
        assert line is not None, done.stdout + done.stderr
        return json.loads(line.removeprefix(MARK))


class Browser:
    """One signed-in person with a connection that stays open."""

    def __init__(self, port: int, session: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.csrf = session["csrf"]
        self.headers = {"Cookie": f"{session['name']}={session['value']}; csrftoken={self.csrf}", "X-CSRFToken": self.csrf}

    def close(self) -> None:
        self.connection.close()

    def get(self, path: str) -> tuple[int, str]:
        self.connection.request("GET", path, headers=self.headers)
        response = self.connection.getresponse()
        return response.status, response.read().decode()

    def post(self, path: str, **fields: Any) -> int:
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, body=urlencode(fields), headers=headers)
        response = self.connection.getresponse()
        response.read()
        return response.status


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short name (PostgreSQL's socket) that its own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="qunli-kill-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_what_was_acknowledged_survives(home: Path) -> None:
    server = Running(home)
    try:
        world = server.ask(f"make({PEOPLE}, {PLACES}, {RECORDS})")
        told, verified, wrong = load(server, world)
    finally:
        server.kill()
    assert not wrong, wrong
    assert told, "nobody was told anything before the kill"
    assert verified

    again = Running(home)
    try:
        left = again.ask(f"count({world['activity']})")
        audit = subprocess.run(
            [str(ROOT / "script" / "manage"), "verify_audit"], cwd=ROOT, env=environment(home), capture_output=True, text=True
        )
    finally:
        again.stop()
    assert set(told) <= set(left["confirmed"]), "told that they are in, and gone"
    assert len(set(left["confirmed"])) == len(left["confirmed"]) == left["taken"] == left["taken_of_activity"] <= left["places"]
    assert set(verified) <= set(left["verified"])
    assert sorted(left["entries"]) == sorted(left["verified"]), "each verified record stands once in the ledger"
    assert left["totals_that_differ"] == []
    assert left["without_total"] == 0
    assert audit.returncode == 0, audit.stdout + audit.stderr


def load(server: Running, world: dict[str, Any]) -> tuple[list[int], list[int], list[str]]:
    """Signs up and verifies from several threads; kills while they are at it. Who was told, what was verified, what went wrong."""
    told: list[int] = []
    verified: list[int] = []
    wrong: list[str] = []
    people = iter(world["crowd"])
    lock = threading.Lock()

    def sign_up() -> None:
        while True:
            with lock:
                person = next(people, None)
            if person is None:
                return
            try:
                with closing(Browser(server.port, person)) as browser:
                    status = browser.post(f"/activities/{world['activity']}/sign-up/", post=world["post"])
                    if status >= 400:
                        wrong.append(f"sign-up: {status}")
                    status, page = browser.get(f"/activities/{world['activity']}/")
            except (OSError, http.client.HTTPException):
                return  # killed in the middle of it: nothing was said
            if status == 200 and "您已报名" in page:
                told.append(person["person"])

    def verify() -> None:
        with closing(Browser(server.port, world["worker"])) as browser:
            for record in world["records"]:
                try:
                    status = browser.post(f"/records/activity/{world['over']}/verify/", record=record)
                except (OSError, http.client.HTTPException):
                    return
                if status == 302:
                    verified.append(record)
                else:
                    wrong.append(f"verify: {status}")

    threads = [threading.Thread(target=sign_up) for _ in range(6)] + [threading.Thread(target=verify)]
    for thread in threads:
        thread.start()
    waited = time.monotonic()
    while (len(told) < PLACES // 3 or len(verified) < RECORDS // 3) and time.monotonic() - waited < 60:
        time.sleep(0.01)
    server.kill()
    for thread in threads:
        thread.join(timeout=60)
    return told, verified, wrong


def test_second_start_is_quick_and_a_port_in_use_is_said(home: Path) -> None:
    """The second start on the same folder keeps the data; a second server on the same port says what to do."""
    first = Running(home)
    try:
        refused = subprocess.run(
            [str(ROOT / "script" / "server"), "--port", str(first.port)],
            cwd=ROOT,
            env=environment(home),
            capture_output=True,
            text=True,
        )
        assert refused.returncode != 0
        assert f"Port {first.port} is in use" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr
    finally:
        first.stop()
    second = Running(home)
    second.stop()
    assert second.seconds < first.seconds
