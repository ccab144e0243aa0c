"""Jobs of the queue."""

from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.volunteering import services


@app.periodic(cron="*/5 * * * *")
@app.task(name="volunteering.close_ended", queueing_lock="volunteering.close_ended", pass_context=False)
def close_ended(timestamp: int) -> int:
    """Close the activities that ended, until none is left: no-shows are marked, waiting lists end."""
    closed = total = services.close_ended(now=timezone.now())
    while closed:
        closed = services.close_ended(now=timezone.now())
        total += closed
    return total
