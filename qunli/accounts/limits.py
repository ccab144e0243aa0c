"""Rate limits that hold over all processes and cost hardly a query: a process takes its requests from the database by leases."""

from datetime import datetime, timedelta
from threading import Lock

from qunli.accounts.attempts import counted

MINUTE = timedelta(minutes=1)
LEASES = 20
"""A process takes a twentieth of a minute's requests at a time, so that one statement serves many requests."""
KEYS = 50_000
"""Leases kept in a process; beyond it all are dropped and taken anew."""


class Limiter:
    """`per_minute` requests a minute for each key, over all processes together; 0: no limit.

    Never more are let through; when several processes hold leases, up to a lease fewer for each of them.
    """

    def __init__(self, per_minute: int) -> None:
        self.limit, self.lease = per_minute, max(1, per_minute // LEASES)
        self._held: dict[str, tuple[int, datetime]] = {}
        """Of each key: requests left of the lease, below 0 none at all, until the end of its minute."""
        self._lock = Lock()

    def take(self, key: str, now: datetime) -> float:
        """0 when the request may go on; otherwise the seconds to wait."""
        if self.limit <= 0:
            return 0
        with self._lock:
            left, ends = self._held.get(key, (0, now))
            if ends <= now or left == 0:
                left, ends = self._leased(key, now)
            if len(self._held) >= KEYS:
                self._held.clear()
            self._held[key] = (left - 1 if left > 0 else -1, ends)
        return 0 if left > 0 else (ends - now).total_seconds()

    def _leased(self, key: str, now: datetime) -> tuple[int, datetime]:
        """A lease, cut where the limit ends, and the end of the minute."""
        total, since = counted(key=f"rate:{key}", window=MINUTE, now=now, number=self.lease)
        return self.lease - max(0, total - self.limit), since + MINUTE
