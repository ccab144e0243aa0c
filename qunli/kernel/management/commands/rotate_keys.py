from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qunli.kernel import rotation
from qunli.kernel.ciphers import Unreadable


class Command(BaseCommand):
    help = "Encrypt everything anew that stands under an older key than the first of QUNLI_CIPHER_KEYS"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for place, written in rotation.rotate():
                self.stdout.write(f"{place}: {written}")
        except Unreadable as error:
            raise CommandError(
                f"{error}: put the old key back into QUNLI_CIPHER_KEYS, behind the new one, and run this again"
            ) from error
        self.stdout.write("nothing stands under an older key: it may be taken out of QUNLI_CIPHER_KEYS")
