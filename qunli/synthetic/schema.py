"""Indexes, keys and triggers of the tables, put aside while a city is written and brought back after it.

What is owed stands in a table of its own, `synthetic_owed`, from the moment that it is taken away: each statement leaves it in the
transaction in which it is carried out. So a writing that was killed is seen by its table, its tables refuse everybody else, and
`restore` brings the schema back.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

from django.db import connection, transaction
from psycopg import sql

WRITER = "qunli.writing"
"""Set to `on` in the sessions that write the city: the others are refused."""


class Stage(IntEnum):
    """In this order what was taken away comes back."""

    INDEX = 1
    """An index; side by side with others, of the same table too."""
    ATTACH = 2
    """An index becomes the key that it was. Quick."""
    EXCLUDE = 3
    """A constraint that builds its own index, alone on its table."""
    FOREIGN = 4
    """A foreign key, for rows to come. Quick."""
    VALIDATE = 5
    """A foreign key, for the rows that are there; one at a time on one table."""


_CONSTRAINTS = """
    SELECT c.conrelid::regclass::text, quote_ident(c.conname), replace(pg_get_constraintdef(c.oid), ' NOT VALID', ''), c.contype,
        CASE WHEN c.contype IN ('p', 'u') AND NOT c.condeferrable THEN pg_get_indexdef(c.conindid) END
    FROM pg_constraint c
    WHERE (c.conrelid = ANY (%(tables)s::regclass[]) AND c.contype IN ('f', 'p', 'u', 'x'))
       OR (c.confrelid = ANY (%(tables)s::regclass[]) AND c.contype = 'f')
    ORDER BY array_position(ARRAY['f', 'x', 'u', 'p'], c.contype::text), 1, 2
"""
_INDEXES = """
    SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    FROM pg_index i
    WHERE i.indrelid = ANY (%(tables)s::regclass[])
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x'))
    ORDER BY 1, 2
"""
_GUARD = """
    CREATE OR REPLACE FUNCTION synthetic_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'the synthetic city is being written, or its writing was cut off: run script/manage synthesize'
            USING ERRCODE = 'object_in_use';
    END $$
"""
_GUARDED = """
    CREATE OR REPLACE TRIGGER synthetic_guard BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT
    WHEN (current_setting('qunli.writing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION synthetic_guard()
"""


def unfinished() -> bool:
    """Whether a writing is under way or was cut off."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('synthetic_owed') IS NOT NULL")
        found: bool = cursor.fetchone()[0]
        return found


def lock(cursor: Any, tables: Sequence[str]) -> None:
    """Alone with the tables, until the transaction ends."""
    cursor.execute("SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0")
    cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(map(sql.Identifier, tables))))


def strip(cursor: Any, tables: Sequence[str]) -> None:
    """Take away whatever stands (after a writing that was cut off, what had come back) and note that it is owed."""
    cursor.execute("CREATE TABLE IF NOT EXISTS synthetic_owed (statement text PRIMARY KEY, stage smallint, name text)")
    cursor.execute(_CONSTRAINTS, {"tables": list(tables)})
    for table, name, definition, kind, index in cursor.fetchall():
        add = f"ALTER TABLE {table} ADD CONSTRAINT {name}"
        if kind == "f":
            _owe(cursor, Stage.FOREIGN, table, f"{add} {definition} NOT VALID")
            _owe(cursor, Stage.VALIDATE, table, f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        elif index:
            _owe(cursor, Stage.INDEX, table, index)
            _owe(cursor, Stage.ATTACH, table, f"{add} {'PRIMARY KEY' if kind == 'p' else 'UNIQUE'} USING INDEX {name}")
        else:
            _owe(cursor, Stage.EXCLUDE, table, f"{add} {definition}")
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    cursor.execute(_INDEXES, {"tables": list(tables)})
    for table, name, definition in cursor.fetchall():
        _owe(cursor, Stage.INDEX, table, definition)
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(_GUARD)
    for table in tables:
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
        cursor.execute(sql.SQL(_GUARDED).format(sql.Identifier(table)))
        cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER synthetic_guard").format(sql.Identifier(table)))


def _owe(cursor: Any, stage: Stage, table: str, statement: str) -> None:
    cursor.execute("INSERT INTO synthetic_owed VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", [statement, int(stage), table])


def owed(stage: Stage) -> list[tuple[str, str]]:
    """Table and statement of what has still to come back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, statement FROM synthetic_owed WHERE stage = %s ORDER BY statement", [int(stage)])
        return list(cursor.fetchall())


def pay(statements: Iterable[str]) -> None:
    """Carry out what is owed, each statement for good."""
    for statement in statements:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL maintenance_work_mem = '512MB'")
            cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
            cursor.execute(statement)
            cursor.execute("DELETE FROM synthetic_owed WHERE statement = %s", [statement])


def close(tables: Sequence[str]) -> None:
    """Triggers on, keys go on after those that were written, the tables open to everybody."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        lock(cursor, tables)
        for table in tables:
            name = sql.Identifier(table)
            cursor.execute(sql.SQL("DROP TRIGGER synthetic_guard ON {0}; ALTER TABLE {0} ENABLE TRIGGER USER").format(name))
            cursor.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT COALESCE(max(id), 0) + 1 FROM {}), false)").format(
                    sql.Literal(table), name
                )
            )
        cursor.execute("SELECT count(*) FROM synthetic_owed")
        if cursor.fetchone()[0]:
            raise AssertionError("not all that was taken from the tables is back")
        cursor.execute("DROP FUNCTION synthetic_guard; DROP TABLE synthetic_owed")


def restore(tables: Sequence[str]) -> None:
    """Empty the tables and bring everything back: after a writing that failed or was cut off."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        lock(cursor, tables)
        strip(cursor, tables)
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
    for stage in Stage:
        pay(statement for _table, statement in owed(stage))
    close(tables)
