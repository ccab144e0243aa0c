"""Dates of law: the calendar of Asia/Shanghai and its working days.

Working days follow the State Council's yearly notice, which moves weekends. `rulesets/calendar.toml` comes first, then the
`holidays` package; a year that neither knows by notice is computed from the law's fixed holidays, and every date counted through it
is provisional.
"""

import tomllib
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
from django.conf import settings

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE = timedelta(days=1)


class WorkingDay(NamedTuple):
    date: date
    provisional: bool
    """No notice has been published yet for a year on the way: the date may still move."""


class Year(NamedTuple):
    off: frozenset[date]
    """Days off beside ordinary weekends."""
    worked: frozenset[date]
    """Weekend days that are worked."""
    noticed: bool


def local_date(at: datetime) -> date:
    """The date in Shanghai of an aware moment."""
    return at.astimezone(SHANGHAI).date()


def is_working_day(day: date) -> bool:
    year = _year(day.year)
    if day.weekday() >= 5:
        return day in year.worked
    return day not in year.off


def is_provisional(year: int) -> bool:
    """Whether the year's notice is not known yet."""
    return not _year(year).noticed


def add_working_days(day: date, n: int) -> WorkingDay:
    """The n-th working day after `day` (before it when n is negative); 0 gives `day` itself or the next working day."""
    step = -ONE if n < 0 else ONE
    left, provisional = abs(n), is_provisional(day.year)
    if n == 0:
        while not is_working_day(day):
            day += ONE
            provisional = provisional or is_provisional(day.year)
    while left:
        day += step
        provisional = provisional or is_provisional(day.year)
        if is_working_day(day):
            left -= 1
    return WorkingDay(day, provisional)


def working_days_between(start: date, end: date) -> int:
    """Working days after `start` up to and with `end`; negative when `end` is earlier."""
    if end < start:
        return -working_days_between(end, start)
    return sum(is_working_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))


@lru_cache(maxsize=128)
def _year(year: int) -> Year:
    noticed = _notices(settings.ROOT / "rulesets" / "calendar.toml").get(year)
    if noticed:
        return noticed
    computed = holidays.country_holidays("CN", years=[year])
    published = year in computed.special_public_holidays
    return Year(
        frozenset(day for day in computed if day.year == year and day.weekday() < 5),
        frozenset(day for day in computed.weekend_workdays if day.year == year),
        published,
    )


@lru_cache(maxsize=1)
def _notices(file: Path) -> dict[int, Year]:
    """The dated notices of a rule file: spans of days off and single worked weekend days."""
    years: dict[int, Year] = {}
    for entry in tomllib.loads(file.read_text("utf-8")).get("notice", []):
        off = {first + timedelta(days=n) for first, last in entry["off"] for n in range((last - first).days + 1)}
        years[entry["year"]] = Year(frozenset(off), frozenset(entry["worked"]), True)
    return years
