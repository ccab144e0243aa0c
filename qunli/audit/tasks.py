from procrastinate.contrib.django import app

from qunli.audit import services


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="audit.seal", pass_context=False)
def seal_audit(timestamp: int) -> int:
    """Chain the events of the last minute."""
    return services.seal()
