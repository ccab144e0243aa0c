from datetime import UTC, date, datetime, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel import clock

KNOWN = st.dates(date(2016, 1, 1), date(2026, 11, 30))


def test_moved_weekends_of_2026() -> None:
    """The notice: off 1/1-3, 2/15-23, 4/4-6, 5/1-5, 6/19-21, 9/25-27, 10/1-7; worked 1/4, 2/14, 2/28, 5/9, 9/20, 10/10."""
    for day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10), (10, 8)):
        assert clock.is_working_day(date(2026, *day)), day
    for day in ((1, 1), (1, 2), (2, 16), (2, 23), (4, 6), (5, 5), (6, 19), (9, 25), (10, 7), (10, 11)):
        assert not clock.is_working_day(date(2026, *day)), day


def test_the_notice_agrees_with_the_package() -> None:
    package = holidays.country_holidays("CN", years=[2026])
    for n in range(365):
        day = date(2026, 1, 1) + timedelta(days=n)
        assert clock.is_working_day(day) == package.is_working_day(day), day


def test_ten_working_days_over_the_national_holiday() -> None:
    assert clock.add_working_days(date(2026, 9, 30), 1) == (date(2026, 10, 8), False)
    assert clock.add_working_days(date(2026, 9, 25), 10) == (date(2026, 10, 15), False)


def test_a_year_without_a_notice_is_provisional() -> None:
    due = clock.add_working_days(date(2026, 12, 30), 10)
    assert due.date.year == 2027
    assert due.provisional
    assert clock.is_provisional(2030)
    assert not clock.is_provisional(2026)


@given(KNOWN, st.integers(1, 40))
def test_forth_and_back(day: date, n: int) -> None:
    later = clock.add_working_days(day, n)
    assert later.date > day
    assert clock.is_working_day(later.date)
    assert clock.working_days_between(day, later.date) == n
    assert clock.working_days_between(later.date, day) == -n
    back = clock.add_working_days(later.date, -n).date
    assert back <= day
    assert clock.is_working_day(back)


@given(KNOWN)
def test_zero_days_is_today_or_the_next_working_day(day: date) -> None:
    found = clock.add_working_days(day, 0).date
    assert found == day if clock.is_working_day(day) else clock.working_days_between(day, found) == 1


@pytest.mark.parametrize(("hour", "day"), [(15, date(2026, 3, 5)), (16, date(2026, 3, 6))])
def test_dates_are_those_of_shanghai(hour: int, day: date) -> None:
    assert clock.local_date(datetime(2026, 3, 5, hour, tzinfo=UTC)) == day
