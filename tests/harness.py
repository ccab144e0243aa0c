"""A test run that is hostile to mistakes: what a reader or a browser would forgive fails here.

Installed by `tests/conftest.py` for every test, also behind the live server of the browser tests:

- a variable that a template of ours prints or tests and that is not in its context;
- a GET, HEAD or OPTIONS that writes (the audit of a look, the session and counted requests are the exceptions);
- inline script, handler, style, a `javascript:` address, or anything loaded from another host;
- a POST form without its CSRF token, an id used twice, a picture without alternative text, a page without a language.

Each violation is raised where it happens and kept in `VIOLATIONS`, so that an `except Exception` on the way cannot hide it:
the test fails at its end all the same.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template import Context, Template, base, defaultfilters

ROOT = Path(__file__).resolve().parent.parent
VIOLATIONS: list[str] = []


class Violation(AssertionError):
    """A mistake that production would have forgiven."""


def violated(message: str) -> Violation:
    VIOLATIONS.append(message)
    return Violation(message)


# --- Templates: an undefined variable fails ---------------------------------------------------------------------------------

FORGIVING_FILTERS = {defaultfilters.default, defaultfilters.default_if_none, defaultfilters.yesno}
FORGIVEN_ROOTS = frozenset({"user", "perms", "messages", "debug", "request", "csrf_token", "form", "forloop", "block"})
"""Names that Django itself may or may not put into a context; `{% if request %}` in an error page is right."""


def ours(template: Template | None) -> bool:
    origin = str(getattr(getattr(template, "origin", None), "name", ""))
    return origin.startswith(str(ROOT / "qunli")) or origin.startswith(str(ROOT / "templates"))


_resolve = base.FilterExpression.resolve


def strict_resolve(self: base.FilterExpression, context: Context, ignore_failures: bool = False) -> Any:
    """`FilterExpression.resolve` that refuses what cannot be resolved, unless a default filter says that it may be missing."""
    variable = self.var
    if (
        self.is_var
        and isinstance(variable, base.Variable)
        and variable.lookups
        and context.template is not None
        and ours(context.render_context.template or context.template)
        and not any(function in FORGIVING_FILTERS for function, _ in self.filters)
    ):
        root = variable.lookups[0]
        if ignore_failures:
            missing = root not in context and root not in FORGIVEN_ROOTS
        else:
            try:
                variable.resolve(context)
                missing = False
            except base.VariableDoesNotExist:
                missing = True
        if missing:
            names = {str(t.name) for t in (context.template, context.render_context.template) if t is not None}
            raise violated(
                f"undefined template variable {{{{ {variable.var} }}}} in {' or '.join(sorted(names))}: pass it or give it |default"
            )
    return _resolve(self, context, ignore_failures)


# --- Pages: what the content security policy, a screen reader or a thief would mind ------------------------------------------

DATA_SCRIPTS = {"application/json", "application/ld+json", "speculationrules", "importmap"}
LOADS = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
}
LINKS_TO_FETCH = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "apple-touch-icon"}


class PageCheck(HTMLParser):
    """Collects what is wrong with one page into `faults`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.ids: Counter[str] = Counter()
        self._post_form: list[bool] | None = None
        self._form_at: tuple[int, int] = (0, 0)

    def fault(self, text: str) -> None:
        line, column = self.getpos()
        self.faults.append(f"line {line}, column {column}: {text}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name, value in given.items():
            if name.startswith("on") or name.startswith("hx-on"):
                self.fault(f"inline handler {name} on <{tag}>")
            if name == "style":
                self.fault(f"inline style on <{tag}>: {value[:60]}")
            if name in ("href", "src", "action", "formaction") and value.strip().lower().startswith("javascript:"):
                self.fault(f"javascript: address on <{tag}>")
            if (tag, name) in LOADS and re.match(r"(https?:)?//", value):
                if tag == "link" and not LINKS_TO_FETCH & set(given.get("rel", "").split()):
                    continue
                self.fault(f"<{tag}> loads from another host: {value[:80]}")
        if tag == "script" and "src" not in given and given.get("type", "") not in DATA_SCRIPTS:
            self.fault("inline script")
        if tag == "style":
            self.fault("inline style element")
        if tag == "img" and "alt" not in given:
            self.fault(f"<img> without alt: {given.get('src', '')[:80]}")
        if tag == "html" and not given.get("lang"):
            self.fault("<html> without lang")
        if given.get("id"):
            self.ids[given["id"]] += 1
        if tag == "form":
            self._post_form = [False] if given.get("method", "get").lower() == "post" else None
            self._form_at = self.getpos()
        if tag == "input" and given.get("name") == "csrfmiddlewaretoken" and self._post_form is not None:
            self._post_form[0] = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            if self._post_form is not None and not self._post_form[0]:
                self.faults.append(f"line {self._form_at[0]}: POST form without {{% csrf_token %}}")
            self._post_form = None

    def result(self) -> list[str]:
        twice = sorted(key for key, count in self.ids.items() if count > 1)
        return self.faults + [f"id used twice: {key}" for key in twice]


def page_faults(html: str) -> list[str]:
    check = PageCheck()
    check.feed(html)
    check.close()
    return check.result()


# --- Requests: GET never writes ----------------------------------------------------------------------------------------------

WRITES = re.compile(r"\b(insert\s+into|update|delete\s+from|merge\s+into|copy)\s+(?:only\s+)?\"?([a-z_][a-z_0-9]*)", re.I)
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
MAY_WRITE_ON_GET = {"audit_event", "audit_head", "accounts_session", "accounts_token", "accounts_attempt", "accounts_remembered"}
"""Each look at unmasked personal data is an audit event, and a session may be opened or touched, a token's last use noted."""
LITERALS = re.compile(r"'(?:[^']|'')*'")


def written_tables(sql: str) -> set[str]:
    """Tables that a statement writes. `SELECT ... FOR UPDATE` takes locks and counts as a write of "locks"."""
    text = LITERALS.sub("''", sql if isinstance(sql, str) else str(sql))
    tables = {table.lower() for verb, table in WRITES.findall(text) if table.lower() not in {"of", "set", "nowait", "skip"}}
    if re.search(r"\bfor\s+(no\s+key\s+)?update\b", text, re.I):
        tables.discard("nowait")
        tables.add("locks")
    return tables


class HostileMiddleware:
    """Outermost middleware of every test: watches what a request writes and looks at the page that comes back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in SAFE_METHODS:
            return self.look(request, self.get_response(request))
        written: set[str] = set()

        def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            written.update(written_tables(sql))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            response = self.get_response(request)
        if forbidden := written - MAY_WRITE_ON_GET:
            raise violated(f"{request.method} {request.path} writes to {', '.join(sorted(forbidden))}: only POST may write")
        return self.look(request, response)

    def look(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        html = response.content.decode(response.charset)  # type: ignore[attr-defined]
        if faults := page_faults(html):
            raise violated(f"{request.method} {request.path}:\n  " + "\n  ".join(faults))
        return response


@contextmanager
def max_queries(limit: int) -> Iterator[list[str]]:
    """Fails when the block asks the database more than `limit` times; names the questions."""
    asked: list[str] = []

    def count(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql if isinstance(sql, str) else str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield asked
    if len(asked) > limit:
        listing = "\n  ".join(f"{n}. {' '.join(sql.split())[:160]}" for n, sql in enumerate(asked, 1))
        raise AssertionError(f"{len(asked)} queries, at most {limit} allowed:\n  {listing}")
