"""Home, menu, search, the look of pages, and what the platform is."""

from datetime import datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qunli.accounts.preferences import remember
from qunli.divisions.enums import Level
from qunli.divisions.forms import below, searched
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.http import actor_of, public
from qunli.web.home import Home, build, near
from qunli.web.navigation import where
from qunli.web.samples import samples
from qunli.web.searching import look_for


@public
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The visitor's page, or what is next and what waits for the person who has signed in."""
    now = timezone.now()
    if not request.user.is_authenticated:
        return render(request, "web/visitor.html", {"activities": near(actor_of(request), None, now)})
    built = build(actor_of(request), now)
    return render(request, "web/home.html", {"home": built, "greeting": greeting(built, now), "today": now})


def greeting(home: Home, now: datetime) -> str:
    """By the hour in Shanghai, with one's own name when it is known."""
    hour = now.astimezone(SHANGHAI).hour
    words = _("上午好") if 5 <= hour < 12 else _("下午好") if 12 <= hour < 18 else _("晚上好")
    if not home.name:
        return words
    return _("%(greeting)s，%(name)s") % {"greeting": words, "name": home.name}


@public
@require_safe
def menu(request: HttpRequest) -> HttpResponse:
    """Everything the reader may go to: the phone's navigation."""
    return render(request, "web/menu.html")


@public
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Activities, teams, divisions and people that the reader may see."""
    q = request.GET.get("q", "").strip()[:60]
    found = look_for(q, actor_of(request), timezone.now())
    return render(request, "web/search.html", {"q": q, "found": found})


@public
@require_safe
def division_choices(request: HttpRequest) -> HttpResponse:
    """What the division picker offers: matches of the words typed, or what lies below `parent`."""
    wanted = request.GET.get("levels", "").split(",")
    levels = frozenset(int(level) for level in wanted if level in {str(value) for value in Level.values}) or frozenset(Level.values)
    name = request.GET.get("name", "")
    parent = request.GET.get("parent", "")
    words = request.GET.get(f"{name}_words", "")
    choices = below(parent, levels) if parent else searched(words, levels)
    context = {"choices": choices, "chosen": None, "name": name, "id": request.GET.get("id", ""), "levels": ",".join(wanted)}
    return render(request, "divisions/_choices.html", context)


@public
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Theme, elder mode and language; then back to the page where they were chosen."""
    to = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure()):
        to = "/"
    response = HttpResponseRedirect(to)
    chosen = {name: request.POST.get(name, "") for name in ("theme", "elder", "language")}
    remember(request, response, theme=chosen["theme"], elder=chosen["elder"], language=chosen["language"])
    return response


@public
@require_safe
@never_cache
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, at the root, since it may only serve what lies below its own address. Holds nothing of anybody."""
    return HttpResponse(worker_script(), content_type="text/javascript; charset=utf-8")


@cache
def worker_script() -> bytes:
    """As built by `static/build.mjs`."""
    found = finders.find("build/sw.js")
    if not isinstance(found, str):
        raise Http404
    return Path(found).read_bytes()


@public
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "web/about.html", {"api_docs_url": where("api-1.0.0:openapi-view")})


@public
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "web/privacy.html")


@public
@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Every component with its states. Only in the demonstration and while developing."""
    if not (settings.DEMO or settings.DEBUG):
        raise Http404
    return render(request, "web/gallery.html", samples(request))
