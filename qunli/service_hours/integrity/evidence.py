"""What speaks for an attendance, and the class of confidence (A to D) that the rules "hour-confidence" draw from it.

Computed when it is asked for, from the record alone: nothing has to be kept for millions of rows, and a rule that changes from a
day on changes no older hour, because the rules of the day of the service count.
"""

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.rules.services import evaluate
from qunli.service_hours.enums import Method, Way
from qunli.service_hours.models import Photo, ServiceRecord
from qunli.service_hours.windows import OPENS_BEFORE, Span, planned_minutes

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

    A leader counts as a witness of others only; a photo when neither its place nor its time speak against it. A code is late when
    none was entered on the spot. Of those served, one who says "nobody came" is heard whatever others say.
    """
    methods = {record.in_method, record.out_method}
    coded = {way for way, method in ((Way.IN, record.in_method), (Way.OUT, record.out_method)) if method == Method.CODE}
    late = {statement.way for statement in record.late_statements.all()}
    self_recorded = record.person_id in (record.recorded_by_id, record.submitted_by_id)
    metres = [metres for metres in (record.in_distance, record.out_distance) if metres is not None]
    said = {line.there for line in record.served.all()}
    return {
        "rotating_code": bool(coded),
        "sent_late": bool(coded) and coded <= late,
        "place": bool(metres) and max(metres) <= record.activity.radius,
        "leader": Method.LEADER in methods and not self_recorded,
        "photo": any(fits(photo, record) for photo in record.photos.all()),
        "served_person_confirmed": True in said,
        "served_person_denied": False in said,
        "minutes": record.minutes,
        "planned_minutes": planned_minutes(Span(record.activity.starts_at, record.activity.ends_at)),
    }


def fits(photo: Photo, record: ServiceRecord) -> bool:
    """Whether a photo that is still there speaks for its record: of the place and the time, as far as it says."""
    if photo.attachment_id is None:
        return False
    activity = record.activity
    near = photo.distance is None or photo.distance <= activity.radius
    if photo.taken_at is None:
        return near
    return near and activity.starts_at - OPENS_BEFORE <= photo.taken_at <= activity.ends_at + OPENS_BEFORE


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
