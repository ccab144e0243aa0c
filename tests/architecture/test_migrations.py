"""The schema and the models agree, and every step can be taken back."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.architecture.house import rooms


def test_in_step_with_the_models(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_reversible() -> None:
    """Or marked: `IRREVERSIBLE = "why"` in the migration's module."""
    loader = MigrationLoader(None)
    wrong = []
    for (app, name), migration in loader.disk_migrations.items():
        if app not in rooms():
            continue
        module = __import__(migration.__module__, fromlist=["x"])
        if getattr(module, "IRREVERSIBLE", ""):
            continue
        wrong += [f"{app}.{name}: {operation.describe()}" for operation in migration.operations if not operation.reversible]
    assert not wrong, "\n".join(wrong)


def test_one_leaf_a_room() -> None:
    assert not MigrationLoader(None).detect_conflicts()


@pytest.mark.parametrize("table", ["audit_event", "service_hours_hourentry"])
def test_append_only_tables_refuse(table: str, db: None) -> None:
    """The database itself, not the code, refuses to change what was written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select tgtype from pg_trigger where tgrelid = %s::regclass and not tgisinternal and tgenabled <> 'D'", [table]
        )
        watched = [kind for (kind,) in cursor.fetchall()]
    assert any(kind & 16 for kind in watched), f"no trigger watches updates of {table}"
    assert any(kind & 8 for kind in watched), f"no trigger watches deletes from {table}"
