"""Rate limits, kept in the process: a token bucket for each key.

Each worker process counts for itself, so with W workers a caller gets at most W times the rate; that is enough against scraping and
runaway programs, and costs no query. What must hold exactly (tries of a code, passwords) is counted in the database.
"""

import time
from threading import Lock

KEYS = 50_000
"""Buckets kept; beyond it the full ones, which remember nothing of value, are dropped."""


class Limiter:
    """`per_minute` requests a minute for each key, of which `burst` may come at once. 0: no limit."""

    def __init__(self, per_minute: float, burst: float | None = None) -> None:
        self.rate = per_minute / 60
        self.burst = burst if burst is not None else max(per_minute / 4, 1)
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, key: str, now: float | None = None) -> float:
        """0 when the request may go on; otherwise the seconds to wait. `now` is a monotonic clock."""
        if self.rate <= 0:
            return 0
        now = time.monotonic() if now is None else now
        with self._lock:
            left, since = self._buckets.get(key, (self.burst, now))
            left = min(self.burst, left + (now - since) * self.rate)
            if left < 1:
                self._buckets[key] = (left, now)
                return (1 - left) / self.rate
            if len(self._buckets) >= KEYS:
                self._drop(now)
            self._buckets[key] = (left - 1, now)
            return 0

    def _drop(self, now: float) -> None:
        self._buckets = {k: (n, t) for k, (n, t) in self._buckets.items() if n + (now - t) * self.rate < self.burst}
        if len(self._buckets) >= KEYS:
            self._buckets.clear()

    def clear(self) -> None:
        with self._lock:
            self._buckets.clear()
