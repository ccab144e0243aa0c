"""The SQL of our own migrations, for review and for squawk, which knows the statements that lock or break."""

import subprocess
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.loader import MigrationLoader


class Command(BaseCommand):
    help = "Print the SQL of every migration of the project's rooms, or give it to squawk."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--squawk", metavar="PROGRAM", help="check the SQL with this squawk in place of printing it")

    def handle(self, *args: Any, **options: Any) -> None:
        loader = MigrationLoader(connection)
        ours = {config.label for config in apps.get_app_configs() if config.name.startswith("qunli.")}
        texts: dict[str, str] = {}
        for label, name in sorted(key for key in loader.disk_migrations if key[0] in ours):
            out = StringIO()
            call_command("sqlmigrate", label, name, stdout=out, no_color=True)
            texts[f"{label}.{name}"] = out.getvalue()
        if not options["squawk"]:
            for name, sql in texts.items():
                self.stdout.write(f"-- {name}\n{sql}")
            return
        with tempfile.TemporaryDirectory() as folder:
            for name, sql in texts.items():
                (Path(folder) / f"{name}.sql").write_text(sql)
            files = sorted(str(path) for path in Path(folder).iterdir())
            run = subprocess.run([options["squawk"], *files], capture_output=True, text=True)
        if run.returncode:
            raise CommandError(f"{run.stdout}{run.stderr}")
