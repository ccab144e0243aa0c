"""Telling people, and their choices about it."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.audit.services import record
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.notices import sms as gateway
from qunli.notices.models import Channel, Delivery, Feed, Notice, Preference

BATCH = 500
"""Notices per job of the queue."""


def tell(person_ids: Iterable[int], template: str, *, url: str = "", sms: bool = False, **facts: Any) -> int:
    """Put a notice before each person, in the caller's transaction; returns how many.

    `template` is `templates/notices/<template>.txt` of any room: first line the subject, then the text. `facts` must be plain
    JSON values; they are rendered in the reader's language when it is read. With `sms` it also goes outside by the channels
    that the person chose; the queue's jobs are written in the same transaction, so nothing is sent if it rolls back.
    """
    people = dict.fromkeys(person_ids)
    told = Notice.objects.bulk_create(
        [Notice(person_id=person, template=template, url=url, facts=facts) for person in people], batch_size=2_000
    )
    if sms and told:
        from qunli.notices.tasks import deliver

        wants_email = set(Preference.objects.filter(person_id__in=people, email=True).values_list("person_id", flat=True))
        Delivery.objects.bulk_create(
            [Delivery(notice=notice, channel=Channel.SMS) for notice in told]
            + [Delivery(notice=notice, channel=Channel.EMAIL) for notice in told if notice.person_id in wants_email],
            batch_size=2_000,
        )
        ids = [notice.pk for notice in told]
        for start in range(0, len(ids), BATCH):
            deliver.defer(notices=ids[start : start + BATCH])
    return len(told)


def send_sms(phone: str, text: str) -> None:
    """Send at once, for codes that a person is waiting for. Raises Refused "not_sent" at `phone`."""
    try:
        gateway.sender().send(phone, text)
    except gateway.NotSent as error:
        raise Refused(_("短信没有发出去，请稍后再试，或用其他方式登录。"), code="not_sent", field="phone") from error


def mark_read(*, notice_ids: Iterable[int] | None, by: Actor, now: datetime) -> int:
    """Mark some of the actor's own notices read (None: all). Returns how many were unread."""
    mine = Notice.objects.visible_to(by).unread()
    if notice_ids is not None:
        mine = mine.filter(pk__in=list(notice_ids))
    return mine.update(read_at=now)


def set_preferences(*, person_id: int, by: Actor, **choices: Any) -> None:
    """Set `sms`, `email` and / or `language` of one's own."""
    if by.person_id != person_id:
        raise Denied("notices.set_preferences", _("只能修改自己的通知设置。"))
    Preference.objects.update_or_create(person_id=person_id, defaults=choices)


def renew_feed(*, by: Actor, now: datetime) -> str:
    """A new secret key for the calendar feed of the actor; the old address stops working at once. The key is shown once."""
    if by.person_id is None:
        raise Refused(_("请先登记个人资料，再订阅日历。"), code="no_person")
    key = secrets.token_urlsafe(24)
    with transaction.atomic():
        Feed.objects.update_or_create(person_id=by.person_id, defaults={"digest": sha256(key.encode()).digest(), "created_at": now})
        record("notices.renew_feed", f"person:{by.person_id}", by=by)
    return key
