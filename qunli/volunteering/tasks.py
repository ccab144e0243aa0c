"""Jobs of the queue."""

from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.volunteering import services
from qunli.volunteering.matching import pool
from qunli.volunteering.models import MatchPlan


@app.periodic(cron="*/5 * * * *")
@app.task(name="volunteering.close_ended", queueing_lock="volunteering.close_ended", pass_context=False)
def close_ended(timestamp: int) -> int:
    """Close the activities that ended, until none is left: no-shows are marked, waiting lists end."""
    closed = total = services.close_ended(now=timezone.now())
    while closed:
        closed = services.close_ended(now=timezone.now())
        total += closed
    return total


@app.periodic(cron="*/10 * * * *")
@app.task(name="volunteering.refresh_match_pool", queueing_lock="volunteering.refresh_match_pool", pass_context=False)
def refresh_match_pool(timestamp: int) -> int:
    """Read again who may be asked, for every process."""
    return pool.write(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="volunteering.refresh_openings", queueing_lock="volunteering.refresh_openings", pass_context=False)
def refresh_openings(timestamp: int) -> int:
    """Read again what is open, for every process."""
    return pool.write_openings(timezone.now())


@app.periodic(cron="*/10 * * * *")
@app.task(name="volunteering.expire_invitations", queueing_lock="volunteering.expire_invitations", pass_context=False)
def expire_invitations(timestamp: int) -> int:
    """End the invitations that were not answered in time."""
    return services.expire_invitations(now=timezone.now())


@app.task(name="volunteering.compute_plan", pass_context=False)
def compute(plan: int) -> None:
    """Compute a plan that is too large for a page."""
    found = MatchPlan.objects.select_related("division").get(pk=plan)
    try:
        services.compute_plan(plan=found, now=timezone.now())
    except Exception as error:
        services.fail_plan(plan=found, why=type(error).__name__)
        raise
