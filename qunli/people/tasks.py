from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.people import services


@app.periodic(cron="40 19 * * *")
@app.task(queueing_lock="people.find_duplicates", pass_context=False)
def find_duplicates(timestamp: int) -> int:
    """Every night at 3:40 in Shanghai: records that look alike are offered for merging."""
    return services.find_duplicates(now=timezone.now())
