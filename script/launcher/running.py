"""Django's environment with the database up, and children that a command waits for."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from . import keys, postgres
from .places import PYTHON, ROOT, Stop, home

PROBE = """
import sys, psycopg
try:
    with psycopg.connect(sys.argv[1], connect_timeout=10) as connection:
        found = connection.info.server_version // 10000
        sys.exit(0 if found >= 15 else f"PostgreSQL {found} is too old, 15 is needed")
except psycopg.Error as error:
    sys.exit(str(error).strip().splitlines()[0])
"""


@contextmanager
def database() -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """The environment of Django, and the descriptors that children inherit to stay users of the embedded database.

    Raises Stop when the database of DATABASE_URL cannot be reached or the embedded one does not start.
    """
    environment = dict(os.environ, QUNLI_HOME=str(home()))
    environment.setdefault("QUNLI_DEMO", "1")
    url = os.environ.get("DATABASE_URL")
    if url:
        probe = subprocess.run([PYTHON, "-c", PROBE, url], capture_output=True, text=True)
        if probe.returncode:
            said = _last(probe.stderr)
            raise Stop(
                f"The database of DATABASE_URL cannot be used ({said}): start it, mend the URL, or unset it for the embedded one."
            )
        with postgres.locked():
            secrets = keys.ensure()
        yield {**secrets, **environment}, ()
        return
    cluster = postgres.Cluster()
    try:
        url = cluster.join()
        programs = f"{environment.get('PATH', '')}{os.pathsep}{cluster.bin.path}"
        held = () if cluster.users is None else (cluster.users,)
        yield (
            {**keys.ensure(), **environment, "DATABASE_URL": url, "PATH": programs, "QUNLI_POSTGRES_BIN": str(cluster.bin.path)},
            held,
        )
    finally:
        cluster.leave()


def run(command: list[object], environment: dict[str, str], descriptors: tuple[int, ...] = ()) -> int:
    """Run a child to its end; Ctrl-C and termination reach it, and we wait for it. Returns its exit code."""
    child = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, pass_fds=descriptors)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the child as well
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    signal.signal(signal.SIGINT, before)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return code if code >= 0 else 128 - code


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no answer"
