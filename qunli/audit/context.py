"""Where a request comes from: set by the middleware, read when an event is recorded."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars


class Origin(NamedTuple):
    address: str | None
    request_id: str


NOWHERE = Origin(None, "")
origin: ContextVar[Origin] = ContextVar("audit_origin", default=NOWHERE)


def client_address(request: HttpRequest) -> str | None:
    """`address_of` of a request."""
    return address_of(request.META)


def address_of(meta: Mapping[str, Any]) -> str | None:
    """The caller's address, from the WSGI environment.

    Behind a proxy that we trust (QUNLI_TRUSTED_PROXIES of them) the one it saw, else the socket's.
    """
    proxies: int = getattr(settings, "TRUSTED_PROXIES", 0)
    if proxies:
        hops = [hop.strip() for hop in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= proxies:
            return hops[-proxies] or None
    return meta.get("REMOTE_ADDR") or None


class OriginMiddleware:
    """Remembers address and id of the request for the audit, and forgets them after it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid4().hex
        token = origin.set(Origin(client_address(request), request_id))
        bind_contextvars(request=request_id)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            return response
        finally:
            clear_contextvars()
            origin.reset(token)
