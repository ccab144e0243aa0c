"""Jobs of the queue: what has expired is taken away."""

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.accounts.attempts import drop_old_attempts
from qunli.accounts.models import OneTimeCode, Remembered, Session

KEEP_CODES = timedelta(days=1)
"""The limits look back an hour."""


@app.periodic(cron="20 3 * * *")
@app.task(name="accounts.clear_expired", queue="housekeeping")
def clear_expired(timestamp: int = 0) -> None:
    """Sessions, codes and counts that are over. Sign-ins themselves stand in the audit."""
    now = timezone.now()
    Session.objects.filter(expires_at__lt=now).delete()
    OneTimeCode.objects.filter(created_at__lt=now - KEEP_CODES).delete()
    drop_old_attempts(before=now - KEEP_CODES)
    Remembered.objects.filter(valid_until__lt=now).delete()
