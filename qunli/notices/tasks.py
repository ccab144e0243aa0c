"""Jobs of the queue: notices go outside."""

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from qunli.notices import sms
from qunli.notices.models import Channel, Delivery, DeliveryState, Preference
from qunli.notices.rendering import text_of
from qunli.people.models import Person

TRIES = 8


@app.task(name="notices.deliver", queue="notices", retry=RetryStrategy(max_attempts=TRIES, exponential_wait=5))
def deliver(notices: list[int]) -> None:
    """Send what is pending of some notices. Fails at the end if one did not go out, so that the queue runs it again for those.

    Each is sent under a lock of its own row and marked in the same transaction: a job that is killed sends at most one again.
    """
    failed = 0
    for pk in Delivery.objects.filter(notice__in=notices, state=DeliveryState.PENDING).values_list("pk", flat=True):
        with transaction.atomic():
            row = (
                Delivery.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(pk=pk, state=DeliveryState.PENDING)
                .select_related("notice__person")
                .first()
            )
            if row is not None:
                failed += not _send(row)
    if failed:
        raise sms.NotSent(f"{failed} of {len(notices)} notices did not go out")


def _send(row: Delivery) -> bool:
    person: Person = row.notice.person
    choice = Preference.objects.filter(person=person).first() or Preference(person=person)
    where = person.phone if row.channel == Channel.SMS else person.email
    wanted = choice.sms if row.channel == Channel.SMS else choice.email
    state, error = DeliveryState.SENT, ""
    if not where or not wanted:
        state = DeliveryState.SKIPPED
    else:
        text = text_of(row.notice, choice.language)
        try:
            if row.channel == Channel.SMS:
                sms.sender().send(where, f"{text.subject}：{text.body}" if text.body else text.subject)
            else:
                EmailMessage(text.subject, text.body, to=[where]).send()
        except (sms.NotSent, OSError) as failure:
            state, error = DeliveryState.PENDING, str(failure)[:200]
    done = state != DeliveryState.PENDING
    Delivery.objects.filter(pk=row.pk).update(
        state=state, error=error, tries=F("tries") + 1, done_at=timezone.now() if done else None
    )
    return done
