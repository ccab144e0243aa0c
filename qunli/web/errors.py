"""What a reader is told when a page cannot be shown: what happened, why, and what to do.

The page of an error 500 asks neither database nor session: it must stand when they are what failed.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from qunli.access.selectors import roles_with
from qunli.kernel.errors import Denied


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Names the permission that is missing, what it is for, and the roles that hold it."""
    permission = exception.permission if isinstance(exception, Denied) else ""
    context = {
        "permission": permission,
        "message": str(exception.message or "") if isinstance(exception, Denied) else "",
        "roles": roles_with(permission) if permission else [],
    }
    return render(request, "403.html", context, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """The request's number lets the operators find what happened in the log."""
    number = getattr(request, "request_id", "") or request.headers.get("X-Request-ID", "")
    return HttpResponse(render_to_string("500.html", {"number": number}), status=500)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or old: mostly a page that stood open through a sign-in."""
    return render(request, "csrf.html", status=403)
