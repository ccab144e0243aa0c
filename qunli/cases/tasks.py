"""Jobs of the queue."""

import structlog
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.audit import services as audit
from qunli.cases import services
from qunli.cases.checking import check_cases
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date

log = structlog.get_logger(__name__)


@app.periodic(cron="10 0 * * *", periodic_id="cases.press")  # 08:10 in Shanghai
@app.task(name="cases.press", queueing_lock="cases.press")
def press(timestamp: int) -> None:
    """What is overdue is marked, urged, put before the level above; what is settled goes to the archive."""
    while services.press(now=timezone.now()):
        pass
    while services.tidy(now=timezone.now()):
        pass


@app.periodic(cron="40 18 * * *", periodic_id="cases.check")  # 02:40 in Shanghai
@app.task(name="cases.check", queueing_lock="cases.check")
def check(timestamp: int) -> None:
    """The nightly look at all cases; what is found stands in the log and in the audit."""
    found = check_cases(local_date(timezone.now()))
    if found.errors:
        log.error("cases.check", wrong=found.wrong, first=found.errors[:10])
        with transaction.atomic():
            audit.record("cases.check", "cases", by=SYSTEM, wrong=found.wrong, first=found.errors[:10])
