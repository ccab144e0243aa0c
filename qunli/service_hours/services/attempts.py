"""Counting attempts in the database, so that a limit holds for all processes and survives a restart."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _

from qunli.kernel.errors import Refused
from qunli.service_hours.models import Attempt

_COUNT = """
    INSERT INTO service_hours_attempt AS a (key, count, counting_since) VALUES (%(key)s, 1, %(now)s)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN a.counting_since <= %(old)s THEN 1 ELSE a.count + 1 END,
        counting_since = CASE WHEN a.counting_since <= %(old)s THEN %(now)s ELSE a.counting_since END
    RETURNING count, counting_since
"""


def count_attempt(*, key: str, limit: int, window: timedelta, now: datetime, field: str, message: str = "") -> None:
    """Count one attempt before it is looked at, so that many at once do not slip through.

    Raises Refused "too_many" at `field` above `limit` in `window`. Call it outside of the transaction of the work: a refused
    attempt must stay counted. `message` may name %(minutes)d, the minutes to wait.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "now": now, "old": now - window})
        count, since = cursor.fetchone()
    if count > limit:
        left = max(1, -int(-(since + window - now).total_seconds() // 60))
        said = message or _("尝试次数太多。请过 %(minutes)d 分钟再试。")
        raise Refused(said % {"minutes": left}, code="too_many", field=field, minutes=left)


def forget_attempts(*, key: str) -> None:
    """It was right: the next mistakes are counted from none."""
    Attempt.objects.filter(key=key).delete()


def drop_old_attempts(*, before: datetime) -> int:
    """Delete what has not counted since `before`; returns how many."""
    return Attempt.objects.filter(counting_since__lt=before).delete()[0]
