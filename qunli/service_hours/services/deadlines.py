"""What the clock does: missing sign-outs, and records that are due within 10 working days (办法 11)."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.urls import reverse as address

from qunli.access import selectors as access
from qunli.audit import services as audit
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import add_working_days, local_date
from qunli.notices.services import tell
from qunli.service_hours.enums import Chased, RecordState
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.states import OPEN, RECORD
from qunli.service_hours.windows import LAPSES_AFTER
from qunli.volunteering.models import Activity

REMIND_BEFORE = 3
"""Working days before the due date on which the leader is reminded."""
BATCH = 1_000


def lapse(*, now: datetime) -> int:
    """Records without a sign-out, long after the end, become drafts that wait for the leader; returns how many."""
    with transaction.atomic():
        forgotten = list(
            ServiceRecord.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(state=RecordState.PRESENT, activity__ends_at__lt=now - LAPSES_AFTER)
            .select_related("activity")
            .order_by("pk")[:BATCH]
        )
        if not forgotten:
            return 0
        ServiceRecord.objects.filter(pk__in=[one.pk for one in forgotten]).update(
            state=RECORD.transitions["lapse"].target, state_since=now
        )
        audit.record_many([("service_hours.lapse", f"record:{one.pk}", {}) for one in forgotten], by=SYSTEM)
        for activity, count in _by_activity(forgotten):
            tell(
                [activity.person_in_charge_id],
                "service_hours/sign_out_missing",
                url=address("service_hours:activity_records", args=[activity.pk]),
                title=activity.title,
                count=count,
            )
    return len(forgotten)


def chase(*, now: datetime) -> tuple[int, int]:
    """Remind leaders of records that are due soon, tell the level above of those that are overdue; each once. Returns both numbers.

    The row says who has been told, and is changed with the telling, so that a job that runs twice tells once.
    """
    today = local_date(now)
    soon = add_working_days(today, REMIND_BEFORE).date
    return _chase(Chased.LEADER, soon, today), _chase(Chased.ABOVE, today, today, overdue=True)


def _chase(step: Chased, until: date, today: date, *, overdue: bool = False) -> int:
    due = {"due_on__lt": until} if overdue else {"due_on__lte": until}
    with transaction.atomic():
        waiting = list(
            ServiceRecord.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(state__in=OPEN, chased__lt=step, **due)
            .select_related("activity__team", "activity__division")
            .order_by("pk")[:BATCH]
        )
        ServiceRecord.objects.filter(pk__in=[one.pk for one in waiting]).update(chased=step)
        for activity, count in _by_activity(waiting):
            people = above(activity=activity, on=today) if overdue else [activity.person_in_charge_id]
            tell(
                people,
                "service_hours/hours_overdue" if overdue else "service_hours/hours_due",
                url=address("service_hours:activity_records", args=[activity.pk]),
                title=activity.title,
                count=count,
                due_on=min(one.due_on for one in waiting if one.activity_id == activity.pk).isoformat(),
            )
            audit.record(
                "service_hours.escalate" if overdue else "service_hours.remind", f"activity:{activity.pk}", by=SYSTEM, records=count
            )
    return len(waiting)


def above(*, activity: Activity, on: date) -> list[int]:
    """The persons of the nearest level above who verify hours over the activity's division, without its person in charge."""
    found = [
        (posting.division.level, posting.person_id)
        for role in access.roles_with(Permission.VERIFY)
        for posting in access.holders(role.key, activity.division.path, on)
        if not posting.unit and posting.person_id != activity.person_in_charge_id
    ]
    nearest = max((level for level, _person in found), default=0)
    return sorted({person for level, person in found if level == nearest})


def _by_activity(records: Iterable[ServiceRecord]) -> list[tuple[Activity, int]]:
    counts: dict[int, tuple[Activity, int]] = {}
    for one in records:
        activity, count = counts.get(one.activity_id, (one.activity, 0))
        counts[one.activity_id] = (activity, count + 1)
    return list(counts.values())
