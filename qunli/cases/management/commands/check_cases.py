"""script/manage check_cases: no open case without owner and deadline, no closure without reply and rating, counters that agree."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qunli.cases.checking import check_cases
from qunli.kernel.clock import local_date


class Command(BaseCommand):
    help = "Looks at all cases for what must not be, and recounts the three rates."

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_cases(local_date(timezone.now()))
        self.stdout.write(f"{found.open:,} open cases")
        for line in found.errors:
            self.stderr.write(line)
        if found.errors:
            raise CommandError(f"{found.wrong:,} findings; the first {len(found.errors)} are above.")
        self.stdout.write("All cases are in order.")
