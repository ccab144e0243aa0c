"""Teams: the tree, one team, its members, applying and deciding."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qunli.audit import services as audit
from qunli.divisions import selectors as divisions
from qunli.divisions.models import Division
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal, public, render_refused
from qunli.kernel.pages import Page
from qunli.kernel.timelines import Moment, timeline
from qunli.volunteering import perms, selectors, services
from qunli.volunteering.asking import found
from qunli.volunteering.forms import FindTeamForm, MoveForm, ReasonForm, TeamForm
from qunli.volunteering.models import Membership, Team
from qunli.volunteering.selectors import WantedTeams
from qunli.volunteering.states import TEAM
from qunli.volunteering.views.common import done, posted


@public
@require_safe
def teams(request: HttpRequest) -> HttpResponse:
    """The tree of teams: those of a division, with the way down and up, or those that match what was typed."""
    form = FindTeamForm(request.GET)
    form.is_valid()
    tree = divisions.tree()
    node = tree.by_code.get(request.GET.get("division", "")) or next(iter(tree.children.get(None, [])), None)
    words = form.cleaned_data.get("q") or ""
    wanted = WantedTeams(
        words=words,
        division=Division(pk=node.id, path=node.path) if node else None,
        here=not words and not form.cleaned_data.get("sponsor"),
        sponsor=form.cleaned_data.get("sponsor") or "",
    )
    page: Page[Team] = Page([], None, None)
    try:
        page = selectors.find_teams(wanted=wanted, actor=actor_of(request), cursor=request.GET.get("cursor") or None)
    except Refused as refused:
        add_refusal(form, Refused(refused.message, code=refused.code, field="q" if refused.field == "words" else refused.field))
    children = tree.children.get(node.id, []) if node and wanted.here else []
    counts = selectors.teams_below(path=node.path, children=children) if node else {}
    context = {
        "form": form,
        "page": page,
        "node": node,
        "above": tree.ancestors(node) if node else [],
        "children": [(child, counts.get(child.id, 0)) for child in children],
        "searching": not wanted.here,
    }
    return render(request, "volunteering/teams.html", context)


@public
@require_safe
def team(request: HttpRequest, pk: int) -> HttpResponse:
    """One team: what it is, what it plans, how to join."""
    one = found(selectors.team, request, pk)
    actor = actor_of(request)
    own = selectors.own_membership(team=one, actor=actor)
    steps = []
    if one.state in ("applied", "rejected"):
        happened = [Moment("applied", one.created_at)]
        if one.state == "rejected":
            happened.append(Moment("rejected", note=one.state_reason))
        steps = timeline(TEAM, happened=happened, ahead=["active"] if one.state == "applied" else [], stopped=["rejected"])
    context = {
        "team": one,
        "own": own,
        "leads": perms.leads(actor, one),
        "decides": perms.may_decide_team(actor, one),
        "applicant": actor.person_id is not None and one.applicant_id == actor.person_id,
        "may_see_members": perms.may_see_members(actor, one),
        "activities": selectors.team_activities(team=one, now=timezone.now()),
        "steps": steps,
    }
    return render(request, "volunteering/team.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """Apply for a new team."""
    if selectors.volunteer_of(actor=actor_of(request)) is None:
        messages.info(request, _("请先登记为志愿者，只要三步。"))
        return redirect(f"{reverse('volunteering:register')}?next={request.path}")
    form = TeamForm(posted(request))
    if request.method != "POST":
        return render(request, "volunteering/team_form.html", {"form": form, "team": None})
    return _hand_in(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Mend a rejected application and hand it in again."""
    one = found(selectors.team, request, pk)
    if one.applicant_id != actor_of(request).person_id:
        raise Denied(perms.Permission.APPLY_TEAM)
    if request.method != "POST":
        fields = {name: getattr(one, name) for name in TeamForm.base_fields}
        return render(request, "volunteering/team_form.html", {"form": TeamForm(initial=fields), "team": one})
    return _hand_in(request, TeamForm(request.POST), one)


def _hand_in(request: HttpRequest, form: TeamForm, one: Team | None) -> HttpResponse:
    context: dict[str, Any] = {"team": one}
    if not form.is_valid():
        return render_refused(request, "volunteering/team_form.html", form, context=context)
    data = form.cleaned_data
    values = form.values(selectors.parent_for(level=data["level"], division=data["division"]))
    try:
        if one is None:
            one = services.apply_team(values=values, by=actor_of(request), now=timezone.now())
        else:
            services.apply_again(team=one, values=values, by=actor_of(request), now=timezone.now())
    except Refused as refused:
        return render_refused(request, "volunteering/team_form.html", form, refused, context)
    messages.success(request, _("已提交，上一级审核后会通知您。"))
    return redirect("volunteering:team", one.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Approve, reject or dissolve a team."""
    one = found(selectors.team, request, pk)
    if not perms.may_decide_team(actor_of(request), one):
        raise Denied(perms.Permission.APPROVE_TEAM)
    back = reverse("volunteering:team", args=[pk])
    if verb == "approve":
        if request.method != "POST":
            return redirect(back)
        return done(
            request,
            lambda: services.approve_team(team=one, by=actor_of(request), now=timezone.now()),
            _("已通过。申请人成为队长。"),
            reverse("volunteering:queue"),
        )
    asks = {
        "reject": (services.reject_team, _("不通过"), _("不通过“%(name)s”")),
        "dissolve": (services.dissolve_team, _("解散队伍"), _("解散“%(name)s”")),
    }
    deed, button, title = asks[verb]

    def act(reason: str) -> None:
        deed(team=one, reason=reason, by=actor_of(request), now=timezone.now())

    return with_reason(request, act, title=title % {"name": one.name}, button=button, back=back)


def with_reason(request: HttpRequest, deed: Callable[[str], None], *, title: str, button: str, back: str) -> HttpResponse:
    """A page that asks for a reason, then does it."""
    form = ReasonForm(posted(request))
    context = {"title": title, "button": button, "back": back}
    if request.method != "POST":
        return render(request, "volunteering/reason.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "volunteering/reason.html", form, context=context)
    try:
        deed(form.cleaned_data["reason"])
    except Refused as refused:
        return render_refused(request, "volunteering/reason.html", form, refused, context)
    messages.success(request, _("已完成，相关的人会收到通知。"))
    return redirect(back)


@require_POST
def join(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask to be taken in."""
    one = found(selectors.team, request, pk)
    back = reverse("volunteering:team", args=[pk])
    if selectors.volunteer_of(actor=actor_of(request)) is None:
        messages.info(request, _("请先登记为志愿者，只要三步。"))
        return redirect(f"{reverse('volunteering:register')}?next={back}")
    return done(
        request,
        lambda: services.join(team=one, by=actor_of(request), now=timezone.now()),
        _("已提交申请，队长审核后会通知您。"),
        back,
    )


@require_safe
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Members or applicants, names masked; full names and phones on request, and the look goes to the audit."""
    one = found(selectors.team, request, pk)
    actor = actor_of(request)
    if not perms.may_see_members(actor, one):
        raise Denied(perms.Permission.LEAD_TEAM)
    state = "applied" if request.GET.get("state") == "applied" else "active"
    page = selectors.members(team=one, actor=actor, state=state, cursor=request.GET.get("cursor") or None)
    may_see_names = perms.may_see_names(actor, one)
    names = may_see_names and request.GET.get("names") == "1" and bool(page.items)
    if names:
        audit.looked("volunteering.names", f"team:{one.pk}", by=actor, memberships=[m.pk for m in page.items])
    context = {
        "team": one,
        "page": page,
        "state": state,
        "leads": perms.leads(actor, one),
        "makes_leaders": perms.leads(actor, one) or perms.may_decide_team(actor, one),
        "may_see_names": may_see_names,
        "names": names,
    }
    return render(request, "volunteering/members.html", context)


@require_POST
def membership(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """What happens to one membership: approve, make_leader, unmake_leader, leave."""
    one = found(selectors.membership, request, pk)
    said = {
        "approve": _("已通过，新成员会收到通知。"),
        "make_leader": _("已担任队长。"),
        "unmake_leader": _("不再担任队长。"),
        "leave": _("已退出队伍。"),
    }
    deeds: dict[str, Callable[..., None]] = {
        "approve": services.approve_member,
        "make_leader": services.make_leader,
        "unmake_leader": services.unmake_leader,
        "leave": services.leave,
    }
    back = _home_of(one, actor_of(request))
    return done(request, lambda: deeds[verb](membership=one, by=actor_of(request), now=timezone.now()), said[verb], back)


@require_http_methods(["GET", "HEAD", "POST"])
def reject_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Say no to an applicant, with a reason."""
    one = found(selectors.membership, request, pk)
    if not perms.leads(actor_of(request), one.team):
        raise Denied(perms.Permission.LEAD_TEAM)

    def act(reason: str) -> None:
        services.reject_member(membership=one, reason=reason, by=actor_of(request), now=timezone.now())

    return with_reason(request, act, title=_("不接收这名申请人"), button=_("不接收"), back=_home_of(one, actor_of(request)))


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave this team and apply to another one."""
    one = found(selectors.membership, request, pk)
    actor = actor_of(request)
    if one.volunteer.person_id != actor.person_id:
        raise Denied(perms.Permission.SIGN_UP)
    form = MoveForm(posted(request))
    context = {"title": _("转到另一支队伍"), "button": _("转队"), "back": reverse("volunteering:me")}
    if request.method != "POST":
        return render(request, "volunteering/reason.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "volunteering/reason.html", form, context=context)
    try:
        to = selectors.team(pk=form.cleaned_data["to"], actor=actor)
        services.transfer(membership=one, to=to, by=actor, now=timezone.now())
    except Team.DoesNotExist:
        unknown = Refused(_("没有这支队伍，请核对编号。"), code="unknown", field="to")
        return render_refused(request, "volunteering/reason.html", form, unknown, context)
    except Refused as refused:
        return render_refused(request, "volunteering/reason.html", form, refused, context)
    messages.success(request, _("已退出原队伍，并向新队伍提交申请。"))
    return redirect("volunteering:team", to.pk)


def _home_of(one: Membership, actor: Actor) -> str:
    """Where one goes back to: the leader to the members, others to their own page."""
    if perms.leads(actor, one.team) and one.volunteer.person_id != actor.person_id:
        return reverse("volunteering:members", args=[one.team_id])
    return reverse("volunteering:me")
