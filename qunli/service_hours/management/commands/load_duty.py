"""`script/manage load_duty FILE`: take the duty roster of community workers."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Refused
from qunli.service_hours.services import load_duty


class Command(BaseCommand):
    help = "Takes a duty roster: CSV with the headings 手机号码, 区划代码, 开始, 结束. All rows or none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                loaded = load_duty(lines=lines, by=SYSTEM, now=timezone.now())
        except (OSError, UnicodeDecodeError, Refused) as error:
            raise CommandError(str(error.message) if isinstance(error, Refused) else str(error)) from error
        self.stdout.write(f"duty: {loaded.new} new, {loaded.known} known")
