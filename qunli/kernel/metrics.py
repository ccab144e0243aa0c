"""How often which view was asked, how long it took, what it answered; and a line in the log for what was slow or failed."""

import time
from collections.abc import Callable
from functools import cache

import structlog
from django.http import HttpRequest, HttpResponse
from prometheus_client import Histogram

SLOW_SECONDS = 1.0
SECONDS = Histogram(
    "qunli_request_seconds",
    "Time to the answer by view, method and status",
    ["view", "method", "status"],
    buckets=(0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = structlog.get_logger(__name__)


@cache
def of(view: str, method: str, status: int) -> Histogram:
    """The series; kept, since finding it costs more than counting. Views, methods and statuses are ours, so they are few."""
    return SECONDS.labels(view, method, status)


class MetricsMiddleware:
    """Measures what the caller waits for. The view's name stands for the address, which may hold numbers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        start = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - start
        view = request.resolver_match.view_name if request.resolver_match else "none"
        method = request.method if request.method in METHODS else "other"
        of(view, method, response.status_code).observe(seconds)
        if seconds > SLOW_SECONDS or response.status_code >= 500:
            log.warning("request", view=view, method=method, status=response.status_code, seconds=round(seconds, 3))
        return response
