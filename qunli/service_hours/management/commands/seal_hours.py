"""script/manage seal_hours: seal what was written to the ledger of hours since the last seal, as the queue does each night."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from qunli.service_hours.sealing import seal


class Command(BaseCommand):
    help = "Seals the ledger of hours: a hash tree over what is new, chained to the seal before and signed with the city's key."

    def handle(self, *args: Any, **options: Any) -> None:
        made = seal(now=timezone.now())
        if made is None:
            self.stdout.write("Nothing new in the ledger.")
        else:
            self.stdout.write(f"seal {made.pk}: {made.size:,} entries, root {made.root.hex()}, digest {made.digest.hex()}")
