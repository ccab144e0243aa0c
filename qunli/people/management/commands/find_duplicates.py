from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from qunli.people import services


class Command(BaseCommand):
    help = "Look for records of one person in two places, such as after a bulk load; they are offered for merging."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.find_duplicates(now=timezone.now())} new suspicions")
