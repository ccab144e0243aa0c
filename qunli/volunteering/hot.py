"""Signing up without the framework: the one verb that thousands want in the same minute.

A WSGI application around Django's. For a POST to `/activities/<pk>/sign-up/` that is as ordinary as can be, it checks the form
token, looks session, account, person and sign-up up in one prepared statement (`signing_up.statement`), and answers with the same
redirect, headers and message as `views.signing.sign_up`. Everything that is not plainly so goes to Django with its body untouched:
not signed in, signed out a moment ago, a token that does not fit, a role that needs a second factor, another host. So this path
can say yes, or tell what the statement said; it never refuses a request on its own.

What holds as in the ordinary path: signing out (there or everywhere), deactivation and expiry at once, since the session's row is
read in the statement itself; CSRF by cookie and form or header, and by Origin; the audit with address and request id; the metrics.
Why it is made so, with figures: docs/decisions/hot-verbs.md.
"""

import hmac
import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH
from django.middleware.security import SecurityMiddleware
from django.urls import reverse
from django.utils import timezone, translation
from psycopg import pq

from qunli.access.roles import ROLES
from qunli.accounts.middleware import KEPT_BY_NOBODY, SEEN_EVERY
from qunli.accounts.selectors import SESSION_SQL
from qunli.accounts.sessions import digest_of
from qunli.audit.context import address_of
from qunli.kernel.clock import local_date
from qunli.kernel.metrics import of as series
from qunli.volunteering import signing_up
from qunli.volunteering.signing_up import Outcome

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

PATH = re.compile(r"/activities/([0-9]{1,18})/sign-up/")
LONGEST_BODY = 2_000
FORM = "application/x-www-form-urlencoded"
NAME = b"qunli_hot_sign_up"
TOLD = frozenset(signing_up.MESSAGES) - {"not_volunteer", "missing", "raced"}
"""Outcomes that are told here; the others lead elsewhere, which is Django's work."""

WHO = f"""
    SELECT signed_in.person_id, 'account:' || signed_in.account_id AS actor, %(address)s::inet AS address,
        %(request_id)s::text AS request_id, signed_in.language
    FROM ({SESSION_SQL} AND session.last_seen_at > %(seen)s::timestamptz) signed_in
    WHERE signed_in.person_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM access_posting p
        WHERE p.person_id = signed_in.person_id AND p.role = ANY (%(second_factor)s::text[])
          AND p.valid_from <= %(today)s::date AND (p.valid_to IS NULL OR p.valid_to > %(today)s::date))
"""  # noqa: S608 - constants of our own
PARAMETERS = ("session", "seen", "second_factor", "today", "address", "request_id", "post", "wait", "now")


def numbered(text: str) -> str:
    """The statement with the parameters of `PARAMETERS` as $1, $2, ..."""
    text = text.replace("%(session)s", "%(session)s::bytea")
    for number, name in enumerate(PARAMETERS, 1):
        text = text.replace(f"%({name})s", f"${number}")
    return text.replace("%%", "%")


STATEMENT = numbered(signing_up.statement(WHO))


class HotSignUps:
    """Answers ordinary sign-ups itself and hands everything else on."""

    def __init__(self, application: Application) -> None:
        self.application = application
        needing = sorted(name for name, role in ROLES.items() if role.second_factor)
        self.second_factor = ("{" + ",".join(needing) + "}").encode()

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and (match := PATH.fullmatch(environ["PATH_INFO"])):
            start = time.perf_counter()
            headers = self.quick(environ, match[1])
            if headers is not None:
                series("volunteering:sign_up", "POST", 302).observe(time.perf_counter() - start)
                start_response("302 Found", headers)
                return [b""]
        return self.application(environ, start_response)

    def quick(self, environ: Environ, activity: str) -> list[tuple[str, str]] | None:
        """The headers of the redirect, or None when Django is to answer."""
        cookies = _cookies(environ.get("HTTP_COOKIE", ""))
        key = cookies.get(settings.SESSION_COOKIE_NAME)
        if not key or "messages" in cookies or not _own_host(environ):
            return None
        form = _form(environ)
        if form is None:
            return None
        token = environ.get("HTTP_X_CSRFTOKEN") or form.get("csrfmiddlewaretoken", "")
        post = form.get("post", "")
        secret = cookies.get(settings.CSRF_COOKIE_NAME, "")
        if not _fits(secret, token) or not (post.isascii() and post.isdecimal() and len(post) <= 18):
            return None
        request_id = uuid4().hex
        outcome = self.ask(key, post, "wait" in form, address_of(environ), request_id)
        if outcome is None or outcome.code not in TOLD:
            return None
        chosen = cookies.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = chosen if chosen in _languages() else outcome.language
        if language not in _languages():
            return None
        return _headers(language, outcome, outcome.activity or int(activity), request_id)

    def ask(self, key: str, post: str, wait: bool, address: str | None, request_id: str) -> Outcome | None:
        """What the statement says; None when nobody is signed in, or the database could not answer."""
        connection.ensure_connection()
        database: pq.abc.PGconn = connection.connection.pgconn
        if database.transaction_status != pq.TransactionStatus.IDLE or not _prepared(connection.connection):
            return None
        now = timezone.now()
        values: list[bytes | None] = [
            b"\\x" + digest_of(key).hex().encode(),
            (now - SEEN_EVERY).isoformat().encode(),
            self.second_factor,
            local_date(now).isoformat().encode(),
            None if address is None else address.encode(),
            request_id.encode(),
            post.encode(),
            b"t" if wait else b"f",
            now.isoformat().encode(),
        ]
        for _attempt in range(signing_up.TRIES):
            result = database.exec_prepared(NAME, values)  # type: ignore[arg-type]  # libpq takes None for NULL
            if result.status != pq.ExecStatus.TUPLES_OK or result.ntuples != 1:
                return None
            outcome = _outcome(result)
            if not outcome.raced:
                return outcome
        return outcome


def _prepared(raw: Any) -> bool:
    """Whether the connection knows the statement; prepares it the first time."""
    if getattr(raw, "qunli_hot", False):
        return True
    raw.qunli_hot = raw.pgconn.prepare(NAME, STATEMENT.encode()).status == pq.ExecStatus.COMMAND_OK
    return bool(raw.qunli_hot)


def _outcome(result: Any) -> Outcome:
    texts = [None if (value := result.get_value(0, column)) is None else value.decode() for column in range(len(Outcome._fields))]
    code, *numbers, language = texts
    activity, sign_up, other, min_age, max_age = (None if text is None else int(text) for text in numbers)
    return Outcome(code or "", activity, sign_up, other, min_age, max_age, language)


def _cookies(header: str) -> dict[str, str]:
    """Cookies by name, as they are sent; the first of a name counts, as in Django the last: a name twice is left to it."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or name in found or '"' in value:
            return {}
        found[name] = value
    return found


@lru_cache
def _languages() -> frozenset[str]:
    return frozenset(code for code, _name in settings.LANGUAGES)


def _own_host(environ: Environ) -> bool:
    """Whether the request names a host of ours, comes by the scheme that we expect, and from a page of ours."""
    host = environ.get("HTTP_HOST", "")
    known = settings.ALLOWED_HOSTS
    name, _colon, port = host.rpartition(":")
    if settings.USE_X_FORWARDED_HOST or not (host in known or (name in known and port.isascii() and port.isdecimal())):
        return False
    origin = environ.get("HTTP_ORIGIN")
    if not settings.HTTPS:
        return environ["wsgi.url_scheme"] == "http" and origin in (None, f"http://{host}")
    proxy = settings.SECURE_PROXY_SSL_HEADER
    secure = environ["wsgi.url_scheme"] == "https" or (proxy is not None and environ.get(proxy[0]) == proxy[1])
    return secure and origin == f"https://{host}"


def _form(environ: Environ) -> dict[str, str] | None:
    """The fields of a short form; the body stays readable for Django."""
    length = environ.get("CONTENT_LENGTH") or ""
    if environ.get("CONTENT_TYPE", "").partition(";")[0] != FORM or not length.isdecimal() or int(length) > LONGEST_BODY:
        return None
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(body)
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return None
    form = dict(fields)
    return form if len(form) == len(fields) else None


def _fits(secret: str, token: str) -> bool:
    """Whether a form's token belongs to the cookie's secret: is it, or is it masked by a mask that stands before it."""
    if len(secret) != CSRF_SECRET_LENGTH or not token.isascii():
        return False
    if len(token) == 2 * CSRF_SECRET_LENGTH:
        places = [CSRF_ALLOWED_CHARS.find(letter) for letter in token]
        if min(places) < 0:
            return False
        mask, masked = places[:CSRF_SECRET_LENGTH], places[CSRF_SECRET_LENGTH:]
        token = "".join(CSRF_ALLOWED_CHARS[one - other] for one, other in zip(masked, mask, strict=True))
    return hmac.compare_digest(secret.encode(), token.encode())


def _headers(language: str, outcome: Outcome, activity: int, request_id: str) -> list[tuple[str, str]]:
    return [
        *_fixed(language),
        ("Cache-Control", KEPT_BY_NOBODY),
        ("Location", f"{_prefix()}{activity}/"),
        ("Set-Cookie", _message(language, _level(outcome.code), outcome.code, outcome.min_age, outcome.max_age)),
        ("X-Request-ID", request_id),
    ]


def _level(code: str) -> int:
    """How loudly an outcome is told, as in the ordinary view."""
    if code in ("confirmed", "waiting"):
        return constants.SUCCESS
    return constants.INFO if code == "already" else constants.WARNING


@lru_cache
def _prefix() -> str:
    return reverse("volunteering:activities")


@lru_cache(maxsize=512)
def _message(language: str, level: int, code: str, min_age: int | None, max_age: int | None) -> str:
    """The cookie that carries the message to the next page. Its signature holds no time, so it is made once for each message."""
    request = HttpRequest()
    storage = CookieStorage(request)
    with translation.override(language):
        storage.add(level, Outcome(code, min_age=min_age, max_age=max_age).message)
        response = HttpResponse()
        storage.update(response)
    return response.cookies[CookieStorage.cookie_name].OutputString()


@lru_cache(maxsize=8)
def _fixed(language: str) -> tuple[tuple[str, str], ...]:
    """The headers that every answer has, from the middleware itself."""
    request = HttpRequest()
    request.META["wsgi.url_scheme"] = "https" if settings.HTTPS else "http"
    response = HttpResponse(headers={"Content-Length": "0", "Content-Language": language, "Vary": "Accept-Language, Cookie"})
    for middleware in (XFrameOptionsMiddleware, CSPMiddleware, SecurityMiddleware):
        middleware(lambda _request: response).process_response(request, response)
    return tuple(response.headers.items())
