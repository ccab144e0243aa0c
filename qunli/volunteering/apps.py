from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.db.models import Model
from django.utils.translation import gettext_lazy as _


class VolunteeringConfig(AppConfig):
    name = "qunli.volunteering"
    label = "volunteering"
    verbose_name = _("志愿服务")

    def ready(self) -> None:
        from qunli.access.services import on_unit
        from qunli.cases.services import CaseKind, register_kind
        from qunli.people.services import on_erase, on_merge_conflict
        from qunli.rules.facts import provide
        from qunli.volunteering.requests.selectors import CATALOGUE, KIND, panel, teams_for
        from qunli.volunteering.requests.services import split
        from qunli.volunteering.selectors import verified_minutes
        from qunli.volunteering.services.registration import end_with_person
        from qunli.volunteering.services.teams import division_of_team, team_names

        on_merge_conflict("volunteering.Volunteer", _end({"active": "deregistered", "suspended": "deregistered"}))
        on_merge_conflict("volunteering.Membership", _end({"applied": "left", "active": "left"}, "left_at"))
        on_merge_conflict("volunteering.SignUp", _end({"confirmed": "cancelled", "waiting": "cancelled"}, "changed_at"))
        on_merge_conflict("volunteering.Invitation", _end({"sent": "withdrawn"}))
        on_erase(end_with_person)
        on_unit("team", division_of_team, team_names)
        provide("verified_minutes")(verified_minutes)
        register_kind(CaseKind(KIND, _("群众点单"), CATALOGUE, units_for=teams_for, panel=panel, on_split=split))


def _end(states: dict[str, str], moment: str = "") -> Any:
    """What a merge sets on a row that the kept person has already: its end, so that nobody is counted twice."""

    def values(row: Any, other: Model | None, now: datetime) -> dict[str, Any]:
        if row.state not in states:
            return {}
        return {"state": states[row.state], **({moment: now} if moment else {})}

    return values
