"""The test database: filled once, emptied quickly.

Django flushes every table after a test that really commits. The divisions (3,300 rows) and what the migrations wrote must
survive that: tables of `KEPT` are left alone, of others the rows that were there at the start are put back.
"""

from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

KEPT = ("divisions_", "django_migrations", "django_content_type", "auth_permission")
SEED = "seed__"


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = current_schema() order by 1")
        return [name for (name,) in cursor.fetchall()]


def fill() -> None:
    """Loads the divisions and the rules, and remembers the rows that migrations wrote."""
    call_command("load_divisions", stdout=StringIO())
    call_command("load_rules", stdout=StringIO())
    with connection.cursor() as cursor:
        for table in _tables():
            if table.startswith((*KEPT, SEED)):
                continue
            cursor.execute(f'select exists (select from "{table}")')  # noqa: S608
            if cursor.fetchone() == (True,):
                cursor.execute(f'create table if not exists "{SEED}{table}" as table "{table}"')


def _written(tables: list[str]) -> list[str]:
    """Those that hold a row."""
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(f"select '{table}' where exists (select from \"{table}\")" for table in tables))  # noqa: S608
        return sorted(name for (name,) in cursor.fetchall())


def empty(test_case: Any) -> None:
    """Stands in for `TransactionTestCase._fixture_teardown`: back to what `fill` left, without touching the divisions.

    Only tables with rows are emptied, and by DELETE: TRUNCATE of one takes along all that refer to it, most of the schema.
    """
    tables = _tables()
    gone = _written([table for table in tables if not table.startswith((*KEPT, SEED))])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select distinct c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
            " where not t.tgisinternal and c.relname = any(%s)",
            [gone],
        )
        guarded = [name for (name,) in cursor.fetchall()]
        for table in guarded:
            cursor.execute(f'alter table "{table}" disable trigger user')  # the append-only tables refuse DELETE otherwise
        for table in reversed(gone):  # the queue's own keys are checked at once: defers before jobs
            cursor.execute(f'delete from "{table}"')  # noqa: S608
        for seed in (table for table in tables if table.startswith(SEED)):
            cursor.execute(f'insert into "{seed.removeprefix(SEED)}" overriding system value select * from "{seed}"')  # noqa: S608
        cursor.execute("set constraints all immediate")  # ALTER TABLE does not wait for checks that are still to come
        for table in guarded:
            cursor.execute(f'alter table "{table}" enable trigger user')
