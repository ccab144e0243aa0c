"""Which minutes count, and when a person may sign in. Pure functions of times; no ORM.

The rules (办法 7: "time is that actually given"; the windows are our design):

- Signing in is open from 60 minutes before the start until the end. Who comes early is counted from the start, who comes
  late from the arrival.
- Signing out is open from the sign-in until twelve hours after the end; then it is left to the leader. Who leaves early is counted
  until then, who leaves (or remembers) late until the end.
- What counts are whole minutes; a minute that was only begun does not.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.errors import Refused

OPENS_BEFORE = timedelta(minutes=60)
"""Signing in opens this long before the start."""

LAPSES_AFTER = timedelta(hours=12)
"""A sign-out that is missing this long after the end is left to the leader."""


class Span(NamedTuple):
    """The time of an activity; `starts_at` < `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def counted_minutes(signed_in_at: datetime, signed_out_at: datetime, span: Span) -> int:
    """Whole minutes of the presence that lie within the activity; 0 when it lies outside or runs backwards."""
    since = max(signed_in_at, span.starts_at)
    until = min(signed_out_at, span.ends_at)
    return max(0, int((until - since).total_seconds() // 60))


def planned_minutes(span: Span) -> int:
    """Whole minutes that the activity was planned for."""
    return counted_minutes(span.starts_at, span.ends_at, span)


def may_sign_in(span: Span, at: datetime) -> None:
    """Raises Refused at field "code": "too_early" before signing in opens, "over" after the end."""
    opens_at = span.starts_at - OPENS_BEFORE
    if at < opens_at:
        raise Refused(
            _("还没到签到时间。%(day)s %(time)s 起可以签到。") % {"day": _day(opens_at), "time": _clock(opens_at)},
            code="too_early",
            field="code",
            opens_at=opens_at.isoformat(),
        )
    if at > span.ends_at:
        raise Refused(
            _("活动已在 %(day)s %(time)s 结束，不能再签到。如果您参加了，请告诉负责人补记。")
            % {"day": _day(span.ends_at), "time": _clock(span.ends_at)},
            code="over",
            field="code",
        )


def check_times(signed_in_at: datetime, signed_out_at: datetime | None, span: Span, now: datetime) -> None:
    """Times that a leader sets. Raises Refused at the field that is wrong: codes "too_early", "over", "out_before_in", "future"."""
    if signed_in_at < span.starts_at - OPENS_BEFORE:
        raise Refused(_("签到时间不能早于开始前 60 分钟。"), code="too_early", field="signed_in_at")
    if signed_in_at > span.ends_at:
        raise Refused(_("签到时间不能晚于活动结束。"), code="over", field="signed_in_at")
    if signed_in_at > now:
        raise Refused(_("签到时间还没有到。"), code="future", field="signed_in_at")
    if signed_out_at is None:
        return
    if signed_out_at < signed_in_at:
        raise Refused(_("签退时间不能早于签到时间。"), code="out_before_in", field="signed_out_at")
    if signed_out_at > now:
        raise Refused(_("签退时间还没有到。"), code="future", field="signed_out_at")


def _day(at: datetime) -> str:
    return date_format(local_date(at), _("n月j日"))


def _clock(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%H:%M")
