"""Which minutes count, and when one may sign in."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Refused
from qunli.service_hours.windows import OPENS_BEFORE, Span, check_times, counted_minutes, may_sign_in, planned_minutes

START = datetime(2026, 3, 5, 9, 0, tzinfo=SHANGHAI)
SPAN = Span(START, START + timedelta(hours=2))
moments = st.integers(-8 * 3600, 8 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))
spans = st.builds(lambda start, seconds: Span(start, start + timedelta(seconds=seconds)), moments, st.integers(1, 6 * 3600))


@pytest.mark.parametrize(
    ("came", "left", "minutes"),
    [
        (0, 120, 120),
        (-45, 120, 120),  # early: counted from the start
        (30, 120, 90),  # late: counted from the arrival
        (0, 300, 120),  # signed out after the end: clipped
        (0, 45, 45),  # left early
        (-30, -5, 0),  # left before it began
        (119.5, 120, 0),  # a minute that was only begun
    ],
)
def test_examples(came: float, left: float, minutes: int) -> None:
    assert counted_minutes(START + timedelta(minutes=came), START + timedelta(minutes=left), SPAN) == minutes


@given(moments, moments, spans)
def test_never_more_than_presence_or_activity(came: datetime, left: datetime, span: Span) -> None:
    minutes = counted_minutes(came, left, span)
    assert 0 <= minutes <= planned_minutes(span)
    assert minutes * 60 <= max(0.0, (left - came).total_seconds())


@given(moments, moments, spans, st.integers(0, 7200))
def test_staying_longer_never_costs(came: datetime, left: datetime, span: Span, more: int) -> None:
    assert counted_minutes(came, left + timedelta(seconds=more), span) >= counted_minutes(came, left, span)


@given(moments, moments, moments, spans)
def test_two_halves_are_not_more_than_the_whole(a: datetime, b: datetime, c: datetime, span: Span) -> None:
    came, between, left = sorted((a, b, c))
    halves = counted_minutes(came, between, span) + counted_minutes(between, left, span)
    whole = counted_minutes(came, left, span)
    assert whole - 1 <= halves <= whole


@given(moments, spans)
def test_window(at: datetime, span: Span) -> None:
    if at < span.starts_at - OPENS_BEFORE:
        with pytest.raises(Refused) as refused:
            may_sign_in(span, at)
        assert (refused.value.code, refused.value.field) == ("too_early", "code")
    elif at > span.ends_at:
        with pytest.raises(Refused) as refused:
            may_sign_in(span, at)
        assert (refused.value.code, refused.value.field) == ("over", "code")
    else:
        may_sign_in(span, at)


@given(moments, st.none() | moments, spans, moments)
def test_set_times_that_pass_make_sense(came: datetime, left: datetime | None, span: Span, now: datetime) -> None:
    sound = span.starts_at - OPENS_BEFORE <= came <= min(span.ends_at, now) and (left is None or came <= left <= now)
    if sound:
        check_times(came, left, span, now)
        return
    with pytest.raises(Refused) as refused:
        check_times(came, left, span, now)
    assert refused.value.field in ("signed_in_at", "signed_out_at")
