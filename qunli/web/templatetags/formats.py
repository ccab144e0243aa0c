"""Dates, hours, names and numbers as they are written on every page. Built in: no `{% load %}`."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from qunli.kernel.clock import SHANGHAI
from qunli.kernel.lists import listed
from qunli.kernel.masking import mask_name, mask_phone

register = template.Library()
WEEKDAYS = "一二三四五六日"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def english() -> bool:
    return (get_language() or "").startswith("en")


def _local(value: date | datetime) -> date:
    return value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value


def _clock(value: datetime) -> str:
    return value.astimezone(SHANGHAI).strftime("%H:%M")


@register.filter
def day(value: date | datetime | None) -> str:
    """2026年3月5日 (周四) or 5 Mar 2026, in Shanghai."""
    if not value:
        return ""
    at = _local(value)
    if english():
        return f"{at.day} {MONTHS[at.month - 1]} {at.year}"
    return f"{at.year}年{at.month}月{at.day}日 (周{WEEKDAYS[at.weekday()]})"


@register.filter
def short_day(value: date | datetime | None) -> str:
    """The day without its year when it is this year's: 3月5日 (周四) or Thu 5 Mar."""
    if not value:
        return ""
    at = _local(value)
    if at.year != _local(timezone.now()).year:
        return day(value)
    if english():
        return f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]}"
    return f"{at.month}月{at.day}日 (周{WEEKDAYS[at.weekday()]})"


@register.filter
def clock(value: datetime | None) -> str:
    """09:30, 24 hours, in Shanghai."""
    return _clock(value) if value else ""


@register.filter
def moment(value: datetime | None) -> str:
    """Day and clock: 2026年3月5日 (周四) 09:30."""
    return f"{day(value)} {_clock(value)}" if value else ""


@register.filter
def until(start: datetime | None, end: datetime | None) -> str:
    """A span: the day once when both ends lie in it. `{{ activity.starts_at|until:activity.ends_at }}`."""
    if not start or not end:
        return moment(start or end)
    if _local(start) == _local(end):
        return f"{short_day(start)} {_clock(start)}–{_clock(end)}"
    return f"{short_day(start)} {_clock(start)} – {short_day(end)} {_clock(end)}"


def hours_number(minutes: int | None) -> str:
    """Minutes as hours with at most one decimal: 90 -> 1.5, 75,000 -> 1,250."""
    text = f"{(minutes or 0) / 60:,.1f}"
    return text.removesuffix(".0")


register.filter("hours_number", hours_number)


@register.filter
def stars(level: int | None) -> str:
    """A star level in words; a dash without one."""
    return ngettext("%(level)d 星级", "%(level)d 星级", level) % {"level": level} if level else "—"


@register.filter
def hours(minutes: int | None) -> str:
    """A total of minutes in hours: 1.5 小时 or 1.5 h."""
    return f"{hours_number(minutes)} {'h' if english() else '小时'}"


@register.filter
def duration(minutes: int | None) -> str:
    """Exact minutes of one service: 1 小时 40 分 or 1 h 40 min."""
    whole, rest = divmod(abs(minutes or 0), 60)
    sign = "-" if (minutes or 0) < 0 else ""
    hour, minute = ("h", "min") if english() else ("小时", "分")
    parts = [f"{whole} {hour}"] if whole else []
    if rest or not whole:
        parts.append(f"{rest} {minute}")
    return sign + " ".join(parts)


@register.filter
def number(value: int | float | None) -> str:
    """Thousands apart: 21,500."""
    return "" if value is None else f"{value:,}"


register.filter("listed", listed)


@register.filter
def percent(share: float | None) -> str:
    """A share as per cent with one decimal: 3.4 %."""
    return "" if share is None else f"{share * 100:.1f}%"


@register.filter
def minus(value: int | None, other: int | None) -> int:
    return (value or 0) - (other or 0)


@register.filter
def masked_name(name: object) -> str:
    """王小明 -> 王**."""
    return mask_name(str(name or ""))


@register.filter
def masked_phone(phone: object) -> str:
    """13800138000 -> 138****8000."""
    return mask_phone(str(phone or ""))


@register.filter
def hexadecimal(value: bytes | memoryview) -> str:
    """A digest as people compare it."""
    return bytes(value).hex()


@register.filter
def as_json(value: Any) -> str:
    """JSON for a data attribute; the template escapes it. Lazy translations become text."""
    return json.dumps(value, ensure_ascii=False, default=str)


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """What `<c-icon>` gives, quicker: the loader writes this tag in its place where there is no label (qunli/web/loader.py)."""
    return _icon(str(name), size, label)


@lru_cache(maxsize=512)
def _icon(name: str, size: str, label: str) -> SafeString:
    said = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    markup = '<svg class="icon {}" {} focusable="false"><use href="{}#{}"></use></svg>'
    return format_html(markup, size, said, static("build/icons.svg"), name)


@register.simple_tag
def why_lines(clauses: Sequence[Mapping[str, Any]]) -> SafeString:
    """The lines of `<c-why>`: dicts text, clause, holds (yes, no, unknown). From memory: a page of matches has 160 of them."""
    language = get_language()
    return SafeString("".join([_why_line(str(c["text"]), str(c["clause"]), c["holds"], language) for c in clauses]))


@lru_cache(maxsize=4096)
def _why_line(text: str, clause: str, holds: str, language: str | None) -> SafeString:
    name, label = {"yes": ("circle-check", _("符合")), "no": ("circle-x", _("不符合"))}.get(holds, ("circle-help", _("还不知道")))
    cited = format_html(' <span class="clause">{}</span>', clause) if clause else ""
    return format_html('<li data-holds="{}">{}<span>{}{}</span></li>', holds, _icon(name, "", label), text, cited)
