"""What every operation of the API shares: how it is guarded, and how a refusal looks.

@router.get("/activities", response={200: list[ActivityOut], **PROBLEMS}, auth=needs("activities:read"))
def activities(request: HttpRequest) -> ...: ...      # request.actor is the Actor, of a session or of a token
"""

from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from ninja import Schema
from ninja.security import APIKeyCookie, HttpBearer
from pydantic import Field

from qunli.kernel.actor import Actor

Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""A key of a row: what PostgreSQL can hold, so that any other number is 422 and not an error of the database."""


class Problem(Schema):
    """Why nothing was done. `message` is for people, in the language of the request; `code` is stable for programs."""

    code: str
    message: str
    field: str | None = None
    """The input that is the cause, if one is."""
    facts: dict[str, Any] = {}


class Invalid(Problem):
    """Input that cannot be read: each error with the place of the input."""

    errors: list[dict[str, Any]] = []


PROBLEMS: dict[int, type[Schema]] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Invalid, 429: Problem}
"""For `response={200: Out, **PROBLEMS}`: not signed in, not allowed, not there (or not visible), refused by a rule (`Refused`),
input that cannot be read, too many requests."""


class SessionAuth(APIKeyCookie):
    """The cookie of a signed-in browser; what writes must carry the X-CSRFToken header."""

    param_name: str = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Actor | None:
        # Without the cookie there is no session to be misused: then it is 401, not a failed CSRF check.
        if self.param_name not in request.COOKIES:
            return None
        found: Actor | None = super().__call__(request)
        return found

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        actor: Actor = request.actor  # type: ignore[attr-defined]
        return actor if request.user.is_authenticated else None


class TokenAuth(HttpBearer):
    """`Authorization: Bearer ...`: a token with this scope. `settings.API_TOKEN_ACTOR` names the function that knows tokens."""

    def __init__(self, scope: str | None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        found: Actor | None = import_string(settings.API_TOKEN_ACTOR)(request, token, self.scope)
        return found


def needs(scope: str) -> list[Any]:
    """For `auth=`: a token with this scope (`accounts/scopes.py` lists them), or a signed-in browser."""
    return [TokenAuth(scope), SessionAuth()]


SESSION_ONLY = [TokenAuth(None), SessionAuth()]
"""For operations that no token may use; what holds where an operation says nothing."""
