"""Stars: the volunteer's own; what waits for officers, granted or refused together or one by one."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from qunli.audit.services import looked
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal, or_404
from qunli.service_hours import perms, services
from qunli.service_hours.forms import StarForm
from qunli.service_hours.models import StarProposal
from qunli.service_hours.perms import Permission
from qunli.service_hours.services.stars import ABOVE_THE_CITY, Decided
from qunli.service_hours.stars import showing


@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """My star, the next one, and everything that happened to it."""
    found = showing.my_stars(actor=actor_of(request), now=timezone.now())
    waiting = next((one for one in found.proposals if one.state == "proposed"), None)
    refused = found.proposals[0] if found.proposals and found.proposals[0].state == "refused" else None
    return render(request, "service_hours/stars.html", {"mine": found, "waiting": waiting, "refused": refused})


@require_GET
@never_cache
def proposals(request: HttpRequest) -> HttpResponse:
    """What waits for the reader's decision; or what was decided."""
    actor = actor_of(request)
    if not (actor.has(Permission.GRANT_STAR) or actor.has(Permission.GRANT_CITY_STAR)):
        raise Denied(Permission.GRANT_STAR)
    return _list(request, actor, decided=request.GET.get("which") == "decided")


@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Grant or refuse all that are ticked."""
    actor = actor_of(request)
    if not (actor.has(Permission.GRANT_STAR) or actor.has(Permission.GRANT_CITY_STAR)):
        raise Denied(Permission.GRANT_STAR)
    keys = [key for key in request.POST.getlist("proposal") if key.isdecimal() and len(key) < 19]
    rows = list(StarProposal.objects.decided_by(actor).filter(pk__in=keys))
    if not rows:
        messages.warning(request, _("请先勾选要评定的志愿者。"))
        return redirect("service_hours:star_proposals")
    form = StarForm(request.POST)
    done = _done(form, rows, _verb(request), actor)
    if done is None:
        return _list(request, actor, decided=False, form=form, ticked={row.pk for row in rows})
    _say(request, done, _verb(request))
    return redirect("service_hours:star_proposals")


@require_GET
@never_cache
def proposal(request: HttpRequest, proposal: int) -> HttpResponse:
    """One proposal with the person's name and why; the look is recorded."""
    return _page(request, _or_404(request, proposal), None)


@require_POST
def decide_one(request: HttpRequest, proposal: int) -> HttpResponse:
    """Grant or refuse one."""
    found, actor = _or_404(request, proposal), actor_of(request)
    if not perms.may_decide_star(actor, found):
        raise Denied(perms.STAR_APPROVAL.get(found.approval, Permission.GRANT_CITY_STAR))
    form = StarForm(request.POST)
    done = _done(form, [found], _verb(request), actor)
    if done is not None:
        for _one, refused in done.refused:
            add_refusal(form, refused)
    if done is None or done.refused:
        return _page(request, _or_404(request, proposal), form, status=422)
    _say(request, done, _verb(request))
    return redirect("service_hours:star_proposals")


def _verb(request: HttpRequest) -> str:
    verb = request.POST.get("verb", "")
    if verb not in ("grant", "refuse"):
        raise BadRequest("verb")
    return verb


def _done(form: StarForm, rows: list[StarProposal], verb: str, actor: Actor) -> Decided | None:
    """What came of it; None when the form says what is wrong."""
    if not form.is_valid():
        return None
    values, now = form.cleaned_data, timezone.now()
    try:
        if verb == "grant":
            return services.grant_stars(proposals=rows, document=values["document"], by=actor, now=now)
        return services.refuse_stars(proposals=rows, reason=values["reason"], by=actor, now=now)
    except Refused as refused:
        add_refusal(form, refused)
        return None


def _say(request: HttpRequest, done: Decided, verb: str) -> None:
    count = len(done.proposals)
    if count and verb == "grant":
        messages.success(
            request,
            ngettext("已评定 %(count)d 人，并已告知本人。", "已评定 %(count)d 人，并已告知本人。", count) % {"count": count},
        )
    elif count:
        messages.success(
            request,
            ngettext("%(count)d 人不予评定，原因已告知本人。", "%(count)d 人不予评定，原因已告知本人。", count) % {"count": count},
        )
    reasons: dict[str, int] = {}
    for _one, refused in done.refused:
        reasons[str(refused.message)] = reasons.get(str(refused.message), 0) + 1
    for reason, number in reasons.items():
        messages.warning(request, _("%(count)d 条没有办理：%(reason)s") % {"count": number, "reason": reason})


def _list(
    request: HttpRequest, actor: Actor, *, decided: bool, form: StarForm | None = None, ticked: set[int] | None = None
) -> HttpResponse:
    read = showing.decided if decided else showing.waiting
    page = read(actor=actor, cursor=request.GET.get("cursor"))
    context = {
        "page": page,
        "decided": decided,
        "waits": not decided,
        "form": form or StarForm(),
        "ticked": ticked or set(),
        "above": any(one.approval in ABOVE_THE_CITY for one in page.items),
    }
    return render(request, "service_hours/star_proposals.html", context, status=200 if form is None else 422)


def _or_404(request: HttpRequest, proposal: int) -> StarProposal:
    return or_404(showing.visible(proposal_id=proposal, actor=actor_of(request)))


def _page(request: HttpRequest, found: StarProposal, form: StarForm | None, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    own, decides = actor.person_id == found.person_id, perms.may_decide_star(actor, found)
    if decides:
        looked("service_hours.star", f"person:{found.person_id}", by=actor, proposal=found.pk)
    context = {
        "proposal": found,
        "own": own,
        "named": own or decides,
        "approval": showing.approval_label(found),
        "entries": showing.entries_of(found),
        "form": (form or StarForm()) if decides and found.state == "proposed" else None,
        "failed": form if form is not None and found.state != "proposed" else None,
        "above": found.approval in ABOVE_THE_CITY,
    }
    return render(request, "service_hours/star_proposal.html", context, status=status)
