"""Browsing the tree, its borders as GeoJSON, and entering changes."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from qunli.divisions import selectors, services
from qunli.divisions.enums import Kind, Level
from qunli.divisions.forms import ChangeForm
from qunli.divisions.models import Division
from qunli.divisions.perms import Permission
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, public, render_refused
from qunli.kernel.pages import paginate


@public
@require_safe
def browse(request: HttpRequest) -> HttpResponse:
    """The city with its districts; or what was searched for."""
    words = request.GET.get("q", "").strip()
    tree = selectors.tree()
    root = next(iter(tree.children.get(None, [])), None)
    found = [(node, tree.full_name(node)) for node in selectors.find(words, limit=50)] if words else []
    districts = tree.children.get(root.id, []) if root else []
    context = {
        "q": words,
        "found": found,
        "root": root,
        "districts": [(node, len(tree.children.get(node.id, []))) for node in districts if node.kind != Kind.MANAGEMENT_AREA],
        "managed": [node for node in districts if node.kind == Kind.MANAGEMENT_AREA],
        "counts": selectors.counts(),
        "may_change": actor_of(request).has(Permission.CHANGE),
    }
    return render(request, "divisions/browse.html", context)


@public
@require_safe
def detail(request: HttpRequest, code: str) -> HttpResponse:
    """One division: what is above and below it, its area or areas, where it came from."""
    tree = selectors.tree()
    node = tree.by_code.get(code)
    if node is None:
        ended = Division.objects.filter(code=code).order_by("-valid_from").first()
        if ended is None:
            raise Http404
        successors = selectors.successors(ended, local_date(timezone.now()))
        return render(request, "divisions/ended.html", {"division": ended, "successors": successors})
    members = selectors.members(node.id)
    context = {
        "node": node,
        "level": Level(node.level).label,
        "kind": Kind(node.kind).label,
        "ancestors": tree.ancestors(node),
        "children": tree.children.get(node.id, []),
        "members": members,
        "area": selectors.area_of(node.id),
        "changes": selectors.changes_of(node.id),
        "pins": [
            {"title": child.name, "latitude": child.latitude, "longitude": child.longitude, "url": ""}
            for child in tree.children.get(node.id, []) or members or [node]
            if child.longitude is not None
        ],
    }
    return render(request, "divisions/detail.html", context)


@public
@require_safe
def children(request: HttpRequest) -> JsonResponse:
    """What lies below `parent` (a code; the city without one), or what `q` finds: for pickers and maps."""
    tree = selectors.tree()
    words = request.GET.get("q", "")
    if words:
        nodes = selectors.find(words)
    else:
        parent = tree.by_code.get(request.GET.get("parent", ""))
        nodes = tree.children.get(parent.id if parent else None, [])
    items = [
        {
            "code": node.code,
            "name": node.name,
            "full_name": tree.full_name(node),
            "level": node.level,
            "has_children": bool(tree.children.get(node.id)),
        }
        for node in nodes
    ]
    return JsonResponse({"items": items})


def _stamp(request: HttpRequest) -> str:
    return selectors.borders_stamp()


@public
@require_safe
@cache_control(public=True, max_age=3600)
@condition(etag_func=_stamp)
def areas(request: HttpRequest) -> JsonResponse:
    """The borders of the districts as GeoJSON (WGS-84)."""
    features = [
        {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": geometry}
        for code, name, geometry in selectors.borders()
    ]
    return JsonResponse({"type": "FeatureCollection", "features": features}, content_type="application/geo+json")


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """Splits, mergers, renamings and transfers, the latest first."""
    page = paginate(selectors.changes(), order=("-effective_on", "-id"), cursor=request.GET.get("cursor"))
    context = {"page": page, "may_change": actor_of(request).has(Permission.CHANGE)}
    return render(request, "divisions/changes.html", context)


def change(request: HttpRequest) -> HttpResponse:
    """Enter a change of divisions."""
    actor = actor_of(request)
    if not actor.has(Permission.CHANGE):
        raise Denied(Permission.CHANGE, _("变更区划"))
    form = ChangeForm(request.POST or None)
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "divisions/change.html", form)
        data = form.cleaned_data
        try:
            services.change(
                kind=data["kind"],
                before=data["before"],
                after=[opening._replace(parent=data["parent"]) for opening in data["after"]],
                on=data["on"],
                document=data["document"],
                by=actor,
            )
        except Refused as refused:
            return render_refused(request, "divisions/change.html", form, refused)
        return redirect("divisions:changes")
    return render(request, "divisions/change.html", {"form": form})
