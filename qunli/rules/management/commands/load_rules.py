from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from django.utils import timezone

from qunli.kernel.actor import SYSTEM
from qunli.rules import selectors, services


class Command(BaseCommand):
    help = "Load the rule files of a folder (default: rulesets/) as versions; mistakes name file, line and remedy"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", default=selectors.FOLDER)
        parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")

    def handle(self, *args: Any, folder: Path, check: bool, **options: Any) -> None:
        try:
            loaded = services.load(folder, by=SYSTEM, now=timezone.now(), write=not check)
        except IntegrityError as error:
            # A version that stands without a file overlaps with one that has a file.
            detail = str(error).strip().splitlines()[-1]
            raise CommandError(f"a version in the database stands in the way; give its file an effective_to: {detail}") from error
        if loaded.mistakes:
            for mistake in loaded.mistakes[:100]:
                self.stderr.write(str(mistake))
            raise CommandError(f"{len(loaded.mistakes)} mistakes; nothing was loaded")
        for word, names in (("new", loaded.created), ("revised", loaded.revised), ("closed", loaded.closed)):
            for name in names:
                self.stdout.write(f"{word}: {name}")
        for name in loaded.without_file:
            self.stderr.write(f"in force, but in no file: {name} (end it by effective_to, not by deleting the file)")
        changed = len(loaded.created) + len(loaded.revised) + len(loaded.closed)
        self.stdout.write(f"rules: {changed} changed, {loaded.unchanged} unchanged{' (nothing was written)' if check else ''}")
