"""Sign-ups as a calendar (RFC 5545)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event

from qunli.volunteering.models import SignUp


def feed(sign_ups: Iterable[SignUp], *, site: str, now: datetime) -> bytes:
    """One event for each sign-up; waiting ones are tentative. `site` is the address before the path, for the links."""
    calendar = Calendar()
    calendar.add("prodid", "-//Qunli//volunteering//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _("群力志愿服务"))
    calendar.add("refresh-interval;value=duration", "PT1H")
    for sign_up in sign_ups:
        activity = sign_up.activity
        event = Event()
        event.add("uid", f"sign-up-{sign_up.pk}@qunli")
        event.add("dtstamp", now)
        event.add("last-modified", sign_up.changed_at)
        event.add("dtstart", activity.starts_at)
        event.add("dtend", activity.ends_at)
        event.add("summary", activity.title)
        event.add("location", activity.address)
        event.add("description", _("岗位：%(post)s\n队伍：%(team)s") % {"post": sign_up.post.name, "team": activity.team.name})
        event.add("url", f"{site}/activities/{activity.pk}/")
        event.add("status", "TENTATIVE" if sign_up.state == "waiting" else "CONFIRMED")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", activity.title)
        alarm.add("trigger", timedelta(hours=-2))
        event.add_component(alarm)
        calendar.add_component(event)
    return bytes(calendar.to_ical())
