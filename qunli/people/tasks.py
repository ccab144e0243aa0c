from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.people import services


@app.periodic(cron="40 19 * * *")
@app.task(queueing_lock="people.find_duplicates", pass_context=False)
def find_duplicates(timestamp: int) -> int:
    """Every night at 3:40 in Shanghai: records that look alike are offered for merging."""
    return services.find_duplicates(now=timezone.now())


@app.periodic(cron="2 16 * * *")
@app.task(queueing_lock="people.end_minority", pass_context=False)
def end_minority(timestamp: int) -> int:
    """Every day at 0:02 in Shanghai: guardianships of those who are eighteen end."""
    return services.end_minority(now=timezone.now())
