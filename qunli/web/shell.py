"""What every page's shell shows. Lazy: a fragment or an error page that has no shell costs nothing, a page one query."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from qunli.accounts.preferences import of_request
from qunli.kernel.http import actor_of
from qunli.notices.selectors import unread_count
from qunli.web.navigation import Menu, where


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. `look` has theme, elder and language; `unread` the number of unread messages."""
    return {
        "look": SimpleLazyObject(lambda: of_request(request)),
        "menu": SimpleLazyObject(lambda: Menu(actor_of(request), signed_in(request), request.path)),
        "unread": SimpleLazyObject(lambda: unread(request)),
        "authority": settings.AUTHORITY,
        "demonstration": settings.DEMO,
        "map_tiles": settings.TILES,
        "map_attribution": settings.TILES_ATTRIBUTION,
        "map_areas_url": where("divisions:areas"),
        "inbox_url": where("notices:list"),
        "account_url": where("accounts:settings"),
        "sign_in_url": where("accounts:sign_in"),
    }


def signed_in(request: HttpRequest) -> bool:
    return bool(getattr(request, "user", None) and request.user.is_authenticated)


def unread(request: HttpRequest) -> int:
    """Messages that the reader has not opened: one query, none for somebody not signed in."""
    return 0 if actor_of(request).person_id is None else unread_count(actor_of(request))
