"""Small words of the room's pages. Built in: no `{% load %}`."""

from django import template
from django.utils.translation import gettext as _

from qunli.volunteering import selectors
from qunli.volunteering.models import Activity, SignUp
from qunli.volunteering.signing_up import Outcome

register = template.Library()


@register.filter
def distance(metres: int | None) -> str:
    """320 米 or 1.4 公里."""
    if metres is None:
        return ""
    if metres < 1000:
        return _("%(n)d 米") % {"n": round(metres, -1)}
    return _("%(n).1f 公里") % {"n": metres / 1000}


@register.filter
def activity_tone(activity: Activity) -> str:
    tones = {"published": "main", "submitted": "due", "returned": "due", "cancelled": "bad", "closed": "done"}
    return tones.get(activity.state, "")


@register.filter
def sign_up_tone(sign_up: SignUp) -> str:
    return {"confirmed": "main", "waiting": "due", "attended": "done", "no_show": "bad"}.get(sign_up.state, "")


@register.filter
def says(code: str, activity: Activity) -> str:
    """What the outcome `code` would say of the activity."""
    return Outcome(code, min_age=activity.min_age, max_age=activity.max_age).message


@register.filter
def labels(values: list[str]) -> list[str]:
    return selectors.labels(values)
