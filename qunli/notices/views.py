"""One's own messages, and how one wants to be told."""

from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, public, render_refused
from qunli.kernel.pages import paginate
from qunli.notices import feeds, selectors, services
from qunli.notices.forms import PreferenceForm
from qunli.notices.rendering import text_of


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Messages, the newest first, twenty a page. Looking does not mark them read: a GET writes nothing."""
    actor = actor_of(request)
    page = paginate(selectors.notices(actor), order=("-id",), cursor=request.GET.get("cursor"))
    rows = [{"notice": notice, "text": text_of(notice)} for notice in page.items]
    unread = any(notice.read_at is None for notice in page.items)
    return render(request, "notices/list.html", {"rows": rows, "page": page, "any_unread": unread})


@require_POST
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Marks one message read and goes to what it is about."""
    notice = get_object_or_404(selectors.notices(actor_of(request)), pk=notice_id)
    services.mark_read(notice_ids=[notice.pk], by=actor_of(request), now=timezone.now())
    safe = notice.url and url_has_allowed_host_and_scheme(notice.url, {request.get_host()}, require_https=request.is_secure())
    return redirect(notice.url if safe else "notices:list")


@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """Marks all of one's messages read."""
    services.mark_read(notice_ids=None, by=actor_of(request), now=timezone.now())
    return redirect("notices:list")


def preferences(request: HttpRequest) -> HttpResponse:
    """By which ways important messages also come outside of the site."""
    actor = actor_of(request)
    if actor.person_id is None:
        return render(request, "notices/preferences.html", {"form": None})
    choice = selectors.preference(actor.person_id)
    form = PreferenceForm(request.POST or None, initial={"sms": choice.sms, "email": choice.email})
    if request.method == "POST" and form.is_valid():
        services.set_preferences(person_id=actor.person_id, by=actor, **form.cleaned_data)
        return redirect("notices:list")
    return render(request, "notices/preferences.html", {"form": form})


def calendar(request: HttpRequest) -> HttpResponse:
    """The secret address of one's calendar feed. It is shown once, when it is made."""
    actor = actor_of(request)
    has_feed = selectors.has_feed(actor)
    if request.method == "POST":
        try:
            key = services.renew_feed(by=actor, now=timezone.now())
        except Refused as refused:
            return render_refused(request, "notices/calendar.html", Form({}), refused, {"has_feed": has_feed, "address": ""})
        address = request.build_absolute_uri(reverse("notices:feed", args=[key]))
        return render(request, "notices/calendar.html", {"form": None, "has_feed": True, "address": address})
    return render(request, "notices/calendar.html", {"form": None, "has_feed": has_feed, "address": ""})


@public
@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponse:
    """The calendar behind a secret address, for calendar programs, which cannot sign in. Nothing but one's own plans is in it."""
    person = selectors.feed_owner(key)
    if person is None:
        raise Http404
    response = HttpResponse(feeds.calendar(person.pk, timezone.now()), content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, max-age=900"
    response["X-Robots-Tag"] = "noindex"
    return response
