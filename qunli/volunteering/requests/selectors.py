"""Resident requests (群众点单): whom a community may ask, what a request became, and what its page shows of that."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from qunli.cases.models import Case
from qunli.cases.perms import may_handle
from qunli.cases.services import Panel, Unit
from qunli.divisions.selectors import tree
from qunli.kernel.actor import Actor
from qunli.volunteering.enums import Category
from qunli.volunteering.models import ResidentRequest, Team

KIND = "resident_request"
"""The kind of case."""
CATALOGUE = Path(__file__).parent / "data" / "duties.toml"
CATEGORIES = {
    "company": Category.ELDERLY, "errand": Category.CONVENIENCE, "escort": Category.ELDERLY, "repair": Category.CONVENIENCE,
    "phone": Category.ELDERLY, "homework": Category.CHILDREN, "haircut": Category.CONVENIENCE, "cleaning": Category.ENVIRONMENT,
    "class": Category.CULTURE, "law": Category.LAW,
}  # fmt: skip
"""The category of the activity that a matter becomes; community work otherwise."""
HOURS = timedelta(hours=2)

Hours = Callable[[int], tuple[int, int]]
_hours: list[Hours] = []


def on_hours(counter: Hours) -> None:
    """The room that keeps hours says how many stand for an activity: (records, minutes)."""
    _hours[:] = [counter]


def teams_for(case: Case) -> list[Unit]:
    """Active teams of the community first, then of its street; the largest first."""
    node = tree().by_id[case.division_id]
    near = [node.id, *(up.id for up in reversed(tree().ancestors(node)) if up.path.startswith(case.desk.path) and up.level >= 3)]
    found = Team.objects.filter(division__in=near, state="active").order_by("-members", "id")[:40]
    teams = sorted(found, key=lambda team: near.index(team.division_id))
    return [Unit(team.division_id, team.unit, team.name) for team in teams]


def request_of(case: Case) -> ResidentRequest | None:
    """What was asked for beside the case's own; for who may see the case."""
    return ResidentRequest.objects.select_related("activity__team").filter(case=case).first()


def prefill(case: Case, now: datetime) -> dict[str, Any]:
    """What the form of an activity starts with. Nothing of who asked or where they live: an activity is public."""
    wanted = ResidentRequest.objects.filter(case=case).values_list("starts_at", flat=True).first()
    start = wanted if wanted is not None and wanted > now else None
    return {
        "title": f"{case.about.name} · {case.division.name}"[:100],
        "category": CATEGORIES.get(case.matter, Category.COMMUNITY),
        "content": _("回应居民点单：%(what)s。") % {"what": case.about.name},
        "starts_at": start,
        "ends_at": start + HOURS if start is not None else None,
        "division": case.division,
        "address": tree().full_name(tree().by_id[case.division_id]),
    }


def panel(case: Case, actor: Actor) -> Panel | None:
    """On a case's page: when it is wanted, the activity that it became, and the hours that were given."""
    request = request_of(case)
    if request is None:
        return None
    activity = request.activity
    records, minutes = _hours[0](activity.pk) if activity is not None and activity.state == "closed" and _hours else (0, 0)
    team = case.owner_unit.removeprefix("team:") if case.owner_unit.startswith("team:") else ""
    makes = activity is None and team and case.state in ("signed_for", "handling") and may_handle(actor, case)
    return Panel(
        "volunteering/_request.html",
        {
            "starts_at": request.starts_at,
            "activity": activity,
            "records": records,
            "minutes": minutes,
            "team": team if makes else "",
        },
    )
