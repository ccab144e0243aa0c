"""How often one visitor may ask whether certificates are genuine, or answer for who was served: numbers and links cannot be
guessed, this protects the machine.
"""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from qunli.accounts.services import count_attempt, counted
from qunli.audit.context import client_address
from qunli.kernel.ciphers import blind_index

FILES, LOOKS = 20, 60
"""Uploads, and looks at numbers, of one address in a window."""
ANSWERS = 30
"""Answers of those served, of one address: links cannot be guessed, an institution answers for many."""
WINDOW = timedelta(minutes=10)


def count_upload(request: HttpRequest) -> None:
    """Count an upload, in the database. Raises Refused "too_many" at "file"."""
    count_attempt(key=f"file:{_visitor(request)}", limit=FILES, window=WINDOW, now=timezone.now(), field="file")


def looked_too_often(request: HttpRequest) -> bool:
    """Count a look at a number, in the database for all processes: the one thing that this GET writes."""
    return counted(key=f"verify:{_visitor(request)}", window=WINDOW, now=timezone.now())[0] > LOOKS


def count_answer(request: HttpRequest) -> None:
    """Count an answer of who was served, of one address. Raises Refused "too_many" at "came"."""
    count_attempt(key=f"served-by:{_visitor(request)}", limit=ANSWERS, window=WINDOW, now=timezone.now(), field="came")


def _visitor(request: HttpRequest) -> str:
    """A digest of the address: enough to count, not kept as an address."""
    return blind_index("visitor", client_address(request) or "").hex()[:32]
