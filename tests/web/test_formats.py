"""Dates, hours and names as they are written."""

from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from qunli.kernel.clock import SHANGHAI
from qunli.web.templatetags import formats

AT = datetime(2026, 3, 5, 9, 30, tzinfo=SHANGHAI)


def test_chinese_dates() -> None:
    with translation.override("zh-hans"):
        assert formats.day(AT) == "2026年3月5日 (周四)"
        assert formats.day(date(2026, 3, 8)) == "2026年3月8日 (周日)"
        assert formats.moment(AT) == "2026年3月5日 (周四) 09:30"


def test_english_dates() -> None:
    with translation.override("en"):
        assert formats.day(AT) == "5 Mar 2026"
        assert formats.moment(AT) == "5 Mar 2026 09:30"


def test_dates_are_dates_of_shanghai() -> None:
    late = datetime(2026, 3, 5, 17, 0, tzinfo=UTC)
    with translation.override("zh-hans"):
        assert formats.moment(late) == "2026年3月6日 (周五) 01:00"


def test_a_span_names_its_day_once(frozen: object) -> None:
    with translation.override("zh-hans"):
        assert formats.until(AT, AT.replace(hour=11, minute=0)) == "3月5日 (周四) 09:30–11:00"
        assert formats.until(AT, AT.replace(day=6, hour=1, minute=0)) == "3月5日 (周四) 09:30 – 3月6日 (周五) 01:00"


@pytest.mark.parametrize(
    ("minutes", "total", "exact"),
    [
        (0, "0 小时", "0 分"),
        (90, "1.5 小时", "1 小时 30 分"),
        (60, "1 小时", "1 小时"),
        (100, "1.7 小时", "1 小时 40 分"),
        (75000, "1,250 小时", "1250 小时"),
        (-45, "-0.8 小时", "-45 分"),
    ],
)
def test_hours(minutes: int, total: str, exact: str) -> None:
    with translation.override("zh-hans"):
        assert formats.hours(minutes) == total
        assert formats.duration(minutes) == exact


def test_nothing_is_written_for_nothing() -> None:
    assert (
        formats.day(None) == formats.moment(None) == formats.clock(None) == formats.until(None, None) == formats.number(None) == ""
    )
