from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.db.models import Model
from django.utils.translation import gettext_lazy as _


class ServiceHoursConfig(AppConfig):
    name = "qunli.service_hours"
    label = "service_hours"
    verbose_name = _("服务时长")

    def ready(self) -> None:
        from qunli.files.perms import viewers_of
        from qunli.people.services import on_erase, on_merge_conflict
        from qunli.rules.facts import provide
        from qunli.service_hours.attesting import may_see_photo
        from qunli.service_hours.selectors import minutes_of_activity
        from qunli.service_hours.services import on_reversal
        from qunli.service_hours.services.stars import withdraw_with_person
        from qunli.service_hours.stars.earning import IN_COLUMNS, of_person
        from qunli.service_hours.stars.keeping import follow
        from qunli.volunteering.services import on_hours

        on_hours(minutes_of_activity)
        viewers_of("record")(may_see_photo)
        on_reversal(follow)
        on_erase(withdraw_with_person)
        on_merge_conflict("service_hours.StarProposal", _withdrawn)
        for name in IN_COLUMNS:
            provide(name)(of_person(name))


def _withdrawn(row: Any, other: Model | None, now: datetime) -> dict[str, Any]:
    """Both of a merged person waited for a star: the kept one's proposal stands, the night proposes what both together earn."""
    return {"state": "withdrawn", "decided_at": now, "reason": str(_("档案已合并"))} if row.state == "proposed" else {}
