"""Calendar feeds (RFC 5545). Rooms above give the entries: `settings.CALENDAR_SOURCES` names functions of (person_id, now).

def calendar_entries(person_id: int, now: datetime) -> Iterable[Entry]: ...
"""

from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from qunli.notices.selectors import Entry, preference


def calendar(person_id: int, now: datetime) -> bytes:
    """The calendar of a person as a file, in the person's language."""
    with translation.override(preference(person_id).language):
        found = Calendar()
        found.add("prodid", "-//Qunli//CN")
        found.add("version", "2.0")
        found.add("method", "PUBLISH")
        found.add("x-wr-calname", _("我的志愿服务"))
        for source in settings.CALENDAR_SOURCES:
            for entry in import_string(source)(person_id, now):
                found.add_component(_event(entry))
        written: bytes = found.to_ical()
    return written


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("summary", entry.title)
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    if entry.place:
        event.add("location", entry.place)
    if entry.text:
        event.add("description", entry.text)
    if entry.url:
        event.add("url", settings.SITE_URL + entry.url)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    return event
