"""What a reader is told when a page cannot be shown: what happened, why, and what to do.

The page of an error 500 asks neither database nor session: it must stand when they are what failed.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from qunli.access.selectors import explain
from qunli.audit.context import origin
from qunli.kernel.actor import NOBODY
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied


def for_programs(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse | None:
    """Under /api/ also an address that no operation has is answered as the API answers (`kernel.api.Problem`)."""
    if not request.path.startswith("/api/"):
        return None
    return JsonResponse({"code": code, "message": message, "field": None, "facts": {}}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = for_programs(request, 400, "bad_request", _("这个请求读不懂"))
    if said is not None:
        return said
    return render(request, "400.html", status=400)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Names what was tried, the permission that is missing, the roles that hold it, and who nearby grants them."""
    context: dict[str, Any] = {"tried": "", "permission": "", "roles": [], "granters": [], "second_factor": False}
    if isinstance(exception, Denied):
        context |= explain(exception, getattr(request, "actor", NOBODY), local_date(timezone.now()))
    return render(request, "403.html", context, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = for_programs(request, 404, "missing", _("没有找到，或者您看不到它。"))
    if said is not None:
        return said
    return render(request, "404.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """The request's id lets the operators find what happened in the log and in the audit."""
    return HttpResponse(render_to_string("500.html", {"number": origin.get().request_id}), status=500)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or old: mostly a page that stood open through a sign-in."""
    return render(request, "csrf.html", status=403)
