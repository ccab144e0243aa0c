import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from qunli.kernel.errors import Refused
from qunli.synthetic.demonstration import building, signing_in


class Command(BaseCommand):
    help = "List one sign-in per role of the demonstration, and keep an activity running that one can sign in at"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            signing_in.only_in_demonstration()
        except Refused as error:
            raise CommandError(str(error)) from error
        there = building.exists()
        if there:
            building.refresh(now=timezone.now())
        people = signing_in.sign_ins() if there else []
        if options["json"]:
            self.stdout.write(json.dumps(people, ensure_ascii=False))
            return
        table = Table("role", "phone", "password", "name", "what can be tried")
        for person in people:
            table.add_row(person["role"], person["phone"], person["password"], person["name"], person["note"])
        console = Console()
        with console.capture() as shown:
            console.print(table)
        self.stdout.write(shown.get())
