"""Nobody is in two places at once: the counted time of one person's records never overlaps."""

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.service_hours.enums import RecordState
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.windows import Span

_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('presence:' || %s, 3))"


def check_alone(
    *, person_id: int, record: int | None, span: Span, signed_in_at: datetime, signed_out_at: datetime | None, by: Actor, field: str
) -> None:
    """Before times are written, in their transaction: no other record of the person counts any of this time.

    A sign-in that is open elsewhere counts until the end of its activity. `record` is the row that is written, `signed_out_at`
    None for a sign-in, which is a moment. Raises Refused "elsewhere" (signed in there, not out) or "overlap" at `field`.
    """
    with connection.cursor() as cursor:
        # One at a time for a person, or two phones would both find the time free.
        cursor.execute(_ALONE, [person_id])
    since = max(signed_in_at, span.starts_at)
    until = None if signed_out_at is None else min(signed_out_at, span.ends_at)
    others = ServiceRecord.objects.filter(person=person_id, activity__ends_at__gt=since).exclude(state=RecordState.VOID)
    if until is not None:
        others = others.filter(activity__starts_at__lt=until)
    for other in others.exclude(pk=record or 0).select_related("activity").order_by("pk"):
        begin = max(other.signed_in_at, other.activity.starts_at)
        end = min(other.signed_out_at or other.activity.ends_at, other.activity.ends_at)
        if since < end and (begin <= since if until is None else begin < until):
            _refuse(other, by, field)


def _refuse(other: ServiceRecord, by: Actor, field: str) -> None:
    # Where somebody else was is told to that person alone.
    named = _("“%(title)s”") % {"title": other.activity.title} if by.person_id == other.person_id else _("另一场活动")
    if other.signed_out_at is None:
        message, code = _("现在还在%(activity)s签到中。请先在那里签退。"), "elsewhere"
    else:
        message, code = _("这段时间已经记在%(activity)s里，同一时间不能记两次。"), "overlap"
    raise Refused(message % {"activity": named}, code=code, field=field)
