"""What speaks for an attendance, and the class of confidence (A to D) that the rules "hour-confidence" draw from it.

Computed when it is asked for, from the record alone: nothing has to be kept for millions of rows, and a rule that changes from a
day on changes no older hour, because the rules of the day of the service count.
"""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.rules.services import evaluate
from qunli.service_hours.enums import Method
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.windows import Span, planned_minutes

RULES = "hour-confidence"


class Reason(NamedTuple):
    """One rule as it was tried, in the reader's language."""

    text: str
    clause: str
    holds: str
    """yes, no or unknown."""


class Confidence(NamedTuple):
    """The class of an hour with its reasons."""

    grade: str
    """A, B, C or D."""
    label: str
    reasons: list[Reason]
    """The rules from the first to the one that decided."""
    evidence: list[tuple[str, str]]
    """What the rules looked at: its name and what is on record."""
    rules: str
    """Which version decided: issuer and first day."""


def facts_of(record: ServiceRecord) -> dict[str, Any]:
    """The facts on record, as the rules name them (`rulesets/facts/`). `record.activity` is at hand.

    A leader counts as a witness of others only. A photo or the word of the person served is not taken yet: there is none on record.
    """
    methods = {record.in_method, record.out_method}
    self_recorded = record.person_id in (record.recorded_by_id, record.submitted_by_id)
    metres = [metres for metres in (record.in_distance, record.out_distance) if metres is not None]
    return {
        "rotating_code": Method.CODE in methods,
        "place": bool(metres) and max(metres) <= record.activity.radius,
        "leader": Method.LEADER in methods and not self_recorded,
        "photo": False,
        "served_person_confirmed": False,
        "minutes": record.minutes,
        "planned_minutes": planned_minutes(Span(record.activity.starts_at, record.activity.ends_at)),
    }


def confidence_of(record: ServiceRecord) -> Confidence | None:
    """The class of a record that has ended; None before the sign-out, and where no rules counted on that day."""
    if record.signed_out_at is None:
        return None
    facts = facts_of(record)
    try:
        answer = evaluate(RULES, facts, on=local_date(record.activity.starts_at), trace=False)
    except Refused as refused:
        if refused.code == "no_rules":
            return None
        raise
    rules = answer.rule_set
    grade = str(answer.results["confidence"])
    decided = [each.key for each in rules.rules].index(answer.applied[0])
    tried = list(zip(rules.rules, answer.rules, strict=True))[: decided + 1]
    return Confidence(
        grade=grade,
        label=str(rules.results["confidence"].options[grade]),
        reasons=[Reason(str(rule.text), str(rule.clause), str(found.verdict)) for rule, found in tried],
        evidence=[(str(rules.facts[name].label), _said(value)) for name, value in facts.items() if name in rules.facts],
        rules=f"{rules.issuer} {rules.effective_from}",
    )


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return _("%(minutes)d 分钟") % {"minutes": value}
