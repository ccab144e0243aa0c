from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qunli.divisions import services
from qunli.kernel.actor import SYSTEM

DEFAULT = Path(__file__).parents[2] / "data" / "chengdu.csv"


class Command(BaseCommand):
    help = "Load a city's divisions from a CSV file (default: the reference city); errors name line and field"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=DEFAULT)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        report = services.load(file, by=SYSTEM)
        if report.errors:
            for error in report.errors[:50]:
                self.stderr.write(str(error))
            raise CommandError(f"{len(report.errors)} errors in {file.name}; nothing was loaded")
        self.stdout.write(f"divisions: {report.created} created, {report.changed} changed, {report.unchanged} unchanged")
