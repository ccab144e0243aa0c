"""Matching: my best activities, invitations and their answers, whom to ask, plans of a day or a week."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qunli.divisions.models import Division
from qunli.divisions.selectors import tree
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, render_refused
from qunli.people.enums import Purpose
from qunli.people.wordings import current
from qunli.volunteering import perms, selectors, services
from qunli.volunteering.asking import found
from qunli.volunteering.forms import AskForm, DeclineForm, MatchForm, PlanForm
from qunli.volunteering.matching import finding, reading
from qunli.volunteering.models import Activity, MatchPlan, Post
from qunli.volunteering.views.common import done, posted

SETTINGS, INVITE, PLANS = "volunteering/match_settings.html", "volunteering/invite.html", "volunteering/plans.html"


@require_safe
def matches(request: HttpRequest) -> HttpResponse:
    """The invitations that wait for an answer, and the best open activities, each with why."""
    actor, now = actor_of(request), timezone.now()
    found = None if actor.person_id is None else finding.recommended(person=actor.person_id, now=now)
    volunteer = found is not None or selectors.volunteer_of(actor=actor) is not None
    context = {"volunteer": volunteer, "agreed": found is not None, "found": found}
    return render(request, "volunteering/matches.html", context | {"invitations": finding.my_invitations(actor=actor, now=now)})


@require_http_methods(["GET", "HEAD", "POST"])
def match_settings(request: HttpRequest) -> HttpResponse:
    """Agree to be matched or withdraw that, and how far, how often."""
    actor, now = actor_of(request), timezone.now()
    volunteer = selectors.volunteer_of(actor=actor)
    if volunteer is None:
        messages.info(request, _("先登记为志愿者，再设置智能匹配。"))
        return redirect("volunteering:register")
    kept = finding.preference(volunteer=volunteer)
    initial = {"agrees": finding.agreed(volunteer=volunteer), "reach": kept.reach, "weekly_limit": kept.weekly_limit}
    form = MatchForm(posted(request), initial=initial | {"paused_until": kept.paused_until})
    form.fields["agrees"].help_text = current(Purpose.MATCHING, local_date(now)).text
    if request.method != "POST":
        return render(request, SETTINGS, {"form": form})
    if not form.is_valid():
        return render_refused(request, SETTINGS, form)
    try:
        services.set_matching(volunteer=volunteer, by=actor, now=now, **form.cleaned_data)
    except Refused as refused:
        return render_refused(request, SETTINGS, form, Refused(refused.message, code=refused.code, field="agrees"))
    messages.success(request, _("已保存。") if form.cleaned_data["agrees"] else _("已关闭智能匹配，不会再邀请您。"))
    return redirect("volunteering:matches")


@require_safe
def match(request: HttpRequest, pk: int) -> HttpResponse:
    """Why this activity is proposed to me, or why not."""
    one = found(selectors.activity, request, pk)
    volunteer = selectors.volunteer_of(actor=actor_of(request))
    standings = [] if volunteer is None else finding.standings(activity=one, volunteer=volunteer, now=timezone.now())
    return render(request, "volunteering/match.html", {"activity": one, "volunteer": volunteer, "standings": standings})


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept: an ordinary sign-up."""
    one = found(finding.invitation, request, pk)
    try:
        outcome = services.accept(invitation=one, by=actor_of(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused.message))
        return redirect("volunteering:matches")
    say = messages.success if outcome.accepted else messages.info if outcome.code == "already" else messages.warning
    say(request, outcome.message)
    return redirect("volunteering:activity", one.activity_id)


@require_http_methods(["GET", "HEAD", "POST"])
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    """Decline, with a reason that counts next time."""
    one = found(finding.invitation, request, pk)
    actor, back = actor_of(request), reverse("volunteering:matches")
    if one.person_id != actor.person_id:
        raise Denied(perms.Permission.SIGN_UP)
    form = DeclineForm(posted(request))
    context = {"title": _("婉拒“%(title)s”") % {"title": one.activity.title}, "button": _("婉拒"), "back": back}
    if request.method != "POST":
        return render(request, "volunteering/reason.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "volunteering/reason.html", form, context=context)
    reason = form.cleaned_data["reason"]
    return done(
        request,
        lambda: services.decline(invitation=one, reason=reason, by=actor, now=timezone.now()),
        _("已婉拒，下次会按您的原因匹配。"),
        back,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Whom to ask for a post of the activity, names masked; and asking the first of them."""
    one = found(selectors.activity, request, pk)
    actor, now = actor_of(request), timezone.now()
    if not perms.may_invite(actor, one):
        raise Denied(perms.Permission.ASSIGN)
    if one.state != "published" or one.starts_at <= now:
        messages.warning(request, _("招募中、还没有开始的活动才能邀请。"))
        return redirect("volunteering:activity", pk)
    post = _post(one, request.POST.get("post") or request.GET.get("post") or "")
    form = AskForm(posted(request), initial={"count": min(max(post.places - post.taken, 1), 20)})
    chosen = finding.whom_to_ask(post=post, actor=actor, now=now, count=100 if request.method == "POST" else 20)
    invited = finding.invitations(activity=one, actor=actor, cursor=request.GET.get("cursor") or None)
    context = {"activity": one, "post": post, "chosen": chosen[:20], "page": invited}
    if request.method != "POST":
        return render(request, INVITE, {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, INVITE, form, context=context)
    result = services.invite(post=post, chosen=chosen[: form.cleaned_data["count"]], by=actor, now=now)
    if result.sent:
        messages.success(request, _("已邀请 %(sent)s 人，答复会出现在这里。") % {"sent": result.sent})
    else:
        messages.info(request, _("现在没有可以邀请的人。"))
    return redirect(f"{reverse('volunteering:invite', args=[pk])}?post={post.pk}")


def _post(activity: Activity, wanted: str) -> Post:
    """The chosen post; else the one with most free places."""
    posts = list(activity.posts.all())
    for post in posts:
        post.activity = activity
    by_key = {str(post.pk): post for post in posts}
    return by_key.get(wanted) or max(posts, key=lambda post: post.places - post.taken)


@require_http_methods(["GET", "HEAD", "POST"])
def plans(request: HttpRequest) -> HttpResponse:
    """Plans of one's divisions, and a new one."""
    actor, now = actor_of(request), timezone.now()
    ranges = actor.ranges(perms.Permission.ASSIGN)
    if not ranges:
        raise Denied(perms.Permission.ASSIGN)
    form = PlanForm(posted(request), weights=reading.terms(now).weights, initial=_initial(request, ranges[0]))
    context = {"page": finding.plans(actor=actor, cursor=request.GET.get("cursor") or None)}
    if request.method != "POST":
        return render(request, PLANS, {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, PLANS, form, context=context)
    data = form.cleaned_data
    if not perms.may_assign(actor, data["division"]):
        refused = Refused(_("只能安排自己负责的区域。"), code="division", field="division")
        return render_refused(request, PLANS, form, refused, context)
    try:
        made = services.make_plan(
            division=data["division"], first_day=data["first_day"], days=data["days"], weights=form.weights(), by=actor, now=now
        )
    except Refused as refused:
        return render_refused(request, PLANS, form, refused, context)
    return redirect("volunteering:plan", made.pk)


def _initial(request: HttpRequest, path: str) -> dict[str, Any]:
    """The reader's own division and tomorrow; with `like`, all of another plan, to change a weight of it."""
    like = request.GET.get("like", "")
    if like.isdecimal() and len(like) < 18:
        other = MatchPlan.objects.visible_to(actor_of(request)).select_related("division").filter(pk=int(like)).first()
        if other is not None:
            return {**other.weights, "division": other.division, "first_day": other.first_day, "days": other.days}
    node = tree().by_code.get(path.rstrip("/").rpartition("/")[2]) if path else next(iter(tree().children[None]), None)
    day = local_date(timezone.now() + timedelta(days=1))
    return {"division": Division(code=node.code) if node else None, "first_day": day, "days": 1}


@require_safe
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """What a plan does: how many places, where, how far; beside the plan before it; and who would be asked."""
    one = found(finding.plan, request, pk)
    actor = actor_of(request)
    other = finding.plan_before(plan=one, actor=actor)
    names = tree().by_id
    before = {key: filled for key, _places, filled in other.figures.get("communities", [])} if other else {}
    communities = [
        (names[key].name if key in names else "", places, filled, filled - before.get(key, 0) if other else None)
        for key, places, filled in one.figures.get("communities", [])
    ]
    context = {
        "plan": one,
        "other": other,
        "communities": communities,
        "moved": finding.moved(plan=one, other=other) if other else 0,
        "weights": [(label, value, _was(other, name)) for name, label, value in finding.names_of(one.weights)],
        "page": finding.proposals(plan=one, cursor=request.GET.get("cursor") or None),
    }
    return render(request, "volunteering/plan.html", context)


def _was(other: MatchPlan | None, name: str) -> int | None:
    return other.weights.get(name) if other is not None else None


@require_POST
def send_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Invite everybody of the plan."""
    one = found(finding.plan, request, pk)
    back = reverse("volunteering:plan", args=[pk])
    return done(request, lambda: services.send_plan(plan=one, by=actor_of(request), now=timezone.now()), _("邀请已发出。"), back)


@require_POST
def discard_plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the plan aside."""
    one = found(finding.plan, request, pk)
    back = reverse("volunteering:plans")
    return done(request, lambda: services.discard_plan(plan=one, by=actor_of(request), now=timezone.now()), _("方案已放弃。"), back)
