"""Small words of the room's pages. Built in: no `{% load %}`."""

from secrets import token_hex
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qunli.kernel.clock import local_date
from qunli.volunteering import selectors
from qunli.volunteering.matching.finding import Recommended
from qunli.volunteering.models import Activity, Invitation, MatchPlan, SignUp
from qunli.volunteering.signing_up import Outcome

register = template.Library()
CARDS = 5_000
"""Cards that a process keeps: about 10 MB."""
_cards: dict[tuple[object, ...], SafeString] = {}


@register.filter
def distance(metres: int | None) -> str:
    """320 米 or 1.4 公里."""
    if metres is None:
        return ""
    if metres < 1000:
        return _("%(n)d 米") % {"n": round(metres, -1)}
    return _("%(n).1f 公里") % {"n": metres / 1000}


@register.filter
def away(metres: int | None) -> str:
    """How far a match is from home: 同社区, 320 米 or 1.4 公里."""
    return _("同社区") if metres == 0 else distance(metres)


@register.filter
def activity_tone(activity: Activity) -> str:
    tones = {"published": "main", "submitted": "due", "returned": "due", "cancelled": "bad", "closed": "done"}
    return tones.get(activity.state, "")


@register.filter
def sign_up_tone(sign_up: SignUp) -> str:
    return {"confirmed": "main", "waiting": "due", "attended": "done", "no_show": "bad"}.get(sign_up.state, "")


@register.filter
def invitation_tone(invitation: Invitation) -> str:
    return {"sent": "due", "accepted": "done", "declined": "bad"}.get(invitation.state, "")


@register.filter
def plan_tone(plan: MatchPlan) -> str:
    return {"queued": "info", "ready": "due", "sent": "done", "failed": "bad"}.get(plan.state, "")


@register.filter
def says(code: str, activity: Activity) -> str:
    """What the outcome `code` would say of the activity."""
    return Outcome(code, min_age=activity.min_age, max_age=activity.max_age).message


@register.filter
def labels(values: list[str]) -> list[str]:
    return selectors.labels(values)


@register.simple_tag
def activity_card(activity: Activity, number: int = 0, far: int | None = None) -> SafeString:
    """`_card.html` of an activity with team and division. With `number` it has that pin on the map, with `far` its metres.

    A card shows the same to everybody, so it is drawn once for what it says and kept: a list has twenty, and drawing them was most
    of its time.
    """
    shown = (activity.title, activity.category, activity.state, activity.danger, activity.starts_at, activity.ends_at)
    where = (activity.division.name, activity.address, activity.team.name, activity.taken, activity.places)
    key = ("activity", activity.pk, number, far, *shown, *where, get_language(), local_date(timezone.now()))
    return _drawn(key, "volunteering/_card.html", {"activity": activity, "number": number, "far": far})


MARK = token_hex(16)
"""Stands in a drawn card where something of the reader's own comes in; no title can hold it."""


@register.simple_tag
def match_card(one: Recommended, lines: SafeString) -> SafeString:
    """`_match.html` of a recommended activity, with the lines of why (`why_lines`).

    What it says of the activity is drawn once and kept; what it says of the reader is set in and kept nowhere.
    """
    shown = (one.title, one.starts_at, one.ends_at, one.place, one.team, one.post_name)
    key = ("match", one.activity, *shown, get_language(), local_date(timezone.now()))
    mine = dict.fromkeys(("fit", "best", "away", "why"), SafeString(MARK))
    parts = _drawn(key, "volunteering/_match.html", {"one": one, "mine": mine}).split(MARK)
    fit = _("匹配 %(n)s 分") % {"n": one.match.percent}
    own = (escape(fit), escape(one.match.best), escape(away(one.match.metres)), lines, "")
    return SafeString("".join([piece for pair in zip(parts, own, strict=True) for piece in pair]))


def _drawn(key: tuple[object, ...], template: str, context: dict[str, Any]) -> SafeString:
    """What was drawn for a key, or is drawn now. The key names all that it depends on."""
    card = _cards.get(key)
    if card is None:
        card = SafeString(render_to_string(template, context))
        if len(_cards) >= CARDS:
            _cards.clear()
        _cards[key] = card
    return card
