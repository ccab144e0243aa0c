"""script/server: from nothing to a city that can be looked at, in one command."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from . import environment, postgres
from .places import PYTHON, ROOT, VENV, Stop, home
from .running import database
from .supervisor import Child, Supervisor

FREE_MEGABYTES = 1500
"""For the environment, the front end's parts and PostgreSQL's own files."""
MEGABYTES_OF_THE_CITY = 19000
"""At scale 1.0, with the write-ahead log of its loading."""
LOG_BYTES = 200 * 2**20


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "script/server", description="Start Qunli: environment, database, demonstration city, web server and worker."
    )
    parser.add_argument("--port", type=int, default=8000, help="port of the web server (8000)")
    parser.add_argument("--host", default="127.0.0.1", help="address it listens on (127.0.0.1)")
    parser.add_argument(
        "--scale", type=float, default=0.01, help="size of the demonstration city when there is none yet; 1.0 is Chengdu (0.01)"
    )
    parser.add_argument("--reset", action="store_true", help="drop the data of this home first")
    given = parser.parse_args(words)
    if not 0 < given.port < 65536:
        parser.error("--port is a number from 1 to 65535")
    if not 0 < given.scale <= 1:
        parser.error("--scale is a number above 0 and up to 1")
    return given


def check_port(host: str, port: int) -> None:
    """Raises Stop when the port cannot be listened on."""
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise Stop(f"Port {port} is reserved for the system: choose one above 1023, script/server --port 8000.") from None
        except OSError as error:
            if error.errno in (98, 48):
                raise Stop(
                    f"Port {port} is in use: stop what listens there, or choose another, script/server --port {port + 1}."
                ) from None
            raise Stop(f"The address {host} cannot be listened on ({error.strerror}): choose another with --host.") from None


def check_disk(scale: float) -> None:
    """Raises Stop when the disk of the home cannot hold what will be written."""
    free = shutil.disk_usage(home()).free // 2**20
    first = not (home() / "postgres").exists()
    need = FREE_MEGABYTES + int(MEGABYTES_OF_THE_CITY * scale) if first else 100
    if free < need:
        raise Stop(
            f"The disk of {home()} has {free} MB free and {need} MB are needed: free some, or set QUNLI_HOME to another disk."
        )


def reset() -> None:
    """Drop database, files and static files of this home; the secrets stay."""
    if os.environ.get("DATABASE_URL"):
        raise Stop(
            "--reset drops only the database of this home, never that of DATABASE_URL: empty it with script/manage reset_db."
        )
    environment.python()
    postgres.Cluster().remove()
    for name in ("files", "static", "logs"):
        shutil.rmtree(home() / name, ignore_errors=True)
    (home() / "static.stamp").unlink(missing_ok=True)


def log_file(name: str) -> Path:
    """<home>/logs/<name>.log; a long one is set aside with its date."""
    path = home() / "logs" / f"{name}.log"
    path.parent.mkdir(exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.rename(path.with_name(f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.log"))
    return path


def metrics_folder() -> Path:
    """Where the web server's processes keep their counters, so that /metrics adds them up; emptied at each start."""
    folder = home() / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def manage(settings: dict[str, str], *words: str, quiet: bool = False) -> str:
    """Run a management command; its failure is a Stop with its last lines."""
    command = [str(PYTHON), "manage.py", *words]
    run = subprocess.run(command, cwd=ROOT, env=settings, text=True, stdout=subprocess.PIPE if quiet else None)
    if run.returncode:
        raise Stop(f"manage.py {words[0]} failed: what it says stands above.")
    return run.stdout or ""


def fill(settings: dict[str, str], scale: float) -> list[dict[str, str]]:
    """Migrate, and give a demonstration its city where nobody lives yet; returns the demonstration's sign-ins, one per role."""
    if settings.get("QUNLI_DEMO") != "1":
        manage(settings, "migrate", "-v", "0")
        manage(settings, "load_rules")
        return []
    people: list[dict[str, str]] = json.loads(manage(settings, "prepare_demo", "--scale", str(scale), quiet=True))
    return people


def children(settings: dict[str, str], host: str, port: int) -> list[Child]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Threads of one process take turns at one interpreter: with more than two, answers wait longer and none comes sooner.
    workers, threads = settings.get("QUNLI_WEB_WORKERS", str(max(2, cores))), settings.get("QUNLI_WEB_THREADS", "2")
    web = [
        str(VENV / "bin" / "granian"), "config.wsgi:application", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", workers, "--blocking-threads", threads,
        "--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "warning",
    ]  # fmt: skip
    worker = [str(PYTHON), "manage.py", "procrastinate", "worker", "--concurrency", settings.get("QUNLI_QUEUE_CONCURRENCY", "2")]
    return [
        Child("web server", web, log_file("web"), {"QUNLI_PROCESS": "web"}),
        Child("worker", worker, log_file("worker"), {"QUNLI_PROCESS": "worker"}),
    ]


def announcement(people: list[dict[str, str]], address: str) -> str:
    """The address and one sign-in per role."""
    lines = ["", f"Qunli 群力 is at {address}   (Ctrl-C stops it)"]
    if people:
        lines += [
            "",
            f"Sign in with one of these phones and the password {people[0]['password']}, or with a code from the inbox page:",
        ]
        lines += [f"  {person['role']:<24}{person['phone']:<14}{person['name']}  {person['note']}".rstrip() for person in people]
    return "\n".join([*lines, "", f"Logs and data: {home()}"])


def server(words: list[str]) -> int:
    given = arguments(words)
    check_port(given.host, given.port)
    check_disk(given.scale)
    environment.setup()
    if given.reset:
        reset()
    shown = given.host if ":" not in given.host else f"[{given.host}]"
    address = f"http://{'localhost' if given.host in ('127.0.0.1', '0.0.0.0') else shown}:{given.port}"  # noqa: S104
    with database() as (settings, descriptors):
        settings.setdefault("QUNLI_URL", address)
        if given.host not in ("127.0.0.1", "localhost") and "QUNLI_HOSTS" not in settings:
            settings["QUNLI_HOSTS"] = f"localhost,127.0.0.1,[::1],{given.host},{socket.gethostname()}"
        settings["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder())
        environment.statics(settings)
        text = announcement(fill(settings, given.scale), address)
        Supervisor(
            settings,
            descriptors,
            children(settings, given.host, given.port),
            probe=lambda: answers(f"http://{'127.0.0.1' if given.host == '0.0.0.0' else shown}:{given.port}/healthz"),  # noqa: S104
            when_up=lambda: print(text, flush=True),
        ).run()
    print("Qunli has stopped.", file=sys.stderr)
    return 0


def answers(url: str) -> bool:
    """Whether the server says that it is well."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 (our own address)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
