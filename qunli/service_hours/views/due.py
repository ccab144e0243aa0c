"""What is due within 10 working days, and which organisations keep to it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of, or_404
from qunli.service_hours import due
from qunli.service_hours.perms import Permission


@require_GET
def due_list(request: HttpRequest) -> HttpResponse:
    """Activities whose records wait, the fewest days left first; of one team with ?team=."""
    actor, now = actor_of(request), timezone.now()
    if not (actor.has(Permission.RECORD) or actor.has(Permission.VERIFY)):
        raise Denied(Permission.RECORD)
    key = request.GET.get("team", "")
    readable = key.isdecimal() and len(key) < 19
    team = or_404(due.visible_team(team_id=int(key), actor=actor) if readable else None) if key else None
    months = _months(request)
    context = {
        "page": due.due_list(actor=actor, now=now, team=team.pk if team else None, cursor=request.GET.get("cursor")),
        "team": team,
        "kept": due.kept(actor=actor, now=now, months=months, team=team.pk if team else None),
        "months": months,
        "sees_teams": sees_teams(actor),
    }
    return render(request, "service_hours/due.html", context)


@require_GET
def teams(request: HttpRequest) -> HttpResponse:
    """Organisations, the most that are late or overdue first."""
    actor, now, months = actor_of(request), timezone.now(), _months(request)
    if not actor.has(Permission.SEE):
        raise Denied(Permission.SEE)
    context = {
        "page": due.teams(actor=actor, now=now, months=months, cursor=request.GET.get("cursor")),
        "kept": due.kept(actor=actor, now=now, months=months),
        "months": months,
        "periods": sorted(due.PERIODS),
        "works": actor.has(Permission.RECORD) or actor.has(Permission.VERIFY),
    }
    return render(request, "service_hours/due_teams.html", context)


def sees_teams(actor: Actor) -> bool:
    """Whoever sees more than one team's hours reads the list of teams."""
    return bool(actor.ranges(Permission.SEE)) or len(actor.units(Permission.SEE)) > 1


def _months(request: HttpRequest) -> int:
    asked = request.GET.get("months", "")
    return int(asked) if asked in map(str, due.PERIODS) else due.PERIODS[0]
