"""How a reader wants pages to look: kept with the account, for somebody not signed in in a cookie."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from qunli.accounts.models import Account, Theme
from qunli.accounts.services import save_settings
from qunli.kernel.http import actor_of

COOKIE = "qunli_look"
YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Preferences:
    theme: str = Theme.AUTO
    elder: bool = False

    @property
    def attribute(self) -> str:
        """Value of `data-theme`; empty when the device decides."""
        return "" if self.theme == Theme.AUTO else self.theme


def of_request(request: HttpRequest) -> Preferences:
    """The account's choice, or the cookie's ("dark.elder")."""
    user = getattr(request, "user", None)
    if isinstance(user, Account):
        return Preferences(user.theme, user.elder)
    theme, _, elder = request.COOKIES.get(COOKIE, "").partition(".")
    return Preferences(theme if theme in Theme.values else Theme.AUTO, elder == "elder")


def of_new_account(request: HttpRequest) -> dict[str, Any]:
    """What a visitor has chosen so far, for the account about to be opened: an old person who turned elder mode on keeps it."""
    look = of_request(request)
    return {"theme": look.theme, "elder": look.elder, "language": request.LANGUAGE_CODE}


def remember(request: HttpRequest, response: HttpResponse, *, theme: str = "", elder: str = "", language: str = "") -> None:
    """Keep what was chosen; an empty or unknown value leaves the choice as it is."""
    now = of_request(request)
    wanted = Preferences(theme if theme in Theme.values else now.theme, elder == "on" if elder in ("on", "off") else now.elder)
    tongue = language if language in dict(settings.LANGUAGES) else ""
    user = request.user
    if isinstance(user, Account):
        chosen = {"theme": wanted.theme, "elder": wanted.elder} | ({"language": tongue} if tongue else {})
        save_settings(account=user, by=actor_of(request), **chosen)
    # Also beside the account, so that the sign-in page after signing out still looks the same.
    response.set_cookie(COOKIE, f"{wanted.theme}.{'elder' if wanted.elder else ''}", max_age=YEAR, samesite="Lax", httponly=True)
    if tongue:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, tongue, max_age=YEAR, samesite="Lax", httponly=True)
