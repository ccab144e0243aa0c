import time
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from qunli.divisions.models import Division
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.people.models import Person
from qunli.synthetic import services
from qunli.synthetic.demonstration import building
from qunli.synthetic.loading import Written


class Command(BaseCommand):
    help = "Fill an empty database with a synthetic city; scale 1.0 is the reference city with 3.9 million volunteers"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", type=float, default=0.01)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--today", type=date.fromisoformat, help="the day on which the city stands (default: today in Shanghai)"
        )
        parser.add_argument("--if-empty", action="store_true", help="do nothing where somebody lives already")
        parser.add_argument("--report", action="store_true", help="print rows, bytes and seconds by table")

    def handle(self, *args: Any, scale: float, seed: int, report: bool, **options: Any) -> None:
        if not connection.introspection.table_names():
            call_command("migrate", verbosity=0)
            call_command("load_rules", stdout=self.stderr)
        try:
            if services.mend():
                self.stderr.write("An earlier run was cut off: what it had written is emptied, and the city is written anew.")
        except Refused as error:
            raise CommandError(str(error)) from error
        if options["if_empty"] and Person.objects.exists():
            self._demonstrate()
            return
        if not Division.objects.exists():
            call_command("load_divisions", stdout=self.stdout)
        today = options["today"] or local_date(timezone.now())
        started = time.monotonic()
        bar = Progress(
            TextColumn("{task.description:<48.48}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        with bar:
            task = bar.add_task("drawing", total=None)
            try:
                written = services.synthesize(
                    scale=scale,
                    seed=seed,
                    today=today,
                    progress=lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
                )
            except Refused as error:
                raise CommandError(str(error)) from error
        seconds = time.monotonic() - started
        if report:
            self._print(written)
        total = sum(entry.bytes for entry in written)
        self.stdout.write(f"scale {scale:g}, seed {seed}, {today}: {total / 1e9:.2f} GB in {seconds:.1f} s")

        self._demonstrate()

    def _demonstrate(self) -> None:
        """The demonstration's people, where there is a demonstration and they are missing."""
        if settings.DEMO and not building.exists():
            building.build(now=timezone.now())

    def _print(self, written: list[Written]) -> None:
        table = Table("table", "rows", "bytes", "seconds")
        for entry in written:
            table.add_row(
                entry.table,
                f"{entry.rows:,}" if entry.rows else "",
                f"{entry.bytes:,}" if entry.bytes else "",
                f"{entry.seconds:.1f}",
            )
        console = Console()
        with console.capture() as shown:
            console.print(table)
        self.stdout.write(shown.get())
