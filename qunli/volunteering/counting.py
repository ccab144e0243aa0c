"""Whether an activity counts as voluntary service: what its leader declares, judged by the rules "service-counts" of its day.

Asked when it is submitted, decided and kept with the trace when it is approved. What only each person can say (own paid work in
working hours) stays open here; hours within somebody's duty are found afterwards (`service_hours.integrity`).
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.rules import selectors
from qunli.rules import services as rules
from qunli.rules.enums import Verdict
from qunli.rules.models import Decision
from qunli.volunteering.models import Activity

RULES = "service-counts"
FIELDS = ("nature", "subsidy", "own_cost")
"""Facts that stand in fields of the same name; the others follow from the declaration."""


def facts_of(activity: Activity) -> dict[str, Any]:
    """The facts that an activity gives; without the declaration those that it stands for are unknown."""
    found: dict[str, Any] = {name: getattr(activity, name) for name in FIELDS}
    if activity.service_declared:
        found |= {"public_benefit": True, "voluntary": True, "own_interest": False, "paid_by_served": False}
    return found


def require_service(activity: Activity) -> None:
    """Raises Refused with the rule and its clause, at the field to change, when it does not count or nobody has declared it."""
    on = local_date(activity.starts_at)
    said = rules.evaluate(RULES, facts_of(activity), on=on, trace=False)
    broken = {rule.key for rule in said.rules if rule.verdict == Verdict.NO}
    for rule in selectors.rule_set(RULES, on).rules:
        if rule.key in broken:
            named = set(rule.when.names()) if rule.when is not None else set()
            field = next((name for name in FIELDS if name in named), "service_declared")
            raise Refused(
                _("按规定不算志愿服务：%(rule)s（%(clause)s）。") % {"rule": rule.text, "clause": rule.clause},
                code="no_service",
                field=field,
            )
    if not activity.service_declared:
        raise Refused(
            _("请确认这是志愿服务：对社会或他人有益，自愿参加，不为本人或亲属谋利，不向服务对象收费。"),
            code="declare",
            field="service_declared",
        )


def decision_on(activity: Activity, actor: Actor) -> Decision | None:
    """What was decided when it was approved, if it was and the actor may see decisions there."""
    return selectors.decision_on(f"activity:{activity.pk}", actor) if activity.state in ("published", "closed") else None


def decide(activity: Activity, *, by: Actor, now: datetime) -> Decision:
    """Keep what the rules say of it, in the caller's transaction. Raises as `require_service`: rules may change meanwhile."""
    require_service(activity)
    return rules.decide(
        key=RULES,
        facts=facts_of(activity),
        subject=f"activity:{activity.pk}",
        division=activity.division,
        on=local_date(activity.starts_at),
        by=by,
        now=now,
    )
