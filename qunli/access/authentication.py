"""Which actor a token of the API is. `kernel.api.TokenAuth` comes here by `settings.API_TOKEN_ACTOR`."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from qunli.access.roles import BOOK
from qunli.access.selectors import actor_of
from qunli.accounts.models import Token
from qunli.accounts.selectors import token_in_force
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied

TOUCH = timedelta(minutes=5)


def token_actor(request: HttpRequest, text: str, scope: str | None) -> Actor | None:
    """The actor of a token: its account's, narrowed to what its scopes allow. None for no token in force.

    Sets `request.user` and `request.actor`. Raises Denied when the token lacks `scope` (None: no token will do). `last_used_at` is
    written at most every five minutes, on any method: the owner must be able to see which tokens are in use.
    """
    now = timezone.now()
    token = token_in_force(text, now)
    if token is None:
        return None
    if scope is None or scope not in token.scopes:
        message = _("这个访问令牌没有需要的权限范围：%(scope)s。") % {"scope": scope} if scope else _("这项操作不接受访问令牌。")
        raise Denied(f"scope:{scope or 'none'}", message)
    if token.last_used_at is None or now - token.last_used_at > TOUCH:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    actor = actor_of(
        token.account,
        local_date(now),
        second_factor=token.second_factor,
        label=f"token:{token.pk}",
        only=permissions_of(token.scopes),
    )
    request.user = token.account
    request.actor = actor  # type: ignore[attr-defined]
    return actor


def permissions_of(scopes: list[str]) -> frozenset[str]:
    """Permissions that a token with these scopes may use, as roles.toml says; a permission in no scope is never a token's."""
    return frozenset(permission for scope in scopes for permission in BOOK.scopes.get(scope, ()))
