"""Small helpers of the views: pages without sign-in, and refusals shown at their field."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from qunli.kernel.actor import NOBODY, Actor
from qunli.kernel.errors import Refused

View = TypeVar("View", bound=Callable[..., Any])
Row = TypeVar("Row")


def actor_of(request: HttpRequest) -> Actor:
    """Who acts in this request: built by `access.middleware`."""
    actor: Actor = getattr(request, "actor", NOBODY)
    return actor


def or_404(found: Row | None) -> Row:
    """What a selector found; the page "not found" (HTTP 404) when there is nothing that the reader may see."""
    if found is None:
        raise Http404
    return found


class RefusedMiddleware:
    """A refusal that no page caught: a stale cursor leads to the first page, anything else is told on a page of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        if exception.code == "cursor" and request.method == "GET":
            rest = request.GET.copy()
            rest.pop("cursor", None)
            return HttpResponseRedirect(f"{request.path}?{rest.urlencode()}" if rest else request.path)
        return render(request, "409.html", {"message": exception.message}, status=409)


def public(view: View) -> View:
    """This view needs no sign-in. Every other one does."""
    marked: View = login_not_required(view)
    marked.public = True  # type: ignore[attr-defined]
    return marked


def add_refusal(form: BaseForm, refused: Refused) -> None:
    """Show a refusal in a form: at its field when the form has it, above the form otherwise."""
    field = refused.field if refused.field in form.fields else None
    form.add_error(field, str(refused.message))


def render_refused(
    request: HttpRequest, template: str, form: BaseForm, refused: Refused | None = None, context: Mapping[str, Any] | None = None
) -> HttpResponse:
    """The form again, with its errors and the refusal. Status 422, but 200 for htmx, which swaps nothing else in."""
    if refused is not None:
        add_refusal(form, refused)
    status = 200 if request.headers.get("HX-Request") == "true" else 422
    return render(request, template, {"form": form, **(context or {})}, status=status)
