"""Writing a city: one transaction, COPY into bare tables, then indexes and foreign keys again.

Other processes make the bytes while the database reads them. Triggers are off meanwhile, so the counters come with the rows.
"""

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from qunli.synthetic import rows
from qunli.synthetic.city import Table

AHEAD = 6
"""Parts that may wait, made, for the database."""
WORKERS = 2


@dataclass
class Written:
    """What became of one table, for the report."""

    table: str
    rows: int
    bytes: int
    """On disk, with indexes."""
    seconds: float


Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""


class NotEmpty(Exception):
    """A table that is to be filled has rows."""


def write(tables: Sequence[Table], progress: Progress = lambda what, done, total: None) -> list[Written]:
    """Fill the tables, all or nothing. Raises NotEmpty when one of them has rows already."""
    names = [table.name for table in tables]
    report = []
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'")
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(map(sql.Identifier, names))))
        for name in names:
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(name)))
            if cursor.fetchone()[0]:
                raise NotEmpty(name)
        bare = _Bare(cursor, names)
        total = sum(len(table.parts) for table in tables) + len(bare.again)
        done = 0
        with _pool(tables) as pool:
            for table in tables:
                started = time.monotonic()
                for _part in _copy(cursor, table, pool):
                    done += 1
                    progress(table.name, done, total)
                report.append(Written(table.name, 0, 0, time.monotonic() - started))
        started = time.monotonic()
        for statement in bare.again:
            progress(statement.split(" ON ")[0][:60] if "INDEX" in statement else statement[:60], done, total)
            cursor.execute(statement)
            done += 1
        bare.finish()
        for name in names:
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
        progress("", total, total)
        report.append(Written("(indexes and foreign keys)", 0, 0, time.monotonic() - started))
    with connection.cursor() as cursor:
        for entry in report[:-1]:
            cursor.execute(
                "SELECT reltuples::bigint, pg_total_relation_size(oid) FROM pg_class WHERE oid = %s::regclass", [entry.table]
            )
            entry.rows, entry.bytes = cursor.fetchone()
    return report


class _Bare:
    """Takes foreign keys, indexes and triggers from the tables; `again` are the statements that bring the first two back."""

    def __init__(self, cursor: Any, names: Sequence[str]) -> None:
        self.cursor, self.names = cursor, names
        tables = list(names)
        cursor.execute(
            """
            SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype
            FROM pg_constraint
            WHERE (conrelid = ANY (%(tables)s::regclass[]) AND contype IN ('f', 'p', 'u', 'x'))
               OR (confrelid = ANY (%(tables)s::regclass[]) AND contype = 'f')
            ORDER BY array_position(ARRAY['p', 'u', 'x', 'f'], contype::text), conrelid::regclass::text, conname
            """,
            {"tables": tables},
        )
        constraints = cursor.fetchall()
        cursor.execute(
            """
            SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
            FROM pg_index i
            WHERE i.indrelid = ANY (%(tables)s::regclass[])
              AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
            ORDER BY i.indrelid::regclass::text, 1
            """,
            {"tables": tables},
        )
        indexes = cursor.fetchall()
        for table, name, _definition, _kind in reversed(constraints):
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for name in names:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(name)))
        # Emptied in this transaction: rows can be written as already frozen, so that no VACUUM has to come after.
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, names))))
        keys = [f"ALTER TABLE {t} ADD CONSTRAINT {n} {d}" for t, n, d, kind in constraints if kind != "f"]
        foreign = [f"ALTER TABLE {t} ADD CONSTRAINT {n} {d}" for t, n, d, kind in constraints if kind == "f"]
        self.again = [*keys, *(definition for _name, definition in indexes), *foreign]

    def finish(self) -> None:
        for name in self.names:
            table = sql.Identifier(name)
            self.cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table))
            self.cursor.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT COALESCE(max(id), 0) + 1 FROM {}), false)").format(
                    sql.Literal(name), table
                )
            )


_tables: dict[str, Table] = {}
"""What the processes make parts of: theirs by fork, so that nothing is sent but a name and a number."""


def _make(name: str, part: int) -> bytes:
    return _tables[name].parts[part]()


@contextmanager
def _pool(tables: Sequence[Table]) -> Iterator[ProcessPoolExecutor]:
    _tables.update({table.name: table for table in tables})
    try:
        with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("fork")) as pool:
            yield pool
    finally:
        _tables.clear()


def _copy(cursor: Any, table: Table, pool: ProcessPoolExecutor) -> Iterator[int]:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY, FREEZE)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
    )
    waiting: deque[Future[bytes]] = deque()
    coming = iter(range(len(table.parts)))
    with cursor.copy(statement) as copy:
        copy.write(rows.SIGNATURE)
        for part in range(len(table.parts)):
            while len(waiting) < AHEAD and (following := next(coming, None)) is not None:
                waiting.append(pool.submit(_make, table.name, following))
            copy.write(waiting.popleft().result())
            yield part
        copy.write(rows.TRAILER)
