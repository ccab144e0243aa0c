"""Jobs of the queue: contents that no row names are taken away."""

from datetime import timedelta
from uuid import UUID

from django.core.files.storage import default_storage
from django.utils import timezone
from procrastinate.contrib.django import app

from qunli.files.models import Attachment

GRACE = timedelta(days=1)


@app.periodic(cron="40 3 * * *")
@app.task(name="files.sweep", queue="housekeeping")
def sweep(timestamp: int = 0) -> int:
    """Delete contents older than a day that belong to no attachment (a transaction rolled back). Returns how many."""
    gone = 0
    for folder in default_storage.listdir("")[0]:
        names = default_storage.listdir(folder)[1]
        keys = {name: UUID(hex=name) for name in names if len(name) == 32}
        known = set(Attachment.objects.filter(key__in=keys.values()).values_list("key", flat=True))
        for name, key in keys.items():
            path = f"{folder}/{name}"
            if key not in known and timezone.now() - default_storage.get_modified_time(path) > GRACE:
                default_storage.delete(path)
                gone += 1
    return gone
