"""Who is signed in, in which language: one query for session and account."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from qunli.accounts.models import Account, Session
from qunli.accounts.sessions import SessionStore, digest_of

SEEN_EVERY = timedelta(minutes=5)
KEPT_BY_NOBODY = "private, no-store"
"""Cache-Control of what is answered to somebody signed in, unless its view says otherwise."""


class AccountMiddleware(AuthenticationMiddleware):
    """Sets `request.user` from the session's row. Stands where Django's AuthenticationMiddleware would, and saves its query.

    `last_seen_at` is written at most every five minutes, after the response, on any method: the one write that a GET may
    cause, since the list of one's sessions would be of no use without it. It touches nothing but the session's own row.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: account_of(request))  # type: ignore[assignment]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        # Office computers are shared: no page of somebody signed in stays behind for who presses "back" next, or in a proxy.
        if settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers:
            response.headers.setdefault("Cache-Control", KEPT_BY_NOBODY)
        store = getattr(request, "session", None)
        now = timezone.now()
        if isinstance(store, SessionStore) and store.last_seen_at is not None and now - store.last_seen_at > SEEN_EVERY:
            Session.objects.filter(digest=digest_of(store.session_key or "")).update(last_seen_at=now)
        return response


def account_of(request: HttpRequest) -> Account | AnonymousUser:
    """The account of the request's session, or nobody: not signed in, deactivated, or signed in before the password changed."""
    store = request.session
    shown = store.get(HASH_SESSION_KEY, "")
    account = store.account if isinstance(store, SessionStore) else None
    if account is None or not account.is_active or not constant_time_compare(shown, account.get_session_auth_hash()):
        return AnonymousUser()
    return account


class LanguageMiddleware:
    """The language of a page: what the reader chose (cookie), else the account's, else Chinese or the browser's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = self.language(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response

    @staticmethod
    def language(request: HttpRequest) -> str:
        known = dict(settings.LANGUAGES)
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if chosen in known:
            return chosen
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, Account) and request.user.language in known:
            return request.user.language
        return translation.get_language_from_request(request)
