"""What script/server needs before it starts, in one process: the schema, the city where nobody lives yet, the sign-ins."""

from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from qunli.service_hours.models import Seal
from qunli.service_hours.services import keep_stars, tally_due


class Command(BaseCommand):
    help = "Migrate, fill an empty demonstration with its city, and print the sign-ins as JSON (all else goes to standard error)"
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scale", type=float, default=0.01)

    def handle(self, *args: Any, scale: float, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("load_rules", stdout=self.stderr)
        call_command("synthesize", if_empty=True, scale=scale, stdout=self.stderr)
        if not Seal.objects.exists():
            # The first night: seal, stars that the hours earn, how organisations kept to the ten working days.
            call_command("seal_hours", stdout=self.stderr)
            keep_stars(now=timezone.now())
            tally_due(now=timezone.now())
        people = StringIO()
        call_command("demo_people", json=True, stdout=people)
        self.stdout.write(people.getvalue())
