"""Empties the database: drops the schema `public`, migrates again and loads the rules. For development and demonstrations."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    help = "Drop everything in the database and migrate again (asks for --yes outside a demonstration)."
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="really drop a database that is not a demonstration's")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO and not options["yes"]:
            raise CommandError("This database is not a demonstration's (QUNLI_DEMO is not set): say --yes to drop all its data.")
        with connection.cursor() as cursor:
            cursor.execute("set lock_timeout = '5s'")
            cursor.execute("drop schema public cascade")
            cursor.execute("create schema public")
            cursor.execute("reset lock_timeout")
        call_command("migrate", verbosity=options["verbosity"])
        call_command("load_rules", stdout=self.stdout)
