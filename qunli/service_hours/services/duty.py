"""The duty roster (值班表) comes in as a table; the checks compare hours with it."""

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from qunli.audit.services import record as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Refused
from qunli.kernel.lists import listed
from qunli.people.selectors import find_by_phone
from qunli.service_hours.models import DutyShift
from qunli.service_hours.perms import may_enter_duty

HEADINGS = ("手机号码", "区划代码", "开始", "结束")
LONGEST = timedelta(hours=24)
"""A longer shift is a slip of the pen."""
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('service_hours.duty', 5))"


class Loaded(NamedTuple):
    """How many shifts are new, and how many stood already."""

    new: int
    known: int


def load_duty(*, lines: Iterable[str], by: Actor, now: datetime) -> Loaded:
    """Take a roster: CSV with the headings 手机号码, 区划代码, 开始, 结束 (times of Shanghai, as 2026-03-05 09:00).

    All rows or none; a shift that stands already is not written twice. Raises Refused "rows" with every wrong row, its column and
    remedy: an unknown phone or division, one that the actor does not work in, a time that is none, an end before the start.
    The queue then compares the hours of these people with it, also those that are older than what the nightly check looks at.
    """
    reader = csv.DictReader(lines)
    missing = [name for name in HEADINGS if name not in (reader.fieldnames or ())]
    if missing:
        raise Refused(_("表头缺少：%(names)s。") % {"names": listed(missing)}, code="headings", field="file")
    shifts, wrong = [], []
    for number, row in enumerate(reader, 2):
        try:
            shifts.append(_shift(row, by, now))
        except Refused as refused:
            wrong.append(_("第 %(row)d 行：%(message)s") % {"row": number, "message": refused.message})
    if wrong:
        raise Refused("\n".join(wrong), code="rows", field="file")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ONE_AT_A_TIME)
        people = {shift.person_id for shift in shifts}
        known = set(DutyShift.objects.filter(person__in=people).values_list("person", "since", "until"))
        new = {(s.person_id, s.since, s.until): s for s in shifts if (s.person_id, s.since, s.until) not in known}
        written = DutyShift.objects.bulk_create(new.values(), batch_size=2_000)
        audit("service_hours.load_duty", "duty", by=by, new=len(new), rows=len(shifts))
        if written:
            from qunli.service_hours.tasks import check_rostered

            check_rostered.defer(shifts=[shift.pk for shift in written])
    return Loaded(len(new), len(shifts) - len(new))


def _shift(row: dict[str, str], by: Actor, now: datetime) -> DutyShift:
    division = Division.objects.filter(code=(row["区划代码"] or "").strip()).first()
    if division is None or not may_enter_duty(by, division):
        raise Refused(_("区划代码不存在，或不在您的辖区。请核对 12 位代码。"), code="division")
    people = find_by_phone(row["手机号码"] or "")
    if len(people) != 1:
        raise Refused(_("这个手机号码没有登记，或有几个人共用。请核对。"), code="phone")
    since, until = _moment(row["开始"], "开始"), _moment(row["结束"], "结束")
    if not since < until <= since + LONGEST:
        raise Refused(_("结束要晚于开始，并且不超过 24 小时。"), code="times")
    return DutyShift(division=division, person=people[0], since=since, until=until, entered_at=now, entered_by_id=by.person_id)


def _moment(text: str | None, column: str) -> datetime:
    try:
        return datetime.strptime((text or "").strip(), "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
    except ValueError as error:
        message = _("“%(column)s”要写成 2026-03-05 09:00 的样子。") % {"column": column}
        raise Refused(message, code="time") from error
