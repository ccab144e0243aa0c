"""What a bench stands on: a database of its own beside the city's, a web server with the real settings, processes to their end."""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
SEED = 1


class Stop(Exception):
    """The bench cannot run; the message says what to do."""


def use_database(scale: float) -> str:
    """Make (unless it is there) a database with a city of `scale`, and let this process and its children use it.

    It is kept for the next run under a name that carries the scale, and made again when a migration has changed.
    """
    url = os.environ.get("QUNLI_BENCH_URL") or os.environ["DATABASE_URL"]
    os.environ["QUNLI_BENCH_URL"] = url
    name = f"qunli_bench_{f'{scale:g}'.replace('.', '_')}"
    parts = urlsplit(url)
    mine = urlunsplit(parts._replace(path=f"/{name}"))
    mark = f"{_schema()} seed {SEED}"
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found is not None and found[0] == mark:
            os.environ["DATABASE_URL"] = mine
            return mine
        identifier = sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        os.environ["DATABASE_URL"] = mine
        manage("migrate", "-v", "0")
        manage("load_rules")
        manage("synthesize", "--scale", f"{scale:g}", "--seed", str(SEED))
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(identifier, sql.Literal(mark)))
    return mine


def use_empty_database(name: str) -> None:
    """Make a database with the tables and the divisions and nobody in it; `drop` takes it away."""
    url = os.environ["DATABASE_URL"]
    drop(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"qunli_bench_{name}")))
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/qunli_bench_{name}"))
    manage("migrate", "-v", "0")
    manage("load_rules")
    manage("load_divisions")


def drop(name: str) -> None:
    """Drop a bench's database."""
    url = os.environ.setdefault("QUNLI_BENCH_URL", os.environ["DATABASE_URL"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(f"qunli_bench_{name}")))


def _schema() -> str:
    """Digest of all migrations and of what makes the city."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("qunli/*/migrations/*.py"), *ROOT.glob("qunli/synthetic/**/*.[pt]*")]):
        if "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def manage(*words: str) -> None:
    """Run a management command; what it prints goes to standard error."""
    run = subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, stdout=sys.stderr)
    if run.returncode:
        raise Stop(f"manage.py {words[0]} failed: see above")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def server(port: int) -> Iterator[str]:
    """The web server as script/server starts it, on loopback; gives its host and port."""
    sys.path.insert(0, str(ROOT / "script"))
    from launcher import serve

    environment = dict(os.environ, QUNLI_PROCESS="web")
    web = serve.children(environment, "127.0.0.1", port)[0]
    with open(web.log, "ab") as log:
        child = subprocess.Popen(web.command, cwd=ROOT, env=environment | web.extra, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(port, child)
        yield f"127.0.0.1:{port}"
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(port: int, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if child.poll() is not None:
            raise Stop("the web server did not start: see the log in the home's logs/web.log")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise Stop("the web server does not answer after 60 s")
