"""Running activities: writing, changing, approving, the people signed up."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qunli.audit import services as audit
from qunli.cases.models import Case
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, render_refused
from qunli.volunteering import perms, selectors, services
from qunli.volunteering.asking import found
from qunli.volunteering.enums import SignUpState
from qunli.volunteering.forms import ActivityForm, BasePosts, PostFormSet, ReasonForm, SignUpForForm, typed
from qunli.volunteering.models import Activity, Team
from qunli.volunteering.requests.selectors import prefill
from qunli.volunteering.requests.services import becomes
from qunli.volunteering.services import ActivityValues
from qunli.volunteering.views.common import done, posted
from qunli.volunteering.views.teams import with_reason

FORM = "volunteering/activity_form.html"


@require_safe
def led(request: HttpRequest) -> HttpResponse:
    """Activities of the teams that one leads."""
    actor = actor_of(request)
    page = selectors.led_activities(actor=actor, cursor=request.GET.get("cursor") or None)
    return render(request, "volunteering/led.html", {"page": page, "teams": selectors.led(actor=actor)})


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What waits for the officer's decision: activities or teams."""
    actor = actor_of(request)
    if not (actor.has(perms.Permission.APPROVE_ACTIVITY) or actor.has(perms.Permission.APPROVE_TEAM)):
        raise Denied(perms.Permission.APPROVE_ACTIVITY)
    kind = "teams" if request.GET.get("kind") == "teams" else "activities"
    cursor = request.GET.get("cursor") or None
    context: dict[str, Any] = {"kind": kind, "counts": selectors.to_decide_counts(actor=actor)}
    if kind == "teams":
        context["page"] = selectors.teams_to_decide(actor=actor, cursor=cursor)
    else:
        context["page"] = selectors.activities_to_decide(actor=actor, cursor=cursor)
    return render(request, "volunteering/queue.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """A new activity of a team; with `?request=` the activity that a resident's request becomes, filled in from it."""
    team = found(selectors.team, request, pk)
    if not perms.leads(actor_of(request), team):
        raise Denied(perms.Permission.LEAD_TEAM)
    number = request.GET.get("request", "")
    return _written(request, team, None, _request(request, number, team) if number else None)


def _request(request: HttpRequest, number: str, team: Team) -> Case:
    """The request that the team has taken, or 404."""
    case = Case.objects.visible_to(actor_of(request)).with_places().filter(number=number, owner_unit=team.unit).first()
    if case is None:
        raise Http404
    return case


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft or a returned activity; a published one is changed with a reason that everybody signed up is told."""
    one = found(selectors.activity, request, pk)
    if not perms.leads(actor_of(request), one.team):
        raise Denied(perms.Permission.LEAD_TEAM)
    if one.state not in ("draft", "returned", "published"):
        messages.warning(request, _("这个活动现在不能修改。"))
        return redirect("volunteering:activity", pk)
    return _written(request, one.team, one)


def _written(request: HttpRequest, team: Team, one: Activity | None, case: Case | None = None) -> HttpResponse:
    """The form of an activity and its posts, for a new one, a draft, or a change of a published one."""
    actor, now = actor_of(request), timezone.now()
    leaders = selectors.leaders(team=team)
    if one is not None and one.person_in_charge_id not in {person.pk for person in leaders}:
        leaders.append(one.person_in_charge)
    initial: dict[str, Any] = {"division": team.division, "person_in_charge": actor.person_id}
    kept: list[dict[str, Any]] = []
    if case is not None:
        initial |= prefill(case, now)
        kept = [{"name": _("志愿者"), "places": 2}]
    if one is not None:
        initial = ActivityForm.initial_of(ActivityValues.of(one))
        kept = [{"pk": post.pk, "name": post.name, "places": post.places, "skills": post.skills} for post in one.posts.all()]
    changing = one is not None and one.state == "published"
    data = posted(request)
    form = ActivityForm(data, initial=initial, leaders=leaders)
    posts = cast(BasePosts, PostFormSet(data, initial=kept, prefix="posts"))
    reason = ReasonForm(data) if changing else None
    context = {"team": team, "activity": one, "posts": posts, "reason": reason, "changing": changing, "posts_error": ""}
    if request.method != "POST":
        return render(request, FORM, {"form": form, **context})
    if "more" in request.POST:
        # Room for another post; what was typed so far stays, and is not judged yet.
        rows = [typed(one, request.POST) for one in posts.forms]
        context["posts"] = cast(BasePosts, PostFormSet(initial=[row for row in rows if row["name"] or row["pk"]], prefix="posts"))
        context["reason"] = ReasonForm(initial=typed(reason, request.POST)) if reason is not None else None
        return render(request, FORM, {"form": ActivityForm(initial=typed(form, request.POST), leaders=leaders), **context})
    # All three are validated before the first error is shown, so that one press shows them all.
    whole = all([form.is_valid(), posts.is_valid(), reason is None or reason.is_valid()])
    if not whole:
        return render_refused(request, FORM, form, context=context)
    try:
        # One press, one transaction: what cannot be submitted is not left behind as a draft that nobody sees.
        with transaction.atomic():
            written = _write(request, team, one, form.values(), posts.values(), reason)
            if case is not None:
                becomes(case=case, activity=written, by=actor, now=now)
            if "submit" in request.POST and written.state in ("draft", "returned"):
                services.submit_activity(activity=written, by=actor, now=now)
    except Refused as refused:
        if refused.field == "posts":
            context["posts_error"] = str(refused.message)
            return render_refused(request, FORM, form, context=context)
        return render_refused(request, FORM, form, refused, context)
    said = {"submitted": _("已提交，上一级审批后开始招募。"), "published": _("已变更，报名的人会收到通知。")}
    messages.success(request, said.get(written.state, _("草稿已保存。")))
    return redirect("volunteering:activity", written.pk)


def _write(
    request: HttpRequest, team: Team, one: Activity | None, values: ActivityValues, posts: Any, reason: ReasonForm | None
) -> Activity:
    actor, now = actor_of(request), timezone.now()
    if one is None:
        return services.create_activity(team=team, values=values, posts=posts, by=actor, now=now)
    if reason is not None:
        why = reason.cleaned_data["reason"]
        services.change_activity(activity=one, values=values, posts=posts, reason=why, by=actor, now=now)
    else:
        services.edit_activity(activity=one, values=values, posts=posts, by=actor, now=now)
    return one


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Submit or approve."""
    one = found(selectors.activity, request, pk)
    deeds: dict[str, tuple[Callable[..., None], str, str]] = {
        "submit": (services.submit_activity, _("已提交，上一级审批后开始招募。"), reverse("volunteering:activity", args=[pk])),
        "approve": (services.approve_activity, _("已通过，开始招募。"), reverse("volunteering:queue")),
    }
    deed, said, url = deeds[verb]
    return done(request, lambda: deed(activity=one, by=actor_of(request), now=timezone.now()), said, url)


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Return it to the team, or cancel it: with a reason."""
    one = found(selectors.activity, request, pk)
    actor = actor_of(request)
    if verb == "return":
        allowed, permission = perms.may_decide_activity(actor, one), perms.Permission.APPROVE_ACTIVITY
        title, button, deed = _("退回“%(title)s”"), _("退回修改"), services.return_activity
    else:
        allowed, permission = perms.may_cancel_activity(actor, one), perms.Permission.LEAD_TEAM
        title, button, deed = _("取消“%(title)s”"), _("取消活动"), services.cancel_activity  # type: ignore[assignment]
    if not allowed:
        raise Denied(permission)

    def go(reason: str) -> None:
        deed(activity=one, reason=reason, by=actor, now=timezone.now())

    back = reverse("volunteering:activity", args=[pk])
    return with_reason(request, go, title=title % {"title": one.title}, button=button, back=back)


@require_POST
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """The same again as a new draft."""
    one = found(selectors.activity, request, pk)
    try:
        made = services.copy_activity(activity=one, by=actor_of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused.message))
        return redirect("volunteering:activity", pk)
    messages.success(request, _("已复制为草稿，时间改到了下一个同一天，请核对后提交。"))
    return redirect("volunteering:edit", made.pk)


@require_safe
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Who signed up. Names masked; in full on request, and the look goes to the audit."""
    one = found(selectors.activity, request, pk)
    actor = actor_of(request)
    if not perms.may_see_sign_ups(actor, one):
        raise Denied(perms.Permission.LEAD_TEAM)
    state = request.GET.get("state", "")
    state = state if state in SignUpState.values else ""
    page = selectors.roster(activity=one, actor=actor, state=state, cursor=request.GET.get("cursor") or None)
    may_see_names = perms.may_see_names(actor, one.team)
    names = may_see_names and request.GET.get("names") == "1" and bool(page.items)
    if names:
        audit.looked("volunteering.names", f"activity:{one.pk}", by=actor, sign_ups=[s.pk for s in page.items])
    context = {
        "activity": one,
        "page": page,
        "state": state,
        "states": SignUpState.choices,
        "leads": perms.leads(actor, one.team),
        "may_see_names": may_see_names,
        "names": names,
        "before": timezone.now() < one.starts_at,
    }
    return render(request, "volunteering/people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign up a volunteer without a phone, by the public number."""
    one = found(selectors.activity, request, pk)
    if not perms.leads(actor_of(request), one.team):
        raise Denied(perms.Permission.LEAD_TEAM)
    form = SignUpForForm(posted(request), posts=list(one.posts.all()))
    back = reverse("volunteering:people", args=[pk])
    context = {"title": _("替人报名"), "button": _("报名"), "back": back}
    if request.method != "POST":
        return render(request, "volunteering/reason.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "volunteering/reason.html", form, context=context)
    volunteer = selectors.volunteer_by_number(number=form.cleaned_data["number"])
    if volunteer is None:
        unknown = Refused(_("没有这个编号的志愿者，请核对。"), code="unknown", field="number")
        return render_refused(request, "volunteering/reason.html", form, unknown, context)
    chosen, wait = form.cleaned_data["post"], form.cleaned_data["wait"]
    outcome = services.sign_up(post=chosen, by=actor_of(request), now=timezone.now(), wait=wait, person=volunteer.person_id)
    if not outcome.accepted:
        refused = Refused(outcome.about_another, code=outcome.code, field="post" if outcome.code == "full" else "number")
        return render_refused(request, "volunteering/reason.html", form, refused, context)
    messages.success(request, _("已报名，本人会收到通知。") if outcome.code == "confirmed" else _("已进入候补，本人会收到通知。"))
    return redirect(back)
