"""GET never writes: while a safe request runs, a statement that changes a table is refused before it reaches the database."""

import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WRITE = re.compile(r"\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate|copy)\s+(?:only\s+)?\"?([a-z_][a-z_0-9]*)", re.I)
KEPT = ("audit_event", "audit_head", "accounts_session", "accounts_token", "accounts_attempt", "accounts_remembered")
ALLOWED = frozenset({*KEPT, "skip", "nowait", "of", "set"})
"""A look at unmasked data is an audit event, a session or the last use of a token noted, a request counted; `for update skip
locked` only locks, `do update set` belongs to an insert whose table was looked at."""


class WriteOnRead(RuntimeError):
    """A view of a safe method tried to change a table: a bug in the view, use POST."""


def refuse_writes(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Wrapper of Django's cursor. A statement that begins with SELECT passes at once, so reads cost nothing."""
    text = sql if isinstance(sql, str) else str(sql)
    if text[:6].upper() != "SELECT":
        for table in WRITE.findall(text):
            if table.lower() not in ALLOWED:
                raise WriteOnRead(f"a GET may not write to {table}")
    return execute(sql, params, many, context)


class ReadOnlyMiddleware:
    """Puts `refuse_writes` around every safe request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS:
            with connection.execute_wrapper(refuse_writes):
                return self.get_response(request)
        return self.get_response(request)
