"""What the pages of the room share."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused

Found = TypeVar("Found")


def actor_of(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


def found(read: Callable[..., Found], request: HttpRequest, pk: int) -> Found:
    """One object that the reader may see, or 404: what may not be seen does not exist."""
    try:
        return read(pk=pk, actor=actor_of(request))
    except ObjectDoesNotExist as error:
        raise Http404(_("没有找到，或者您不能查看。")) from error


def posted(request: HttpRequest) -> QueryDict | None:
    """What was sent, for a form: an empty form that was sent is not an empty form that was asked for."""
    return request.POST if request.method == "POST" else None


def done(request: HttpRequest, deed: Callable[[], Any], said: str, url: str) -> HttpResponse:
    """Do it and go to `url`; a refusal is shown there instead of what would have been said."""
    try:
        deed()
    except Refused as refused:
        messages.error(request, str(refused.message))
    else:
        messages.success(request, said)
    return redirect(url)
