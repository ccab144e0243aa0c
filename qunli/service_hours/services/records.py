"""From the presence to hours that count: submit, verify, confirm, dispute, correct, uphold, void.

Every verb locks its records (in the order of their keys), asks the state machine, writes record, ledger and audit in one
transaction, and tells who is concerned. Of two that come at once, one wins; the other is
refused with the state that it found (code "state").
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.urls import reverse as address
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import seen
from qunli.notices.services import tell
from qunli.service_hours import perms
from qunli.service_hours.enums import RecordState
from qunli.service_hours.models import HourEntry, ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.reversals import announce
from qunli.service_hours.services import ledger
from qunli.service_hours.services.certificates import revoke_resting_on
from qunli.service_hours.services.day import span_of
from qunli.service_hours.services.presence import check_alone
from qunli.service_hours.states import RECORD
from qunli.service_hours.windows import check_times, counted_minutes

AT_ONCE = 500
"""Records that one call may submit or verify."""


class Done(NamedTuple):
    """What became of several records: those that went through, and why the others did not."""

    records: list[ServiceRecord]
    refused: list[tuple[ServiceRecord, Refused]]


def only(done: Done) -> None:
    """Of a single record: raise what refused it."""
    for _record, refused in done.refused:
        raise Refused(refused.message, code=refused.code, field=refused.field)


def set_times(
    *, record: ServiceRecord, signed_in_at: datetime, signed_out_at: datetime, reason: str, by: Actor, now: datetime
) -> ServiceRecord:
    """The leader sets the times of a record that is not submitted yet, and says why; the volunteer is told.

    Raises Denied; Refused at "signed_in_at", "signed_out_at" or "reason", and "state".
    """
    reason = _reason(reason)
    with transaction.atomic():
        found = _locked([record.pk])[0]
        if not perms.may_record(by, found.activity):
            raise Denied(Permission.RECORD)
        if found.state not in (RecordState.PRESENT, RecordState.DRAFT):
            RECORD.target("sign_out", found.state)
        span = span_of(activity=found.activity)
        check_times(signed_in_at, signed_out_at, span, now)
        check_alone(
            person_id=found.person_id,
            record=found.pk,
            span=span,
            signed_in_at=signed_in_at,
            signed_out_at=signed_out_at,
            by=by,
            field="signed_in_at",
        )
        before = (found.signed_in_at, found.signed_out_at)
        found.signed_in_at, found.signed_out_at = signed_in_at, signed_out_at
        found.minutes = counted_minutes(signed_in_at, signed_out_at, span)
        found.state, found.state_reason = RecordState.DRAFT, reason
        found.recorded_by_id, found.state_since = by.person_id, now
        found.save(
            update_fields=["signed_in_at", "signed_out_at", "minutes", "state", "state_reason", "recorded_by", "state_since"]
        )
        audit.record(
            "service_hours.set_times",
            _subject(found),
            by=by,
            was=[moment.isoformat() if moment else None for moment in before],
            now=[signed_in_at.isoformat(), signed_out_at.isoformat()],
            minutes=found.minutes,
            reason=reason,
        )
        _tell_volunteer([found], "service_hours/hours_times_set", by, reason=reason)
    return found


def submit(*, records: Iterable[ServiceRecord], by: Actor, now: datetime) -> Done:
    """The leader hands the hours in; a record without a sign-out stays behind and is named. Raises Denied for another's record."""
    return _several(records, "submit", by, now)


def verify(*, records: Iterable[ServiceRecord], by: Actor, now: datetime) -> Done:
    """The organisation answers for the hours: they enter the ledger. One's own are refused ("own"), whoever one is."""
    return _several(records, "verify", by, now)


def confirm(*, record: ServiceRecord, by: Actor, now: datetime) -> ServiceRecord:
    """The volunteer agrees with the hours."""
    with transaction.atomic():
        found = _own(record, by)
        _move([found], "confirm", now)
        audit.record("service_hours.confirm", _subject(found), by=by)
    return found


def dispute(*, record: ServiceRecord, reason: str, by: Actor, now: datetime) -> ServiceRecord:
    """The volunteer asks for correction and says why (办法 13); who verified and who is in charge are told."""
    reason = _reason(reason)
    with transaction.atomic():
        found = _own(record, by)
        _move([found], "dispute", now, dispute_reason=reason)
        audit.record("service_hours.dispute", _subject(found), by=by)
        concerned = {found.activity.person_in_charge_id, found.verified_by_id} - {None, found.person_id}
        tell(
            [person for person in concerned if person is not None],
            "service_hours/hours_disputed",
            url=_url(found),
            title=found.activity.title,
            reason=reason,
        )
    return found


def correct(
    *, record: ServiceRecord, signed_in_at: datetime, signed_out_at: datetime, reason: str, by: Actor, now: datetime
) -> ServiceRecord:
    """After a dispute: other times, so the entry is reversed and earned anew; certificates that rest on it lapse."""
    reason = _reason(reason)
    with transaction.atomic():
        found = _verifiable(record, by)
        span = span_of(activity=found.activity)
        check_times(signed_in_at, signed_out_at, span, now)
        check_alone(
            person_id=found.person_id,
            record=found.pk,
            span=span,
            signed_in_at=signed_in_at,
            signed_out_at=signed_out_at,
            by=by,
            field="signed_in_at",
        )
        before, minutes = found.minutes, counted_minutes(signed_in_at, signed_out_at, span)
        if (signed_in_at, signed_out_at) == (found.signed_in_at, found.signed_out_at):
            raise Refused(_("时间和原来一样。如果原来的时间没有错，请选择“维持原记录”。"), code="unchanged", field="signed_out_at")
        _move(
            [found],
            "correct",
            now,
            signed_in_at=signed_in_at,
            signed_out_at=signed_out_at,
            minutes=minutes,
            state_reason=reason,
            verified_by_id=by.person_id,
            verified_at=now,
        )
        reversal = ledger.reverse(record=found, by=by, now=now, reason=reason)
        ledger.earn(records=[found], by=by, now=now, reason=reason)
        _take_back(found, reversal, reason, by, now)
        audit.record("service_hours.correct", _subject(found), by=by, was=before, minutes=minutes, reason=reason)
        _tell_volunteer([found], "service_hours/hours_corrected", by, reason=reason, was=before)
    return found


def send_back(*, record: ServiceRecord, reason: str, by: Actor, now: datetime) -> ServiceRecord:
    """Before verification: something is wrong with the times, so the leader gets them back with the reason."""
    reason = _reason(reason)
    with transaction.atomic():
        found = _verifiable(record, by)
        _move([found], "send_back", now, state_reason=reason)
        audit.record("service_hours.send_back", _subject(found), by=by, reason=reason)
        tell(
            [found.submitted_by_id or found.activity.person_in_charge_id],
            "service_hours/hours_sent_back",
            url=address("service_hours:activity_records", args=[found.activity_id]),
            title=found.activity.title,
            reason=reason,
        )
    return found


def uphold(*, record: ServiceRecord, reason: str, by: Actor, now: datetime) -> ServiceRecord:
    """After a dispute: verified again, the hours stand."""
    reason = _reason(reason)
    with transaction.atomic():
        found = _verifiable(record, by)
        _move([found], "uphold", now, state_reason=reason, verified_by_id=by.person_id, verified_at=now)
        audit.record("service_hours.uphold", _subject(found), by=by, reason=reason)
        _tell_volunteer([found], "service_hours/hours_upheld", by, reason=reason)
    return found


def void(*, record: ServiceRecord, reason: str, by: Actor, now: datetime) -> ServiceRecord:
    """Take the hours back by a reversal; certificates, stars and what else rests on them go in the same transaction."""
    reason = _reason(reason)
    with transaction.atomic():
        found = _locked([record.pk])[0]
        _not_own(found, by)
        if not perms.may_void(by, found):
            raise Denied(Permission.VOID)
        _move([found], "void", now, state_reason=reason)
        reversal = ledger.reverse(record=found, by=by, now=now, reason=reason)
        _take_back(found, reversal, reason, by, now)
        audit.record("service_hours.void", _subject(found), by=by, minutes=reversal.minutes if reversal else 0, reason=reason)
        _tell_volunteer([found], "service_hours/hours_void", by, reason=reason)
    return found


def _take_back(record: ServiceRecord, reversal: HourEntry | None, reason: str, by: Actor, now: datetime) -> None:
    """Whatever rests on hours that were just reversed: certificates of this room, then all who listen."""
    revoke_resting_on(records=[record], reason=reason, by=by, now=now)
    announce(reversals=[reversal] if reversal else [], reason=reason, by=by, now=now)


def _several(records: Iterable[ServiceRecord], verb: str, by: Actor, now: datetime) -> Done:
    keys = [record.pk for record in records]
    if len(keys) > AT_ONCE:
        raise Refused(_("一次最多处理 %(count)d 条，请分几次。") % {"count": AT_ONCE}, code="too_many")
    with transaction.atomic():
        found = _locked(keys)
        good: list[ServiceRecord] = []
        bad: list[tuple[ServiceRecord, Refused]] = []
        for one in found:
            try:
                (_check_submit if verb == "submit" else _check_verify)(one, by)
                RECORD.target(verb, one.state)
            except Refused as refused:
                bad.append((one, refused))
            else:
                good.append(one)
        if verb == "submit":
            _move(good, verb, now, submitted_by_id=by.person_id, submitted_at=now)
        else:
            _move(good, verb, now, verified_by_id=by.person_id, verified_at=now)
            ledger.earn(records=good, by=by, now=now)
            _tell_volunteer(good, "service_hours/hours_verified", by)
            _check_later(good)
        audit.record_many([(f"service_hours.{verb}", _subject(one), {"minutes": one.minutes}) for one in good], by=by)
    return Done(good, bad)


def _check_later(records: Sequence[ServiceRecord]) -> None:
    """The checks against fabrication run by the queue at once, in no one's way; the job is written with the hours."""
    if records:
        from qunli.service_hours.tasks import check_verified

        check_verified.defer(records=[one.pk for one in records])


def _check_submit(record: ServiceRecord, by: Actor) -> None:
    if not perms.may_record(by, record.activity):
        raise Denied(Permission.RECORD)
    if record.signed_out_at is None and record.state in (RecordState.PRESENT, RecordState.DRAFT):
        raise Refused(_("还没有签退。请先设定离开的时间并写明原因。"), code="no_sign_out", field="signed_out_at")


def _check_verify(record: ServiceRecord, by: Actor) -> None:
    _not_own(record, by)
    if not perms.may_verify(by, record):
        raise Denied(Permission.VERIFY)


def _not_own(record: ServiceRecord, by: Actor) -> None:
    if by.person_id is not None and by.person_id == record.person_id:
        raise Refused(_("自己的时长要由上一级核实和处理，不能由本人办理。"), code="own")


def _own(record: ServiceRecord, by: Actor) -> ServiceRecord:
    found = _locked([record.pk])[0]
    if not perms.is_own(by, found):
        raise Denied("self", _("只有志愿者本人可以确认或提出异议。"))
    return found


def _verifiable(record: ServiceRecord, by: Actor) -> ServiceRecord:
    found = _locked([record.pk])[0]
    _check_verify(found, by)
    return found


def _locked(keys: Sequence[int]) -> list[ServiceRecord]:
    rows = ServiceRecord.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    return list(rows.select_related("activity__division", "activity__team"))


def _move(records: Sequence[ServiceRecord], verb: str, now: datetime, **values: object) -> None:
    """Take the transition with all records, in one statement, and set `values` in them."""
    values["state_since"] = now
    for one in records:
        one.state = RECORD.target(verb, one.state)
        for name, value in values.items():
            setattr(one, name, value)
    if records:
        target = RECORD.transitions[verb].target
        ServiceRecord.objects.filter(pk__in=[one.pk for one in records]).update(state=target, **values)


def _tell_volunteer(records: Sequence[ServiceRecord], template: str, by: Actor, **facts: Any) -> None:
    """One notice for each person concerned; those to whom the same is said get it in one statement."""
    groups: dict[tuple[int, int], list[ServiceRecord]] = {}
    for one in records:
        if one.person_id != by.person_id:
            groups.setdefault((one.activity_id, one.minutes), []).append(one)
    for (_activity, minutes), same in groups.items():
        first = same[0]
        tell(
            [one.person_id for one in same],
            template,
            url=_url(first) if len(same) == 1 else address("service_hours:records"),
            title=first.activity.title,
            day=local_date(first.activity.starts_at).isoformat(),
            minutes=minutes,
            **facts,
        )


def _reason(text: str) -> str:
    text = text.strip()
    if not seen(text):
        raise Refused(_("请写明原因。"), code="reason", field="reason")
    if len(text) > 300:
        raise Refused(_("原因最多 300 个字。"), code="reason_long", field="reason")
    return text


def _subject(record: ServiceRecord) -> str:
    return f"record:{record.pk}"


def _url(record: ServiceRecord) -> str:
    return address("service_hours:record", args=[record.pk])
