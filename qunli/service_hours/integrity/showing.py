"""A finding in the reader's words, and the records that stand beside it."""

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.rules import selectors as rules
from qunli.rules.enums import Unit
from qunli.service_hours.models import Finding, ServiceRecord
from qunli.service_hours.querysets import evidence

BESIDE = 20
"""Other records that a page shows."""


class Told(NamedTuple):
    """What is held against a record: the rule, where it stands, and what it saw."""

    text: str
    clause: str
    facts: list[tuple[str, str]]
    rules: str


def told(finding: Finding) -> Told:
    """In the reader's language, by the version of the rules that was asked."""
    found = rules.of_version(finding.rules)
    rule = next(each for each in found.rules if each.key == finding.kind)
    facts = []
    for name, value in finding.facts.items():
        fact = found.facts[name]
        word = (
            (_("是") if value else _("否"))
            if isinstance(value, bool)
            else f"{value:,} {Unit(fact.unit).label if fact.unit else ''}".strip()
        )
        facts.append((str(fact.label), word))
    return Told(str(rule.text), str(rule.clause), facts, f"{found.issuer} {found.effective_from}")


def beside(finding: Finding, actor: Actor) -> list[ServiceRecord]:
    """The other records that it is about, as far as the actor may see them, the earliest first."""
    record = finding.record
    about = Q(pk__in=finding.others)
    if finding.kind == "bulk-identical":
        minute = record.signed_in_at.replace(second=0, microsecond=0)
        about = Q(recorded_by=record.recorded_by_id, signed_in_at__gte=minute, signed_in_at__lt=minute + timedelta(minutes=1))
    elif finding.kind == "over-day":
        about = Q(person=record.person_id, signed_in_at__range=(record.signed_in_at - timedelta(days=1), record.signed_in_at))
    elif finding.kind == "ring":
        confirmers = [person for person in (record.recorded_by_id, record.verified_by_id) if person is not None]
        about = Q(person__in=confirmers) & (Q(verified_by__isnull=False) | Q(recorded_by__isnull=False))
    rows = ServiceRecord.objects.visible_to(actor).filter(about).exclude(pk=record.pk)
    return list(
        rows.prefetch_related(*evidence())
        .select_related("person", "activity__team", "activity__division", "recorded_by", "verified_by")
        .order_by("-signed_in_at", "pk")[:BESIDE]
    )
