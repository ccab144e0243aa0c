"""Home, menu, search, the look of pages, and what the platform is."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from qunli.kernel.http import public
from qunli.web.preferences import remember
from qunli.web.samples import samples


@public
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "web/visitor.html")


@public
@require_safe
def menu(request: HttpRequest) -> HttpResponse:
    """Everything the reader may go to: the phone's navigation."""
    return render(request, "web/menu.html")


@public
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    return render(request, "web/search.html", {"q": request.GET.get("q", "").strip()})


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
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "web/about.html")


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
