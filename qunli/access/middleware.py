"""Who acts in this request, and whether the second factor that the role requires has been shown."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from qunli.access.actors import PostedActor
from qunli.access.selectors import actor_of
from qunli.accounts.models import Account
from qunli.accounts.selectors import has_second_factor
from qunli.kernel.actor import NOBODY, Actor
from qunli.kernel.clock import local_date


class ActorMiddleware:
    """Sets `request.actor`, built by one query when it is first asked for.

    Until a session has shown a second factor, roles that require one are withheld: they count nowhere, neither in pages nor in the
    API. A person who holds such a role is sent to set it up or show it before anything else that needs a sign-in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: session_actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        public = not getattr(view, "login_required", True)
        # Signing in, out and setting up are what a person without the second factor must be able to reach.
        if public or match is None or "accounts" in match.namespaces or (match.url_name or "").startswith(("mfa_", "account_")):
            return None
        if not request.user.is_authenticated or has_second_factor(request.session):
            return None
        actor = request.actor  # type: ignore[attr-defined]
        if isinstance(actor, PostedActor) and actor.withheld:
            return redirect(f"{reverse('accounts:second_factor')}?next={quote(request.get_full_path())}")
        return None


def session_actor(request: HttpRequest) -> Actor:
    """The actor of the request's session; NOBODY without one."""
    account = request.user
    if not isinstance(account, Account):
        return NOBODY
    return actor_of(account, local_date(timezone.now()), second_factor=has_second_factor(request.session))
