"""script/manage verify_ledger: recompute from the entries what is kept, and say where it differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qunli.service_hours.checking import check_ledger


class Command(BaseCommand):
    help = "Recomputes every volunteer's minutes from the ledger, and every record's live entry from its state."

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_ledger()
        self.stdout.write(f"{found.entries:,} entries, {found.volunteers:,} volunteers, {found.minutes:,} minutes")
        for line in found.errors:
            self.stderr.write(line)
        if found.errors:
            raise CommandError(f"The ledger does not agree in {found.wrong:,} places; the first {len(found.errors)} are above.")
        self.stdout.write("The ledger agrees.")
