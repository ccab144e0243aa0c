"""What the clock does: missing sign-outs, and records that are due within 10 working days (办法 11)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
from django.db import transaction
from django.urls import reverse as address

from qunli.access import selectors as access
from qunli.audit import services as audit
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import is_working_day, local_date, working_days_between
from qunli.notices.services import tell
from qunli.rules.services import evaluate_columns
from qunli.service_hours.enums import Chased, RecordState
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.states import OPEN, RECORD
from qunli.service_hours.windows import LAPSES_AFTER
from qunli.volunteering.models import Activity

RULES = "hour-deadlines"
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


class Reminder(NamedTuple):
    """A step of the rules: the notice to who is in charge, the one to the level above (none: ""), and the verb of the audit."""

    chased: Chased
    in_charge: str
    above: str
    verb: str


STEPS = {
    "before": Reminder(Chased.BEFORE, "service_hours/hours_due", "", "service_hours.remind"),
    "on": Reminder(Chased.ON_DAY, "service_hours/hours_due_today", "", "service_hours.remind"),
    "after": Reminder(Chased.AFTER, "service_hours/hours_late", "service_hours/hours_overdue", "service_hours.escalate"),
}


def chase(*, now: datetime) -> dict[str, int]:
    """Remind of records that are due: before the day, on it and after it, each once, by the rules "hour-deadlines".

    Returns how many records each step found. The row says which step was the last, and is changed with the telling: a job that runs
    twice tells once. A step that was slept through is not made up for by one that comes later. No one is reminded on days off.
    """
    today = local_date(now)
    found = dict.fromkeys(STEPS, 0)
    if is_working_day(today):
        for step, days in _due_days(today).items():
            found[step] = _chase(STEPS[step], days, today)
    return found


def _due_days(today: date) -> dict[str, list[date]]:
    """The due days of open records by the step that the rules of today have for them."""
    rows = ServiceRecord.objects.filter(state__in=OPEN, chased__lt=Chased.AFTER).values_list("due_on", flat=True)
    days = list(rows.order_by("due_on").distinct())
    if not days:
        return {}
    left = np.array([working_days_between(today, day) for day in days], np.int64)
    answers = evaluate_columns(RULES, {"working_days_left": left}, on=today, missing=False).result("step")
    steps: dict[str, list[date]] = {}
    for day, step in zip(days, answers, strict=True):
        if step is not None:
            steps.setdefault(step, []).append(day)
    return steps


def _chase(step: Reminder, days: list[date], today: date) -> int:
    with transaction.atomic():
        waiting = list(
            ServiceRecord.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(state__in=OPEN, chased__lt=step.chased, due_on__in=days)
            .select_related("activity__team", "activity__division")
            .order_by("pk")[:BATCH]
        )
        ServiceRecord.objects.filter(pk__in=[one.pk for one in waiting]).update(chased=step.chased)
        for activity, count in _by_activity(waiting):
            url = address("service_hours:activity_records", args=[activity.pk])
            facts: dict[str, Any] = {
                "title": activity.title,
                "count": count,
                "due_on": min(one.due_on for one in waiting if one.activity_id == activity.pk).isoformat(),
            }
            tell([activity.person_in_charge_id], step.in_charge, url=url, **facts)
            if step.above:
                tell(above(activity=activity, on=today), step.above, url=url, **facts)
            audit.record(step.verb, f"activity:{activity.pk}", by=SYSTEM, records=count, step=step.chased.name.lower())
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
