"""The auditor's page: events by verb, subject, person and days, a page at a time."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from qunli.audit import selectors, services
from qunli.audit.forms import SearchForm
from qunli.audit.models import Event
from qunli.audit.perms import Permission, may_search
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of
from qunli.kernel.pages import Page, paginate


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Search the audit; only for who holds audit.search. The search itself is an event, as every look is."""
    actor = actor_of(request)
    if not may_search(actor):
        raise Denied(Permission.SEARCH, _("查看审计日志"))
    form = SearchForm(request.GET or None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    page: Page[Event] = Page([], None, None)
    if not form.is_bound or form.is_valid():
        found = selectors.search(
            actor=actor,
            verb=asked.get("verb", ""),
            subject=asked.get("subject", ""),
            person_id=asked.get("person"),
            since=asked.get("since"),
            until=asked.get("until"),
        )
        page = paginate(found, order=("-id",), cursor=request.GET.get("cursor"), size=30)
    if asked.get("subject") or asked.get("person"):
        about = asked.get("subject") or f"person:{asked['person']}"
        services.looked("audit.events", about, by=actor, searched={name: str(value) for name, value in asked.items() if value})
    context = {"form": form, "page": page, "head": services.head()}
    return render(request, "audit/events.html", context, status=200 if not form.errors else 422)
