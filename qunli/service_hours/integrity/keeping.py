"""What was found becomes rows, once; who is concerned is told and may reply."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.urls import reverse as address

from qunli.audit import services as audit
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import add_working_days, local_date
from qunli.notices.services import tell
from qunli.rules.services import parameters
from qunli.service_hours.integrity.judging import RULES, Found, Limits, judge
from qunli.service_hours.integrity.loading import COUNTED, around, load
from qunli.service_hours.models import Finding, ServiceRecord

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('service_hours.findings', 4))"


def check_all(*, now: datetime) -> int:
    """Check everything that counts of the last days (`window_days` of the rules); returns how many findings are new."""
    today = local_date(now)
    since = now - timedelta(days=parameters(RULES, on=today)["window_days"])
    return keep(judge(load(since), limits=Limits.on(today)), now=now)


def check_records(records: list[int], *, now: datetime, since: datetime | None = None) -> int:
    """Check the people of these records as they come in, by the same functions as the night; returns how many findings are new.

    Records before `since` are left out; without it, those before what the night looks at.
    """
    today = local_date(now)
    since = since or now - timedelta(days=parameters(RULES, on=today)["window_days"])
    limits = Limits.on(today)
    rows = around(records, since, largest_ring=limits.largest_ring)
    people = set(ServiceRecord.objects.filter(pk__in=records).values_list("person", flat=True))
    own = {record for record, person in zip(rows.record.tolist(), rows.person.tolist(), strict=True) if person in people}
    return keep([each for each in judge(rows, limits=limits) if each.record in own], now=now)


def check_shifts(shifts: list[int], *, now: datetime) -> int:
    """Check the counted records that a roster meets which came later, however old they are; returns how many findings are new."""
    met = dict(
        ServiceRecord.objects.filter(
            state__in=COUNTED,
            person__duty_shifts__in=shifts,
            person__duty_shifts__since__lt=F("signed_out_at"),
            person__duty_shifts__until__gt=F("signed_in_at"),
        ).values_list("pk", "signed_in_at")
    )
    # What the records beside them say (the whole day, the way from the place before) counts as well.
    return check_records(list(met), now=now, since=min(met.values()) - timedelta(days=2)) if met else 0


def keep(found: Iterable[Found], *, now: datetime) -> int:
    """Write what was not found before, and tell the volunteer and who is in charge. One at a time, so that each is told once."""
    by_key = {(each.record, each.kind): each for each in found}
    today = local_date(now)
    until = add_working_days(today, parameters(RULES, on=today)["reply_working_days"]).date
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ONE_AT_A_TIME)
        records = {record for record, _kind in by_key}
        known = set(Finding.objects.filter(record__in=records).values_list("record", "kind"))
        new = Finding.objects.bulk_create(
            (
                Finding(
                    record_id=each.record,
                    kind=each.kind,
                    severity=each.severity,
                    facts=each.facts,
                    others=list(each.others),
                    rules_id=each.version,
                    found_on=today,
                    reply_until=until,
                )
                for key, each in sorted(by_key.items())
                if key not in known
            ),
            batch_size=2_000,
        )
        audit.record_many([("service_hours.find", f"record:{one.record_id}", {"kind": one.kind}) for one in new], by=SYSTEM)
        _tell(new)
    return len(new)


def _tell(found: list[Finding]) -> None:
    records = ServiceRecord.objects.select_related("activity").in_bulk({one.record_id for one in found})
    for one in found:
        record = records[one.record_id]
        tell(
            {record.person_id, record.activity.person_in_charge_id},
            "service_hours/hours_questioned",
            url=address("service_hours:finding", args=[one.pk]),
            title=record.activity.title,
            until=one.reply_until.isoformat(),
        )
