"""The word of who was served (服务对象确认): asked by a message to their phone, said once, without an account."""

import hmac
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse as address
from django.utils import translation
from django.utils.translation import gettext as _

from qunli.access.selectors import actor_of
from qunli.accounts.services import count_attempt
from qunli.audit.services import record as audit
from qunli.kernel.actor import NOBODY, Actor
from qunli.kernel.ciphers import blind_index
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.kernel.masking import mask_phone
from qunli.notices.services import send_sms
from qunli.people.identity import normal_phone
from qunli.people.models import Person
from qunli.people.selectors import find_by_phone
from qunli.service_hours import perms
from qunli.service_hours.enums import ServedAnswer, ServedRole, ServedWay
from qunli.service_hours.models import ServedRecord, ServedStatement, ServiceRecord
from qunli.service_hours.services.photos import check_may_add

VALID = timedelta(hours=72)
"""How long link and code work: a contact of an institution may be back after the weekend."""
CODE_DIGITS = 6
TRIES = 5
"""Of a code, over the whole time: one in 200,000 is guessed."""
ASKS, ASKS_WINDOW = 3, timedelta(days=1)
"""Messages to one phone, and about one record: nobody is pestered."""
AT_ONCE = 200
"""Records that one message asks about."""

_SAY = """
    WITH said AS (
        UPDATE service_hours_servedstatement SET answer = %(answer)s, way = %(way)s, answered_at = %(now)s
        WHERE id = %(id)s AND answer = '' AND valid_until >= %(now)s RETURNING id
    )
    UPDATE service_hours_servedrecord AS line SET there = %(came)s AND (%(all)s OR line.id = ANY(%(lines)s))
    FROM said WHERE line.statement_id = said.id RETURNING line.record_id, line.there
"""


def ask_served(
    *, records: Sequence[ServiceRecord], phone: str, role: ServedRole, by: Actor, now: datetime
) -> tuple[ServedStatement, str]:
    """Ask the person served, or the institution's contact, whether the volunteers of these records came. Returns what was asked,
    and the link's token, which nobody but the message and the demonstration gets to see.

    Raises Denied; Refused at "phone": not a phone, "own_phone" (of somebody who takes part or answers for it), "too_many",
    "no_records", "not_ended", "state", "over", "not_sent".
    """
    if not records or len(records) > AT_ONCE or len({one.activity_id for one in records}) != 1:
        raise Refused(_("没有可以请服务对象确认的记录：志愿者签退以后才能确认。"), code="no_records", field="phone")
    for one in records:
        check_may_add(record=one, by=by, now=now, field="phone")
        if one.signed_out_at is None:
            raise Refused(_("志愿者签退以后才能请服务对象确认。"), code="not_ended", field="phone")
    phone = normal_phone(phone)
    # Counted first, so that nobody tries out whose phone is that of somebody who takes part.
    _count_asks(records, phone, now)
    _not_of_those_involved(records, phone, by, now)
    token, code = secrets.token_urlsafe(24), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    digest, activity = sha256(token.encode()).digest(), records[0].activity
    with transaction.atomic():
        statement = ServedStatement.objects.create(
            activity=activity,
            role=role,
            contact=mask_phone(phone),
            token_digest=digest,
            code_digest=_code_digest(digest, code),
            asked_at=now,
            asked_by_id=by.person_id or 0,
            valid_until=now + VALID,
        )
        ServedRecord.objects.bulk_create(ServedRecord(statement=statement, record=one) for one in records)
        audit("service_hours.ask_served", f"served:{statement.pk}", by=by, records=[one.pk for one in records], role=role.value)
        # The last thing of the transaction: what was not sent was not asked. Not by the queue: its table must not hold the code.
        with translation.override(settings.LANGUAGE_CODE):
            send_sms(
                phone,
                _(
                    "%(team)s请您确认：%(day)s“%(title)s”的志愿者来过吗？来过，请把确认码 %(code)s 告诉志愿者，或打开 %(link)s 。"
                    "没有来过，请打开链接说明，不要告诉别人确认码。"
                )
                % {
                    "team": activity.team.name,
                    "day": f"{local_date(activity.starts_at):%m-%d}",
                    "title": activity.title,
                    "code": code,
                    "link": settings.SITE_URL + address("service_hours:served", args=[token]),
                },
            )
    return statement, token


def say_served(*, statement: ServedStatement, came: bool, lines: Iterable[int] | None, now: datetime) -> ServedStatement:
    """The answer of who holds the link: whether they came, and which of them (`lines` of the statement; None: all).

    Said once, by one statement; said again, it changes nothing. Raises Refused "over" when the time for it has passed, and at
    "came" "nobody" when they came but none of `lines` is of the statement.
    """
    if lines is not None:
        lines = list(statement.lines.filter(pk__in=list(lines)).values_list("pk", flat=True))
        if came and not lines:
            raise Refused(_("请勾选来过的人；一个都没有来，请点“没有来过”。"), code="nobody", field="came")
    return _say(statement, came=came, lines=lines, way=ServedWay.LINK, by=NOBODY, now=now)


def tell_code(*, statement: ServedStatement, code: str, by: Actor, now: datetime) -> ServedStatement:
    """The volunteer, or who runs the day, enters the code that the person served told them: all of the statement came.

    Raises Denied; Refused at "code": "code_form", "code_wrong", "too_many", "over", "state", "answered" (by the link).
    """
    records = [line.record for line in statement.lines.select_related("record__activity__division", "record__activity__team")]
    for one in records:
        check_may_add(record=one, by=by, now=now, field="code")
    if statement.answer:
        return _by_code(statement)
    text = "".join(unicodedata.normalize("NFKC", code).split())
    if len(text) != CODE_DIGITS or not text.isdecimal():
        raise Refused(_("确认码是 6 位数字，请问服务对象手机短信里的数字。"), code="code_form", field="code")
    too_many = _("确认码错得太多，这条短信不能再用。请重新发一条。")
    count_attempt(key=f"served:{statement.pk}", limit=TRIES, window=VALID, now=now, field="code", message=too_many)
    if not hmac.compare_digest(bytes(statement.code_digest), _code_digest(bytes(statement.token_digest), text)):
        raise Refused(_("确认码不对。请核对服务对象手机短信里的 6 位数字。"), code="code_wrong", field="code")
    return _by_code(_say(statement, came=True, lines=None, way=ServedWay.CODE, by=by, now=now))


def _by_code(statement: ServedStatement) -> ServedStatement:
    """Who answered by the link may have said something else than a code says."""
    if statement.way != ServedWay.CODE:
        raise Refused(_("服务对象已经打开链接答复过，确认码不再有用。"), code="answered", field="code")
    return statement


def _say(
    statement: ServedStatement, *, came: bool, lines: Iterable[int] | None, way: ServedWay, by: Actor, now: datetime
) -> ServedStatement:
    answer = ServedAnswer.CAME if came else ServedAnswer.NOBODY
    values: dict[str, Any] = {"id": statement.pk, "answer": answer.value, "way": way.value, "now": now, "came": came}
    chosen = None if lines is None else list(lines)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_SAY, {**values, "all": chosen is None, "lines": chosen or []})
            said = cursor.fetchall()
        if said:
            there = sorted(record for record, was_there in said if was_there)
            audit("service_hours.say_served", f"served:{statement.pk}", by=by, answer=answer.value, way=way.value, there=there)
    statement.refresh_from_db()
    if not statement.answer:
        raise Refused(_("确认的时间已过。如果需要，请志愿者重新发一条短信。"), code="over", field="code")
    return statement


def _not_of_those_involved(records: Sequence[ServiceRecord], phone: str, by: Actor, now: datetime) -> None:
    """Nobody is a witness of what they did, recorded or answer for: not for themselves, nor one for another."""
    activity = records[0].activity
    involved = {by.person_id, activity.person_in_charge_id}
    for one in records:
        involved |= {one.person_id, one.recorded_by_id, one.submitted_by_id, one.verified_by_id}
    people = find_by_phone(phone)
    involved |= set(activity.sign_ups.filter(person__in=people).exclude(state="cancelled").values_list("person_id", flat=True))
    if any(person.pk in involved or _answers_for(person, records[0], now) for person in people):
        message = _("这是志愿者或负责人自己的手机号码。请填写服务对象、家属或接受服务的单位的号码。")
        raise Refused(message, code="own_phone", field="phone")


def _answers_for(person: Person, record: ServiceRecord, now: datetime) -> bool:
    actor = actor_of(person, local_date(now))
    return perms.may_record(actor, record.activity) or perms.may_verify(actor, record)


def _count_asks(records: Sequence[ServiceRecord], phone: str, now: datetime) -> None:
    too_many = _("今天已经发过几条确认短信了，请不要打扰服务对象。请过 %(minutes)d 分钟再试。")
    keys = [f"served-phone:{blind_index('phone', phone).hex()[:32]}", f"served-ask:{records[0].activity_id}:{records[0].pk}"]
    for key in keys:
        count_attempt(key=key, limit=ASKS, window=ASKS_WINDOW, now=now, field="phone", message=too_many)


def _code_digest(token_digest: bytes, code: str) -> bytes:
    return blind_index("served", f"{token_digest.hex()}:{code}")
