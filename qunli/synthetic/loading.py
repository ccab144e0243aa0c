"""Writing a city: processes of their own make the rows and COPY them into bare tables, then bring indexes and keys back.

Each process has its own connection, so that PostgreSQL works on as many tables as there are processes. What they write is committed
as it goes, but nobody can change it before the end, and a writing that fails or was cut off is emptied (`schema`).
"""

import gc
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections, transaction
from psycopg import sql

from qunli.synthetic import rows, schema
from qunli.synthetic.city import FILLED, Table
from qunli.synthetic.schema import Stage

PROCESSES = min(8, (os.cpu_count() or 1) + 1)
"""One more than cores: one of them always waits for the disk."""
LOCK = int.from_bytes(b"synthcty")
"""Key of the advisory lock that a writer holds."""
POLL = 0.2
"""Seconds between two looks at what the processes have done."""


@dataclass
class Written:
    """What became of one table, for the report."""

    table: str
    rows: int
    bytes: int
    """On disk, with indexes."""
    seconds: float
    """Of the process that wrote it; several work at the same time."""


Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class NotEmpty(Exception):
    """A table that is to be filled has rows."""


class Busy(Exception):
    """Another process is writing a city."""


def mend() -> bool:
    """Empty what a writing that was cut off has left. Returns whether there was one. Raises Busy while it still goes on."""
    if not schema.unfinished():
        return False
    with _alone():
        if schema.unfinished():
            schema.restore(FILLED)
    return True


def write(tables: Sequence[Table], progress: Progress = lambda what, done, total: None) -> list[Written]:
    """Fill the tables, all or nothing. Raises NotEmpty when one of them has rows already, Busy when somebody else fills them."""
    with _alone():
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            schema.lock(cursor, FILLED)
            for name in FILLED:
                cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(name)))
                if cursor.fetchone()[0]:
                    raise NotEmpty(name)
            schema.strip(cursor, FILLED)
        try:
            with _processes(tables) as pool:
                report = _write(tables, pool, progress)
            schema.close(FILLED)
        except BaseException:
            schema.restore(FILLED)
            raise
    with connection.cursor() as cursor:
        for entry in report[:-1]:
            cursor.execute(
                "SELECT reltuples::bigint, pg_total_relation_size(oid) FROM pg_class WHERE oid = %s::regclass", [entry.table]
            )
            entry.rows, entry.bytes = cursor.fetchone()
    return report


def _write(tables: Sequence[Table], pool: ProcessPoolExecutor, progress: Progress) -> list[Written]:
    indexes, excluding, validating = (schema.owed(stage) for stage in (Stage.INDEX, Stage.EXCLUDE, Stage.VALIDATE))
    sizes = {table.name: len(table.parts) for table in tables}
    steps = _Steps(progress, sum(sizes.values()) + len(indexes) + len(excluding) + len(validating) + len(tables))
    largest = sorted(sizes, key=lambda name: -sizes[name])

    filled = [pool.submit(_fill, name) for name in largest]
    steps.until(filled, "writing rows", counted=True)
    report = [Written(name, 0, 0, future.result()) for name, future in zip(largest, filled, strict=True)]

    started = time.monotonic()
    indexes.sort(key=lambda one: (-sizes.get(one[0], 0), one[1]))
    steps.until([pool.submit(schema.pay, [statement]) for _table, statement in indexes], "indexes")
    for stage in (Stage.ATTACH, Stage.FOREIGN):
        schema.pay(statement for _table, statement in schema.owed(stage))
    last = [(name, [s for t, s in (*excluding, *validating) if t == name]) for name in {t for t, _ in validating} | set(largest)]
    last.sort(key=lambda one: -sizes.get(one[0], 0) * len(one[1]))
    steps.until([pool.submit(_finish, name, statements) for name, statements in last], "foreign keys", counted=True)
    return [*report, Written("(indexes and foreign keys)", 0, 0, time.monotonic() - started)]


class _Steps:
    """Waits for the processes and tells how far they are."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def until(self, futures: Sequence[Future[Any]], what: str, *, counted: bool = False) -> None:
        """Until all are done. `counted`: the processes count their steps themselves, else each is one."""
        pending = set(futures)
        while pending:
            finished, pending = wait(pending, timeout=POLL, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
            self.done += 0 if counted else len(finished)
            self.progress(what, self.done + _counted.value, self.total)


@contextmanager
def _alone() -> Iterator[None]:
    """The only writer. Raises Busy when there is one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise Busy
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


_tables: dict[str, Table] = {}
"""What the processes make parts of: theirs by fork, so that nothing is sent but a name."""
_counted = multiprocessing.get_context("fork").Value("q")
"""Steps that the processes have done."""
_inherited: list[Any] = []
"""The parent's connections, kept so that they are not closed here."""


@contextmanager
def _processes(tables: Sequence[Table]) -> Iterator[ProcessPoolExecutor]:
    _tables.update({table.name: table for table in tables})
    _counted.value = 0
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=_start, initargs=(os.getpid(),))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        _tables.clear()


def _start(parent: int) -> None:
    """A process begins: with a connection of its own, and no longer than its parent."""
    gc.disable()  # it makes no cycles, and looking for them was a seventh of its time
    _inherited.append(connection.connection)
    del connections["default"]
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    with connection.cursor() as cursor:
        cursor.execute("SET client_connection_check_interval = '1s'")
        cursor.execute("SELECT set_config(%s, 'on', false)", [schema.WRITER])


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _step() -> None:
    with _counted.get_lock():
        _counted.value += 1


def _fill(name: str) -> float:
    """Write all rows of a table; how long it took."""
    started = time.monotonic()
    table = _tables[name]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY, FREEZE)").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        # Emptied in this transaction: rows can be written as already frozen, so that no VACUUM has to come after.
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(name)))
        with cursor.copy(statement) as copy:
            copy.write(rows.SIGNATURE)
            for part in table.parts:
                copy.write(part())
                _step()
            copy.write(rows.TRAILER)
    return time.monotonic() - started


def _finish(name: str, statements: Sequence[str]) -> None:
    """What has to be done alone on a table."""
    if name in _tables:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
        _step()
    for statement in statements:
        schema.pay([statement])
        _step()
