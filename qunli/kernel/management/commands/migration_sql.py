"""The SQL of our own migrations, for review and for squawk, which knows the statements that lock or break."""

import subprocess
import tempfile
import tomllib
from io import StringIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.loader import MigrationLoader

ON_EMPTY_TABLES = ["adding-required-field", "adding-foreign-key-constraint"]
"""What squawk need not say about a room's first migration: the tables are new, so nothing is locked and no row lacks a value."""


class Command(BaseCommand):
    help = "Print the SQL of every migration of the project's rooms, or give it to squawk."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--squawk", metavar="PROGRAM", help="check the SQL with this squawk in place of printing it")

    def handle(self, *args: Any, **options: Any) -> None:
        loader = MigrationLoader(connection)
        ours = {config.label for config in apps.get_app_configs() if config.name.startswith("qunli.")}
        keys = sorted(key for key in loader.disk_migrations if key[0] in ours)
        if not options["squawk"]:
            for label, name in keys:
                self.stdout.write(f"-- {label}.{name}\n{sql_of(label, name)}")
            return
        found = ""
        for initial in (True, False):
            chosen = [key for key in keys if bool(loader.disk_migrations[key].initial) is initial]
            found += squawk(options["squawk"], chosen, ON_EMPTY_TABLES if initial else [])
        if found:
            raise CommandError(found)


def sql_of(label: str, name: str) -> str:
    out = StringIO()
    call_command("sqlmigrate", label, name, stdout=out, no_color=True)
    return out.getvalue()


def squawk(program: str, keys: list[tuple[str, str]], also_excluded: list[str]) -> str:
    """What squawk says about these migrations under .squawk.toml; empty when it finds nothing."""
    if not keys:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for label, name in keys:
            path = Path(folder) / f"{label}.{name}.sql"
            path.write_text(sql_of(label, name))
            files.append(str(path))
        configuration = settings.ROOT / ".squawk.toml"
        excluded = [*tomllib.loads(configuration.read_text())["excluded_rules"], *also_excluded]
        command = [program, "--config", str(configuration), "--exclude", ",".join(excluded), *files]
        run = subprocess.run(command, capture_output=True, text=True)
    return run.stdout + run.stderr if run.returncode else ""
