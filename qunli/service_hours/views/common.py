"""What the pages share."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.forms import Form
from django.utils import timezone
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.service_hours import attesting, perms
from qunli.service_hours.enums import RecordState
from qunli.service_hours.forms import PhotoForm, ServedCodeForm, ServedForm
from qunli.service_hours.integrity.evidence import fits
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.services.records import Done


def said(done: Done) -> list[str]:
    """What did not go through, one line for each reason."""
    reasons: dict[str, int] = {}
    for _record, refused in done.refused:
        reasons[str(refused.message)] = reasons.get(str(refused.message), 0) + 1
    return [_("%(count)d 条没有办理：%(reason)s") % {"count": count, "reason": reason} for reason, count in reasons.items()]


EVIDENCE_FORMS = ("photo", "served", "code")


def servable(records: Sequence[ServiceRecord], actor: Actor, now: datetime) -> list[ServiceRecord]:
    """Those of an activity about which the actor may ask who was served now."""
    today = local_date(now)
    return [
        one
        for one in records
        if one.signed_out_at is not None
        and one.state != RecordState.VOID
        and today <= one.due_on
        and perms.may_add_evidence(actor, one)
    ]


def evidence_shown(record: ServiceRecord, *, sees: bool, own: bool = False) -> dict[str, Any]:
    """Photos of a record and what those served said, to look at only; who `own`s the photos may take them away."""
    photos = attesting.photos_of(record=record) if sees else []
    return {
        "photos": [{"photo": photo, "fits": fits(photo, record), "own": own} for photo in photos],
        "lines": attesting.lines_about(record=record) if sees else [],
        "adds": False,
        "asks": False,
        "waiting": None,
    }


def evidence_context(record: ServiceRecord, actor: Actor, given: Mapping[str, Form]) -> dict[str, Any]:
    """What the page of a record shows of its photos and of those served, and the forms that add to it."""
    adds = (
        record.state != RecordState.VOID and local_date(timezone.now()) <= record.due_on and perms.may_add_evidence(actor, record)
    )
    sees = perms.may_see_evidence(actor, record)
    shown = evidence_shown(record, sees=sees, own=perms.is_own(actor, record))
    now = timezone.now()
    waiting = next((line for line in shown["lines"] if not line.statement.answer and line.statement.valid_until >= now), None)
    return {
        **shown,
        "adds": adds,
        "sees": sees,
        "waiting": waiting if adds else None,
        "asks": adds and record.signed_out_at is not None,
        "photo_form": given.get("photo") or PhotoForm(),
        "served_form": given.get("served") or ServedForm(),
        "code_form": given.get("code") or (ServedCodeForm(initial={"statement": waiting.statement_id}) if waiting else None),
        "open": {name: name in given for name in EVIDENCE_FORMS},
    }
