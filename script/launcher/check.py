"""script/check: everything that can be said about the code without running it."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import environment
from .places import PYTHON, ROOT, VENV, Stop
from .running import database

BIN = VENV / "bin"
DEPLOYED = {
    "QUNLI_DEBUG": "0",
    "QUNLI_DEMO": "0",
    "QUNLI_HTTPS": "1",
    "QUNLI_HOSTS": "qunli.example",
    "QUNLI_URL": "https://qunli.example",
}
"""How the settings look in earnest, for Django's own deployment checks."""


@dataclass(frozen=True)
class Step:
    """A name and a command; `extra` changes the environment."""

    name: str
    command: list[object]
    extra: dict[str, str] = field(default_factory=dict)


STEPS = [
    Step("types", [BIN / "mypy"]),
    Step("lint", [BIN / "ruff", "check", "."]),
    Step("format", [BIN / "ruff", "format", "--check", "."]),
    Step("layers", [BIN / "lint-imports", "--no-cache"]),
    Step("migrations in step", [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"]),
    Step("migrations safe", [PYTHON, "manage.py", "migration_sql", "--squawk", BIN / "squawk"]),
    Step("settings", [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"], DEPLOYED),
    Step("messages", [PYTHON, "manage.py", "messages", "--check"]),
    Step(
        "files and templates",
        [
            PYTHON,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/architecture/test_files.py",
            "tests/architecture/test_templates.py",
        ],
    ),
]


def _run(step: Step, settings: dict[str, str]) -> tuple[Step, float, int, str]:
    start = time.monotonic()
    command = [str(word) for word in step.command]
    run = subprocess.run(command, cwd=ROOT, env=settings | step.extra, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return step, time.monotonic() - start, run.returncode, run.stdout


def check(words: list[str]) -> int:
    """All steps on both cores, or those whose names are given; the exit code is 1 when one finds something."""
    steps = [step for step in STEPS if not words or any(re.search(word, step.name) for word in words)]
    if not steps:
        raise Stop(f"script/check knows these steps: {', '.join(step.name for step in STEPS)}.")
    environment.setup()
    failed = []
    with database() as (settings, _), ThreadPoolExecutor(2) as pool:
        for step, seconds, code, output in pool.map(lambda step: _run(step, settings), steps):
            print(f"{'ok  ' if code == 0 else 'FAIL'}  {step.name:<22}{seconds:6.1f} s", flush=True)
            if code:
                failed.append(step.name)
                print(output.rstrip(), flush=True)
    if failed:
        print(f"script/check: {', '.join(failed)} failed.", file=sys.stderr)
    return 1 if failed else 0
