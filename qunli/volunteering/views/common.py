"""What the pages of the room share."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from qunli.kernel.errors import Refused


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
