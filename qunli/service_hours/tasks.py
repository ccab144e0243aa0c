"""What the queue does for this room."""

from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.service_hours.due import tally
from qunli.service_hours.integrity.keeping import check_all, check_records, check_shifts
from qunli.service_hours.sealing import seal
from qunli.service_hours.services import chase, draw_round, lapse
from qunli.service_hours.stars.keeping import keep_all


@app.periodic(cron="*/20 * * * *", periodic_id="service_hours.lapse")
@app.task(name="service_hours.lapse", queueing_lock="service_hours.lapse")
def lapse_forgotten(timestamp: int) -> None:
    """Records without a sign-out go to the leader, 12 hours after the end."""
    while lapse(now=timezone.now()):
        pass


@app.periodic(cron="30 0 * * *", periodic_id="service_hours.chase")  # 08:30 in Shanghai
@app.task(name="service_hours.chase", queueing_lock="service_hours.chase")
def chase_due(timestamp: int) -> None:
    """Reminders of records that are due: before the day, on it, and after it to the level above too."""
    while any(chase(now=timezone.now()).values()):
        pass


@app.periodic(cron="50 19 * * *", periodic_id="service_hours.tally_due")  # 03:50 in Shanghai
@app.task(name="service_hours.tally_due", queueing_lock="service_hours.tally_due")
def tally_due(timestamp: int) -> None:
    """How organisations kept to the 10 working days, counted anew."""
    tally(now=timezone.now())


@app.periodic(cron="10 18 * * *", periodic_id="service_hours.seal")  # 02:10 in Shanghai
@app.task(name="service_hours.seal", queueing_lock="service_hours.seal")
def seal_ledger(timestamp: int) -> None:
    """What was written to the ledger of hours since yesterday is sealed."""
    seal(now=timezone.now())


@app.task(name="service_hours.check_verified")
def check_verified(records: list[int]) -> None:
    """Hours that were just verified are checked against fabrication."""
    check_records(records, now=timezone.now())


@app.task(name="service_hours.check_rostered")
def check_rostered(shifts: list[int]) -> None:
    """Hours are compared with a duty roster that was just taken."""
    check_shifts(shifts, now=timezone.now())


@app.periodic(cron="40 18 * * *", periodic_id="service_hours.check_all")  # 02:40 in Shanghai
@app.task(name="service_hours.check_all", queueing_lock="service_hours.check_all")
def check_nightly(timestamp: int) -> None:
    """Everything of the last quarter, by the same checks."""
    check_all(now=timezone.now())


@app.periodic(cron="20 19 * * *", periodic_id="service_hours.keep_stars")  # 03:20 in Shanghai
@app.task(name="service_hours.keep_stars", queueing_lock="service_hours.keep_stars")
def keep_stars(timestamp: int) -> None:
    """Stars that the hours earn are proposed; what they do not carry any more is taken back."""
    keep_all(now=timezone.now())


@app.task(name="service_hours.draw_sample")
def draw_sample(sampling_round: int) -> None:
    """A planned spot check is drawn."""
    draw_round(round_id=sampling_round, now=timezone.now())
