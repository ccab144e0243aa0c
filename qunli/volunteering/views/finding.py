"""Finding activities, and the page of one. Open to visitors, without personal data."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, add_refusal, public
from qunli.kernel.masking import mask_name
from qunli.kernel.pages import Page
from qunli.kernel.timelines import Moment, Step, timeline
from qunli.volunteering import counting, perms, selectors
from qunli.volunteering.asking import found
from qunli.volunteering.forms import FindForm
from qunli.volunteering.models import Activity
from qunli.volunteering.selectors import Place, Standing, Wanted
from qunli.volunteering.states import ACTIVITY


@public
@require_safe
def activities(request: HttpRequest) -> HttpResponse:
    """List and map side by side; soonest first, or nearest first when a place is given."""
    form = FindForm(request.GET)
    past = request.GET.get("when") == "past"
    form.is_valid()
    data = form.cleaned_data
    near = data.get("near")
    wanted = Wanted(
        words=data.get("q") or "",
        category=data.get("category") or "",
        division=data.get("division"),
        day=data.get("day"),
        near=Place(*near) if near else None,
        free=bool(data.get("free")),
        past=past,
    )
    page: Page[Activity] = Page([], None, None)
    try:
        page = selectors.find_activities(
            wanted=wanted, actor=actor_of(request), now=timezone.now(), cursor=request.GET.get("cursor") or None
        )
    except Refused as refused:
        add_refusal(form, Refused(refused.message, code=refused.code, field="q" if refused.field == "words" else refused.field))
    pins = [
        {"title": a.title, "label": str(n), "latitude": a.latitude, "longitude": a.longitude, "url": f"/activities/{a.pk}/"}
        for n, a in enumerate(page.items, 1)
        if a.latitude is not None
    ]
    context = {"form": form, "page": page, "pins": pins, "past": past, "near": near, "narrowed": any(request.GET.values())}
    return render(request, "volunteering/find.html", context)


@public
@require_safe
def activity(request: HttpRequest, pk: int) -> HttpResponse:
    """One activity: what, when, where, its posts, and why one can or cannot sign up."""
    one = found(selectors.activity, request, pk)
    return render(request, "volunteering/activity.html", page_of(one, actor_of(request)))


def page_of(one: Activity, actor: Actor) -> dict[str, Any]:
    """The context of an activity's page."""
    now = timezone.now()
    standings = selectors.standings(activity=one, actor=actor, now=now)
    own = selectors.own_sign_up(activity=one, actor=actor) if any(s.already for s in standings) else None
    by_post = {standing.post.pk: standing for standing in standings}
    leads, may_decide = perms.leads(actor, one.team), perms.may_decide_activity(actor, one)
    return {
        "activity": one,
        "rows": [(post, by_post.get(post.pk)) for post in one.posts.all()],
        "why": _why(standings),
        "missing": _missing(standings),
        "own": own,
        "place_in_line": selectors.waiting_place(sign_up=own) if own is not None and own.state == "waiting" else 0,
        "begun": now >= one.starts_at,
        "over": now >= one.ends_at,
        "open": one.state == "published" and now < one.starts_at,
        "leads": leads,
        "decides": one.state == "submitted" and may_decide,
        "may_decide": may_decide,
        "may_see_people": perms.may_see_sign_ups(actor, one),
        "invites": perms.may_invite(actor, one),
        "counting": counting.decision_on(one, actor) if leads or may_decide else None,
        "in_charge": one.person_in_charge.name if leads else mask_name(one.person_in_charge.name),
        "steps": _path(one) if leads or one.state in ("submitted", "returned", "cancelled") else [],
        "pins": [{"title": one.title, "label": "", "latitude": one.latitude, "longitude": one.longitude, "url": ""}]
        if one.latitude is not None
        else [],
    }


def _why(standings: list[Standing]) -> list[dict[str, str]]:
    """The conditions of the post to which the actor stands best, for the panel."""
    if not standings:
        return []
    best = min(standings, key=lambda standing: len(standing.missing))
    return [{"text": c.says, "clause": c.clause, "holds": "yes" if c.holds else "no"} for c in best.checks]


def _missing(standings: list[Standing]) -> str:
    """The code of the first condition that no post lets pass; "" when one can sign up for some post."""
    if not standings or any(standing.ready for standing in standings):
        return ""
    return min(standings, key=lambda standing: len(standing.missing)).missing[0].code


def _path(one: Activity) -> list[Step]:
    happened = [Moment("draft", one.created_at)]
    if one.state in ("submitted", "returned"):
        happened.append(Moment(one.state, note=one.state_reason))
    if one.approved_at is not None:
        happened.append(Moment("published", one.approved_at))
    if one.state in ("cancelled", "closed"):
        happened.append(Moment(one.state, note=one.state_reason))
    ahead = {"draft": ["submitted", "published"], "submitted": ["published"], "returned": ["submitted"], "published": ["closed"]}
    return timeline(ACTIVITY, happened=happened, ahead=ahead.get(one.state, []), stopped=["cancelled", "returned"])
