"""How often one visitor may ask whether certificates are genuine. Numbers cannot be counted through; this protects the machine."""

from datetime import timedelta

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from qunli.audit.context import client_address
from qunli.kernel.ciphers import blind_index
from qunli.service_hours.services.attempts import count_attempt

FILES, LOOKS = 20, 60
"""Uploads, and looks at numbers, of one address in a window."""
WINDOW = timedelta(minutes=10)


def count_upload(request: HttpRequest) -> None:
    """Count an upload, in the database. Raises Refused "too_many" at "file"."""
    count_attempt(key=f"file:{_visitor(request)}", limit=FILES, window=WINDOW, now=timezone.now(), field="file")


def looked_too_often(request: HttpRequest) -> bool:
    """Count a look at a number, in the process's cache: a GET writes nothing."""
    key = f"verify:{_visitor(request)}"
    cache.add(key, 0, timeout=int(WINDOW.total_seconds()))
    try:
        return cache.incr(key) > LOOKS
    except ValueError:  # it ran out between the two
        return False


def _visitor(request: HttpRequest) -> str:
    """A digest of the address: enough to count, not kept as an address."""
    return blind_index("visitor", client_address(request) or "").hex()[:32]
