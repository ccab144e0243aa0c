"""The embedded PostgreSQL: made once, shared by its users, stopped by the last, well again after the worst."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from launcher import keys, postgres
from launcher.places import Stop

from tests.script.conftest import ROOT


@pytest.fixture
def cluster(own_home: Path) -> Iterator[postgres.Cluster]:
    made = postgres.Cluster()
    yield made
    made.leave()
    with postgres.locked():
        made.stop()
    made.remove()


def ask(url: str, sql: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(sql).fetchone() if sql.startswith("select") else connection.execute(sql) and None
        return row[0] if row else None


def test_secrets_are_made_once_and_for_the_owner_only(own_home: Path) -> None:
    first = keys.ensure()
    assert keys.ensure() == first
    assert stat.S_IMODE((own_home / "env").stat().st_mode) == 0o600
    assert len({*first.values()}) == len(first)
    number, _, secret = first["QUNLI_CIPHER_KEYS"].partition(":")
    assert number == "1"
    assert len(bytes.fromhex(secret)) == 16


@pytest.mark.slow
def test_life_of_a_cluster(cluster: postgres.Cluster, own_home: Path) -> None:
    """Made, joined twice, left once, left by the last; then killed, and nothing that was committed is lost."""
    url = cluster.join()
    assert ask(url, "select current_user::text") == "qunli"
    assert ask(url, "select rolsuper from pg_roles where rolname = 'qunli'") is False
    assert ask(url, "select 'abc' < 'B'") is False, "C collation: upper case first"
    ask(url, "create extension pg_trgm")
    assert ask(url, "select array_length(show_trgm('志愿服务'), 1)") == 5, "trigrams of Chinese"
    assert ask(url, "select current_setting('synchronous_commit')") == "on"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace("qunli:", "qunli:wrong", 1))

    second = postgres.Cluster()
    assert second.join() == url
    second.leave()
    assert cluster.running(), "the first still uses it"
    with pytest.raises(Stop, match="in use"):
        cluster.remove()

    ask(url, "create table kept (n int)")
    ask(url, "insert into kept values (42)")
    os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    end = time.monotonic() + 30
    while cluster.running() and time.monotonic() < end:
        time.sleep(0.05)
    third = postgres.Cluster()
    assert third.join() == url
    assert ask(url, "select n from kept") == 42
    third.leave()
    cluster.leave()
    assert not cluster.running(), "the last one stops it"


@pytest.mark.slow
def test_another_database_by_its_url(cluster: postgres.Cluster, tmp_path: Path) -> None:
    """DATABASE_URL: the commands use that server and start none of their own."""
    url = cluster.join()
    ask(url, "create table here (n int)")
    environment = dict(os.environ, DATABASE_URL=url, QUNLI_HOME=str(tmp_path / "other"))
    code = "from django.db import connection; print('here' in connection.introspection.table_names())"
    command = [str(ROOT / "script" / "manage"), "shell", "--no-imports", "-c", code]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip().endswith("True"), run.stderr
    assert not (tmp_path / "other" / "postgres").exists()


@pytest.mark.slow
def test_a_postgresql_of_the_machine(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the newest PostgreSQL of the machine serves, from 15 on."""
    monkeypatch.setattr(postgres, "VENV", tmp_path / "no environment")
    try:
        cluster = postgres.Cluster()
    except Stop:
        pytest.skip("this machine has none")
    try:
        url = cluster.join()
        assert ask(url, "select current_setting('server_version_num')::int >= 150000") is True
        ask(url, "create extension pg_trgm")
        assert ask(url, "select array_length(show_trgm('志愿服务'), 1)") == 5
    finally:
        cluster.leave()
        cluster.remove()


@pytest.mark.slow
def test_two_first_starts_at_once(cluster: postgres.Cluster, own_home: Path) -> None:
    """Two commands on an empty home agree on one cluster and one password."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from launcher.postgres import Cluster;"
        "cluster = Cluster(); print(cluster.join()); cluster.leave()"
    )
    command = [sys.executable, "-c", program, str(ROOT / "script")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert not cluster.running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hides its home from the server's user")
def test_a_home_that_the_server_cannot_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone in a directory of mode 700: the data stands elsewhere, is found again, and leaves with --reset."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    monkeypatch.setenv("QUNLI_HOME", str(hidden / "var"))
    first, second = postgres.Cluster(), postgres.Cluster()
    link = hidden / "var" / "postgres"
    assert link.is_symlink()
    assert first.data == second.data == link.resolve()
    assert first.who.reaches(first.data)
    first.remove()
    assert not link.is_symlink()
    assert not first.data.exists()


def test_data_that_went_away_is_not_replaced(own_home: Path) -> None:
    (own_home / "postgres").symlink_to(own_home / "unmounted")
    with pytest.raises(Stop, match="mount or restore it"):
        postgres.Cluster()


def test_socket_fits_the_limit(own_home: Path) -> None:
    folder = postgres._socket_dir(postgres.owner())
    assert len(str(folder / ".s.PGSQL.5432")) < postgres.SOCKET_PATH_LIMIT
