"""Is the service well: for a load balancer, a supervisor or a person with curl; and the figures for Prometheus."""

import hmac

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from qunli.kernel.http import public

QUEUE_SECONDS = 600
"""A job that was due this long ago and has not begun means that no worker runs."""
STATE = """
select (select count(*) from procrastinate_jobs where status = 'todo' and coalesce(scheduled_at, now()) <= now()),
       (select coalesce(extract(epoch from now() - min(greatest(e.at, coalesce(j.scheduled_at, e.at)))), 0)
          from procrastinate_jobs j join procrastinate_events e on e.job_id = j.id and e.type = 'deferred'
         where j.status = 'todo' and coalesce(j.scheduled_at, now()) <= now())
"""


@public
@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and the queue is worked off, else 503; says which."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(STATE)
            waiting, oldest = cursor.fetchone()
    except Error:
        return JsonResponse({"database": "unreachable", "queue": "unknown"}, status=503)
    late = oldest > QUEUE_SECONDS
    answer = {"database": "ok", "queue": "late" if late else "ok", "waiting": waiting, "oldest_seconds": round(float(oldest))}
    return JsonResponse(answer, status=503 if late else 200)


@public
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' figures, for a caller on this machine or one that shows QUNLI_METRICS_TOKEN as bearer token."""
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token: str = settings.METRICS_TOKEN
    local = request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1") and "X-Forwarded-For" not in request.headers
    if not (hmac.compare_digest(shown.encode(), token.encode()) if token else local):
        raise PermissionDenied
    answer: HttpResponse = ExportToDjangoView(request)
    return answer
