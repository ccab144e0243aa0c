"""script/manage verify_hours: recompute every seal from the ledger as it stands, and name the entries that do not fit."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qunli.service_hours.models import Seal
from qunli.service_hours.sealing import check


class Command(BaseCommand):
    help = "Recomputes the seals of the ledger of hours and names what was changed, removed or slipped in since."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", help="digest (hexadecimal) of a seal that was kept outside: the chain must still have it")

    def handle(self, *args: Any, **options: Any) -> None:
        head = options["head"]
        if head and not any(bytes(digest).hex() == head.lower() for digest in Seal.objects.values_list("digest", flat=True)):
            raise CommandError(f"No seal has the digest {head}: the ledger was given another head.")
        found = check()
        self.stdout.write(f"{found.seals:,} seals, {found.entries:,} entries, head {found.head.hex()}")
        for line in found.errors:
            self.stderr.write(line)
        if found.errors:
            raise CommandError(f"The ledger is not as it was sealed in {found.wrong:,} place{'s'[: found.wrong > 1]}.")
        self.stdout.write("Every entry is as it was sealed.")
