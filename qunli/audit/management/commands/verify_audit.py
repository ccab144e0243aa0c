from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qunli.audit import services


class Command(BaseCommand):
    help = "Recompute the chain of the audit; names the first row that was altered or removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head", help="a head that was kept outside, as 'position:digest'; refuses a chain that was cut before it"
        )

    def handle(self, *args: Any, head: str | None, **options: Any) -> None:
        services.seal()
        verdict = services.verify()
        if verdict.broken is not None:
            raise CommandError(f"broken at event {verdict.broken}: {verdict.reason}; {verdict.checked} events before it are intact")
        if head:
            position, _, digest = head.partition(":")
            if not services.has_head(position=int(position), expected=bytes.fromhex(digest)):
                raise CommandError(f"the kept head {position} is not in the chain: rows were cut off or the chain was rewritten")
        self.stdout.write(
            f"intact: {verdict.checked} events, {verdict.unsealed} not sealed yet; "
            f"head {verdict.head.position}:{verdict.head.digest.hex()}"
        )
