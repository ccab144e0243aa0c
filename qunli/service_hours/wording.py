"""Dates and durations in words, in both languages at once: the certificate carries both."""

from datetime import date

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_zh(day: date) -> str:
    """2026年3月5日"""
    return f"{day.year}年{day.month}月{day.day}日"


def day_en(day: date) -> str:
    """5 Mar 2026"""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def duration_zh(minutes: int) -> str:
    """2小时30分, 2小时, 45分"""
    hours, rest = divmod(minutes, 60)
    return (f"{hours}小时" if hours or not rest else "") + (f"{rest}分" if rest else "")


def duration_en(minutes: int) -> str:
    """2 hours 30 minutes"""
    hours, rest = divmod(minutes, 60)
    parts = []
    if hours or not rest:
        parts.append(f"{hours:,} hour{'' if hours == 1 else 's'}")
    if rest:
        parts.append(f"{rest} minute{'' if rest == 1 else 's'}")
    return " ".join(parts)
