import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from qunli.kernel.errors import Refused
from qunli.synthetic.demonstration import signing_in


class Command(BaseCommand):
    help = "Sign in as the demonstration's person of a role; prints JSON with a session cookie and an API token"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role")

    def handle(self, *args: Any, role: str, **options: Any) -> None:
        try:
            self.stdout.write(json.dumps(signing_in.sign_in(role, now=timezone.now()), ensure_ascii=False))
        except Refused as error:
            raise CommandError(str(error)) from error
