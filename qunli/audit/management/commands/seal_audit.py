from typing import Any

from django.core.management.base import BaseCommand

from qunli.audit import services


class Command(BaseCommand):
    help = "Chain all audit events that are not sealed yet, and print the head of the chain (keep it outside)."

    def handle(self, *args: Any, **options: Any) -> None:
        sealed = services.seal()
        position, digest = services.head()
        self.stdout.write(f"sealed {sealed}; head {position}:{digest.hex()}")
