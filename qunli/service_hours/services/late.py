"""What was noted without a network and is sent afterwards (离线登记): written once, marked as late, as far as its time allows."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qunli.accounts.services import count_attempt, forget_attempts
from qunli.audit.services import record as audit
from qunli.kernel import codes
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.service_hours.enums import Method, RecordState, Way
from qunli.service_hours.models import LateStatement, ServiceRecord
from qunli.service_hours.offline import SENT_WITHIN, SLACK, issued_at, was_code
from qunli.service_hours.services.day import Presence, check_may_record, enter, leave, own_sign_up, span_of
from qunli.service_hours.windows import LAPSES_AFTER, Span, may_sign_in
from qunli.volunteering.models import Activity, SignUp

TRIES, WINDOW = 10, timedelta(days=1)
"""Wrong codes of one person for one activity; three of a million are right at a time: guessing for 48 hours finds one in 16,000."""


@dataclass(frozen=True)
class Statement:
    """What a device noted."""

    key: UUID
    way: Way
    at: datetime
    """By the device's clock, set right by the server's."""
    ticket: str
    """Given with the page, before `at` (`offline.ticket`)."""
    skew: int = 0
    """Seconds by which the device's own clock was ahead."""


def sign_late(*, activity: Activity, statement: Statement, code: str, by: Actor, now: datetime) -> ServiceRecord:
    """The volunteer typed the code in a dead spot. Sent again, or when the person is in (out) already, it changes nothing.

    Raises Refused: "ticket" (none of this person and activity from before the time), "future", "too_old", "too_early", "over",
    "code_form", "code_wrong", "too_many", and as `sign_in` and `sign_out` do.
    """
    known = _known(statement, by)
    if known is not None:
        return known
    sign_up = own_sign_up(activity=activity, by=by)
    at = _time(statement, activity, by, now)
    _prove(activity, by, code, at, now)
    return _write(sign_up.pk, Presence(Method.CODE), statement, at=at, by=by, now=now)


def sign_late_for(*, sign_up: SignUp, statement: Statement, by: Actor, now: datetime) -> ServiceRecord:
    """The leader ticked somebody in or out in a dead spot. Raises Denied; Refused as `sign_late`, without a code."""
    check_may_record(activity=sign_up.activity, by=by)
    known = _known(statement, by)
    if known is not None:
        return known
    at = _time(statement, sign_up.activity, by, now)
    return _write(sign_up.pk, Presence(Method.LEADER), statement, at=at, by=by, now=now)


def _known(statement: Statement, by: Actor) -> ServiceRecord | None:
    sent = LateStatement.objects.filter(sent_by=by.person_id or 0, key=statement.key).select_related("record").first()
    return sent.record if sent is not None else None


def _time(statement: Statement, activity: Activity, by: Actor, now: datetime) -> datetime:
    """The time that counts, when it may be believed."""
    given = issued_at(statement.ticket, person_id=by.person_id or 0, activity_id=activity.pk)
    if given is None:
        raise Refused(_("这条离线登记不是您在这场活动的页面上记下的，不能补传。"), code="ticket", field="ticket")
    if not given - SLACK <= statement.at <= given + SENT_WITHIN:
        raise Refused(_("离线登记的时间早于您打开页面的时间，或隔得太久。请告诉负责人补记。"), code="ticket", field="at")
    if statement.at > now + SLACK:
        raise Refused(_("离线登记的时间还没有到。请核对手机的时间，并告诉负责人补记。"), code="future", field="at")
    if statement.at < now - SENT_WITHIN:
        hours = {"hours": int(SENT_WITHIN.total_seconds() // 3600)}
        raise Refused(_("离线登记已超过 %(hours)d 小时，不能补传。请告诉负责人补记。") % hours, code="too_old", field="at")
    span = span_of(activity=activity)
    if statement.way == Way.IN:
        may_sign_in(span, statement.at)
    else:
        _may_sign_out(span, statement.at)
    return min(statement.at, now)


def _may_sign_out(span: Span, at: datetime) -> None:
    if at > span.ends_at + LAPSES_AFTER:
        raise Refused(_("活动结束已久，不能再签退。请告诉负责人补记离开的时间。"), code="over", field="at")


def _prove(activity: Activity, by: Actor, code: str, at: datetime, now: datetime) -> None:
    text = "".join(unicodedata.normalize("NFKC", code).split())
    if len(text) != codes.DIGITS or not text.isdecimal():
        raise Refused(_("签到码是 6 位数字，请看负责人屏幕上的数字。"), code="code_form", field="code")
    key = f"late:{activity.pk}:{by.person_id}"
    too_many = _("离线登记的签到码错得太多，不能再补传。请告诉负责人补记。")
    count_attempt(key=key, limit=TRIES, window=WINDOW, now=now, field="code", message=too_many)
    if not was_code(seed=bytes(activity.code_seed), code=text, at=at):
        raise Refused(_("离线登记的签到码与当时屏幕上的不一致。请告诉负责人补记。"), code="code_wrong", field="code")
    forget_attempts(key=key)


def _write(sign_up_id: int, presence: Presence, statement: Statement, *, at: datetime, by: Actor, now: datetime) -> ServiceRecord:
    """Under the sign-up's lock, so that of two who send the same at once the second finds it written."""
    try:
        with transaction.atomic():
            SignUp.objects.select_for_update().get(pk=sign_up_id)
            record = ServiceRecord.objects.filter(sign_up=sign_up_id).first()
            if record is not None and record.state == RecordState.VOID:
                raise Refused(_("这条服务记录已撤销。"), code="state", field="code")
            if record is not None and (statement.way == Way.IN or record.signed_out_at is not None):
                return record  # in (out) already, by whichever way came first
            if statement.way == Way.IN:
                record = enter(sign_up_id=sign_up_id, presence=presence, at=at, by=by, now=now)
            else:
                record = _out(record, presence, at=at, by=by, now=now)
            return _note(record, statement, presence, at=at, by=by, now=now)
    except IntegrityError as error:
        raise Refused(_("这条离线登记已经用过。"), code="key", field="key") from error


def _out(record: ServiceRecord | None, presence: Presence, *, at: datetime, by: Actor, now: datetime) -> ServiceRecord:
    if record is None:
        raise Refused(_("您还没有签到。请先签到，或请负责人补记。"), code="not_signed_in", field="code")
    if at < record.signed_in_at:
        raise Refused(_("签退时间不能早于签到时间。"), code="out_before_in", field="at")
    verb = "service_hours.sign_out" if presence.method != Method.LEADER else "service_hours.sign_out_for"
    return leave(record_id=record.pk, presence=presence, at=at, by=by, now=now, verb=verb, lapsed_too=True)


def _note(
    record: ServiceRecord, statement: Statement, presence: Presence, *, at: datetime, by: Actor, now: datetime
) -> ServiceRecord:
    LateStatement.objects.create(
        record=record,
        way=statement.way,
        key=statement.key,
        stated_at=at,
        received_at=now,
        skew=statement.skew,
        sent_by_id=by.person_id or 0,
    )
    audit(
        "service_hours.late",
        f"record:{record.pk}",
        by=by,
        way=statement.way.value,
        method=presence.method.value,
        at=at.isoformat(),
        skew=statement.skew,
    )
    return record
