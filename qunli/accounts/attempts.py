"""Counting attempts in the database, so that a limit holds for all processes and survives a restart."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _

from qunli.accounts.models import Attempt
from qunli.kernel.errors import Refused

_COUNT = """
    INSERT INTO accounts_attempt AS a (key, count, counting_since) VALUES (%(key)s, %(number)s, %(now)s)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN a.counting_since <= %(old)s THEN %(number)s ELSE a.count + %(number)s END,
        counting_since = CASE WHEN a.counting_since <= %(old)s THEN %(now)s ELSE a.counting_since END
    RETURNING count, counting_since
"""


def counted(*, key: str, window: timedelta, now: datetime, number: int = 1) -> tuple[int, datetime]:
    """Count `number` more of `key`, by one statement: how many there are in the window now, and when it began."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "number": number, "now": now, "old": now - window})
        count, since = cursor.fetchone()
    return count, since


def count_attempt(*, key: str, limit: int, window: timedelta, now: datetime, field: str, message: str = "") -> None:
    """Count one attempt before it is looked at, so that many at once do not slip through.

    Raises Refused "too_many" at `field` above `limit` in `window`. Call it outside of the transaction of the work: a refused
    attempt must stay counted. `message` may name %(minutes)d, the minutes to wait.
    """
    count, since = counted(key=key, window=window, now=now)
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
