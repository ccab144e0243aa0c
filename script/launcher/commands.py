"""The commands of script/, one function each."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from . import keys, postgres
from .places import PYTHON, ROOT, Stop, home


@contextmanager
def database() -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """The environment of Django with the database up, and the descriptors that children inherit to stay its users."""
    environment = dict(os.environ, QUNLI_HOME=str(home()))
    if os.environ.get("DATABASE_URL"):
        with postgres.locked():
            yield {**keys.ensure(), **environment}, ()
        return
    cluster = postgres.Cluster()
    try:
        url = cluster.join()
        path = f"{environment.get('PATH', '')}:{cluster.bin.path}"
        made = keys.ensure()
        yield {"QUNLI_DEMO": "1", **made, **environment, "DATABASE_URL": url, "PATH": path}, (cluster.users or 0,)
    finally:
        cluster.leave()


def run(command: list[object], environment: dict[str, str], descriptors: tuple[int, ...] = ()) -> int:
    """Run a child to its end; Ctrl-C and termination reach it, and we wait for it."""
    child = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, pass_fds=descriptors)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the child as well
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code


def manage(arguments: list[str]) -> int:
    """manage.py inside the environment with the database up."""
    with database() as (environment, descriptors):
        return run([PYTHON, "manage.py", *arguments], environment, descriptors)


def test(arguments: list[str]) -> int:
    """pytest with everything that it needs; arguments go to it."""
    with database() as (environment, descriptors):
        return run([PYTHON, "-m", "pytest", *(arguments or ["-n", "2"])], environment, descriptors)


COMMANDS: dict[str, Callable[[list[str]], int]] = {"manage": manage, "test": test}


def main(name: str, arguments: list[str]) -> int:
    """Run a command; a Stop is one sentence on standard error and the exit code 1."""
    try:
        return COMMANDS[name](arguments)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
