"""Runs the web server and the queue's worker as children: starts again what falls, stops all of them with itself."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .places import ROOT, Stop

STOP_SECONDS = 20
QUICK_FALLS = 3
"""A child that falls this often within ten seconds of its start will not come up by trying again."""


def _die_with_parent() -> None:
    """In the child on Linux: a supervisor that is killed takes its children along."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@dataclass
class Child:
    """A program that must be up; its output goes to `log`."""

    name: str
    command: list[str]
    log: Path
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0

    def start(self, environment: dict[str, str], descriptors: tuple[int, ...]) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=environment | self.extra,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.started = time.monotonic()

    def signal(self, number: int) -> None:
        """To the child and all that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


@dataclass
class Supervisor:
    """Holds the children up until a signal asks to stop."""

    environment: dict[str, str]
    descriptors: tuple[int, ...]
    children: list[Child] = field(default_factory=list)
    probe: Callable[[], bool] | None = None
    when_up: Callable[[], None] | None = None
    """Called once, when `probe` first says that the site answers."""
    stopping: bool = False

    def run(self) -> None:
        """Returns when all children have ended after a signal. Raises Stop when one cannot be kept up."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            for child in self.children:
                child.start(self.environment, self.descriptors)
            up = self.probe is None
            while not self.stopping:
                for child in self.children:
                    self._watch(child)
                if not up and self.probe and self.probe():
                    up = True
                    if self.when_up:
                        self.when_up()
                time.sleep(0.2)
        finally:
            self._end()

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _watch(self, child: Child) -> None:
        process = child.process
        if process is None or process.poll() is None or self.stopping:
            return
        child.signal(signal.SIGKILL)  # what it left behind
        child.falls = child.falls + 1 if time.monotonic() - child.started < 10 else 1
        if child.falls >= QUICK_FALLS:
            last = child.log.read_text(errors="replace").strip().splitlines()[-12:]
            raise Stop("\n".join([*last, f"The {child.name} does not stay up: the lines above are the end of {child.log}."]))
        print(
            f"The {child.name} fell (exit {process.returncode}), starting it again; see {child.log}.", file=sys.stderr, flush=True
        )
        child.start(self.environment, self.descriptors)

    def _end(self) -> None:
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for child in self.children:
            if child.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.1, end - time.monotonic()))
                child.signal(signal.SIGKILL)
                child.process.wait()
