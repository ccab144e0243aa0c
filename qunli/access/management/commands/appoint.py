from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from qunli.access import services
from qunli.access.roles import ROLES
from qunli.divisions.models import Division
from qunli.divisions.selectors import by_code
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.people.selectors import find_by_phone


class Command(BaseCommand):
    help = (
        "Give a registered person a role, as nobody can yet: the first security administrator of a city. "
        "From then on postings are given in the pages. It stands in the audit as done by the system."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="the person's telephone number")
        parser.add_argument("role", choices=[role.key for role in ROLES.values() if role.levels])
        parser.add_argument("division", help="code of 12 digits")
        parser.add_argument("--unit", default="", help='for roles narrowed to a unit, such as "team:42"')
        parser.add_argument("--reason", default="", help="document or order")

    def handle(self, *args: Any, phone: str, role: str, division: str, unit: str, reason: str, **options: Any) -> None:
        try:
            people = find_by_phone(phone)
            if len(people) != 1:
                raise CommandError(f"{len(people)} people have this phone; exactly one must: register the person first.")
            posting = services.grant(
                person=people[0],
                role=role,
                division=by_code(division),
                unit=unit,
                valid_from=local_date(timezone.now()),
                reason=reason or "script/manage appoint",
                by=SYSTEM,
            )
        except Refused as error:
            raise CommandError(str(error.message)) from error
        except Division.DoesNotExist as error:
            raise CommandError(f"No division with the code {division} is in force.") from error
        self.stdout.write(f"posting {posting.pk}: {role} over {posting.division.name} from {posting.valid_from}")
