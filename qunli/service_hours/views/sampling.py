"""Spot checks: plan and list, one round, a drawn record with its evidence; and what is published of them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from qunli.audit.services import looked
from qunli.divisions.models import Division
from qunli.divisions.selectors import tree
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, or_404, public, render_refused
from qunli.service_hours import perms, services
from qunli.service_hours.forms import CheckForm, RoundForm
from qunli.service_hours.integrity.evidence import confidence_of
from qunli.service_hours.models import SampleItem, SamplingRound
from qunli.service_hours.perms import Permission
from qunli.service_hours.sampling import showing
from qunli.service_hours.views.common import evidence_shown

ROUNDS = "service_hours/sampling.html"


@require_http_methods(["GET", "HEAD", "POST"])
def rounds(request: HttpRequest) -> HttpResponse:
    """The rounds in the reader's reach; who plans them plans a new one here."""
    actor, now = actor_of(request), timezone.now()
    if not (actor.has(Permission.SAMPLE) or actor.has(Permission.SPOT_CHECK)):
        raise Denied(Permission.SPOT_CHECK)
    plans = actor.has(Permission.SAMPLE)
    if request.method == "POST" and not plans:
        raise Denied(Permission.SAMPLE)
    form = RoundForm(request.POST or None, initial=_initial(actor.ranges(Permission.SAMPLE))) if plans else None
    context = {"page": showing.rounds(actor=actor, cursor=request.GET.get("cursor")), "form": form}
    if form is None or request.method != "POST":
        return render(request, ROUNDS, context)
    if not form.is_valid():
        return render_refused(request, ROUNDS, form, context=context)
    try:
        planned = services.plan_round(**form.cleaned_data, by=actor, now=now)
    except Denied as denied:
        return render_refused(request, ROUNDS, form, Refused(str(denied), code="division", field="division"), context)
    except Refused as refused:
        return render_refused(request, ROUNDS, form, refused, context)
    messages.success(request, _("抽查已安排，正在抽取。"))
    return redirect("service_hours:sampling_round", planned.pk)


def _initial(ranges: tuple[str, ...]) -> dict[str, object]:
    path = ranges[0] if ranges else ""
    node = tree().by_code.get(path.rstrip("/").rpartition("/")[2]) if path else next(iter(tree().children[None]), None)
    return {"division": Division(code=node.code) if node else None, "size": 200}


@require_safe
def sampling_round(request: HttpRequest, sampling_round: int) -> HttpResponse:
    """One round: how it was drawn, what waits for the reader, and by organisation once it is closed."""
    found, actor = _round_or_404(request, sampling_round), actor_of(request)
    return _round_page(request, found, closes=actor.has(Permission.SAMPLE, path=found.division.path))


def _round_page(request: HttpRequest, found: SamplingRound, *, closes: bool, refused: str = "", status: int = 200) -> HttpResponse:
    actor, cursor = actor_of(request), request.GET.get("cursor")
    judged = found.items.exclude(verdict="").count() if found.state == "open" else found.drawn
    context = {
        "round": found,
        "layers": showing.layers(found),
        "judged": judged,
        "closes": closes and found.state == "open" and judged == found.drawn,
        "work": showing.work(actor=actor, found=found, cursor=cursor) if found.state == "open" else None,
        "results": showing.results(found=found, cursor=cursor) if found.state == "closed" else None,
        "fewest": showing.fewest(found),
        "refused": refused,
    }
    return render(request, "service_hours/sampling_round.html", context, status=status)


@require_POST
def close(request: HttpRequest, sampling_round: int) -> HttpResponse:
    """Publish the results."""
    found = _round_or_404(request, sampling_round)
    try:
        services.close_round(sampling_round=found, by=actor_of(request), now=timezone.now())
    except Refused as refused:
        return _round_page(request, found, closes=True, refused=str(refused.message), status=422)
    messages.success(request, _("结果已公布。"))
    return redirect("service_hours:sampling_round", sampling_round)


@never_cache
@require_GET
def item(request: HttpRequest, item: int) -> HttpResponse:
    """A drawn record with its evidence; the look at the person's name is in the audit."""
    return _item_page(request, _item_or_404(request, item), None)


@require_POST
def check(request: HttpRequest, item: int) -> HttpResponse:
    """Say whether it is right, and go on to the next."""
    found, actor = _item_or_404(request, item), actor_of(request)
    if not perms.may_check(actor, found):
        raise Denied(Permission.SPOT_CHECK)
    form = CheckForm(request.POST)
    if not form.is_valid():
        return _item_page(request, found, form, status=422)
    try:
        services.check_item(item=found, **form.cleaned_data, by=actor, now=timezone.now())
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
        return _item_page(request, _item_or_404(request, item), form, status=422)
    following = showing.next_item(actor=actor, found=found.round, after=found.pk)
    if following is None:
        messages.success(request, _("认定已记录，没有等您认定的记录了。"))
        return redirect("service_hours:sampling_round", found.round_id)
    messages.success(request, _("认定已记录。这是下一条。"))
    return redirect(reverse("service_hours:sample_item", args=[following]))


def _item_page(request: HttpRequest, found: SampleItem, form: CheckForm | None, status: int = 200) -> HttpResponse:
    actor, record = actor_of(request), found.record
    named = perms.may_check(actor, found)
    if named:
        looked("service_hours.sample_item", f"sample:{found.pk}", by=actor, record=record.pk)
    context = {
        "item": found,
        "record": record,
        "activity": record.activity,
        "stratum": showing.label_of(found),
        "named": named,
        "confidence": confidence_of(record),
        "evidence": evidence_shown(record, sees=named or perms.may_see_evidence(actor, record)),
        "late": sorted(record.late_statements.all(), key=lambda one: one.way),
        "form": (form or CheckForm()) if named and not found.verdict and found.round.state == "open" else None,
        "failed": form if form is not None and found.verdict else None,
    }
    return render(request, "service_hours/sample_item.html", context, status=status)


@public
@require_safe
def published(request: HttpRequest) -> HttpResponse:
    """Results of spot checks, for everybody."""
    return render(request, "service_hours/published.html", {"page": showing.published(cursor=request.GET.get("cursor"))})


@public
@require_safe
def published_round(request: HttpRequest, sampling_round: int) -> HttpResponse:
    """The results of one, by organisation, with the method."""
    found = or_404(showing.published_round(round_id=sampling_round))
    context = {
        "round": found,
        "layers": showing.layers(found),
        "results": showing.results(found=found, cursor=request.GET.get("cursor")),
        "fewest": showing.fewest(found),
    }
    return render(request, "service_hours/published_round.html", context)


def _round_or_404(request: HttpRequest, key: int) -> SamplingRound:
    return or_404(showing.visible_round(round_id=key, actor=actor_of(request)))


def _item_or_404(request: HttpRequest, key: int) -> SampleItem:
    return or_404(showing.visible_item(item_id=key, actor=actor_of(request)))
