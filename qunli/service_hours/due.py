"""What is due within 10 working days (办法 11): the list of an officer or leader, and how each organisation kept to it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, IntegerField, Min, Q, Sum, Value
from django.db.models.functions import Coalesce

from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date, working_days_between
from qunli.kernel.pages import Page, paginate
from qunli.service_hours.enums import RecordState
from qunli.service_hours.models import DueTally, ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.querysets import in_reach
from qunli.service_hours.selectors import activities
from qunli.service_hours.states import OPEN
from qunli.volunteering.models import Activity, Team

WORKING = (Permission.RECORD, Permission.VERIFY)
KEPT_MONTHS = 24
"""Months back for which the night counts anew; older ones stay as they are."""
PERIODS = (3, 1, 12)
"""Months that a page may cover, with the present one; the first is the usual."""

TALLY = """
    INSERT INTO service_hours_duetally (team_id, month, owed, on_time, late, overdue)
    SELECT a.team_id, date_trunc('month', r.due_on)::date, count(*),
        count(*) FILTER (WHERE (e.created_at AT TIME ZONE 'Asia/Shanghai')::date <= r.due_on),
        count(*) FILTER (WHERE (e.created_at AT TIME ZONE 'Asia/Shanghai')::date > r.due_on),
        count(*) FILTER (WHERE e.id IS NULL)
    FROM service_hours_servicerecord r
    JOIN volunteering_activity a ON a.id = r.activity_id
    LEFT JOIN service_hours_hourentry e ON e.record_id = r.id AND e.turn = 0
    WHERE r.due_on >= %(since)s AND r.due_on < %(today)s AND r.state <> 'void'
    GROUP BY 1, 2
"""


def months_back(day: date, months: int) -> date:
    """The first day of the month that lies so many months before that of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def tally(*, now: datetime) -> int:
    """Make the roll-up of the last months anew, in one statement and one transaction; returns its rows."""
    today = local_date(now)
    since = months_back(today, KEPT_MONTHS)
    with transaction.atomic(), connection.cursor() as cursor:
        # Two at once would both delete and both insert: the second waits, then makes it anew.
        cursor.execute("LOCK TABLE service_hours_duetally IN SHARE ROW EXCLUSIVE MODE")
        DueTally.objects.filter(month__gte=since).delete()
        cursor.execute(TALLY, {"since": since, "today": today})
        return int(cursor.rowcount)


@dataclass(frozen=True)
class Kept:
    """Numerators with their denominator, and the share on time (None where nothing was owed)."""

    owed: int
    on_time: int
    late: int
    overdue: int

    @property
    def share(self) -> float | None:
        return self.on_time / self.owed if self.owed else None


def due_list(
    *,
    actor: Actor,
    now: datetime,
    team: int | None = None,
    cursor: str | None,
    size: int = 20,
    holds: tuple[Permission, ...] = WORKING,
) -> Page[Activity]:
    """Activities within the reach of what the actor `holds` with records still to hand in or to verify, the fewest days left first.

    Each carries `to_enter` and `to_verify` (records), `due_on`, and `days_left` in working days, negative when overdue. The order
    is that of the end, which is the order of the due days.
    """
    # From the few open records (a partial index) to their activities, not from all activities to their records.
    waiting = ServiceRecord.objects.filter(state__in=OPEN).values("activity")
    rows = activities().filter(in_reach(actor, holds, ""), pk__in=waiting)
    if team is not None:
        rows = rows.filter(team=team)
    page = paginate(rows, order=("ends_at", "id"), cursor=cursor, size=size)
    submitted = Q(state=RecordState.SUBMITTED)
    counts = (
        ServiceRecord.objects.filter(activity__in=[one.pk for one in page.items], state__in=OPEN)
        .values("activity")
        .annotate(due=Min("due_on"), verify=Count("pk", filter=submitted), enter=Count("pk", filter=~submitted))
    )
    by_activity: dict[int, dict[str, Any]] = {row["activity"]: dict(row) for row in counts}
    today = local_date(now)
    for one in page.items:
        row = by_activity.get(one.pk, {"due": today, "verify": 0, "enter": 0})
        one.to_enter, one.to_verify, one.due_on = row["enter"], row["verify"], row["due"]  # type: ignore[attr-defined]
        one.days_left = working_days_between(today, row["due"])  # type: ignore[attr-defined]
        one.days_late = -one.days_left  # type: ignore[attr-defined]
    return page


def _reach(actor: Actor) -> Q:
    """Teams of the divisions that the actor sees hours of, and those that the actor is posted to."""
    reach = Q(pk__in=[int(unit.removeprefix("team:")) for unit in actor.units(Permission.SEE) if unit.startswith("team:")])
    for prefix in actor.ranges(Permission.SEE):
        if prefix == "":
            return Q()
        reach |= Q(division__path__startswith=prefix)
    return reach


def _since(now: datetime, months: int) -> date:
    return months_back(local_date(now), (months if months in PERIODS else PERIODS[0]) - 1)


def _sum(name: str, since: date) -> Coalesce:
    return Coalesce(Sum(f"due_tallies__{name}", filter=Q(due_tallies__month__gte=since)), Value(0), output_field=IntegerField())


def teams(*, actor: Actor, now: datetime, months: int, cursor: str | None, size: int = 30) -> Page[Team]:
    """Organisations in the actor's reach with records due in the last months, the most that are late or overdue first.

    Each carries `owed`, `on_time`, `late`, `overdue`, `missed` (late and overdue) and `share`.
    """
    since = _since(now, months)
    rows = Team.objects.filter(_reach(actor), due_tallies__month__gte=since).select_related("division")
    rows = rows.annotate(**{name: _sum(name, since) for name in ("owed", "on_time", "late", "overdue")})
    page = paginate(rows.annotate(missed=F("late") + F("overdue")), order=("-missed", "-id"), cursor=cursor, size=size)
    for one in page.items:
        one.share = one.on_time / one.owed if one.owed else None  # type: ignore[attr-defined]
    return page


def kept(*, actor: Actor, now: datetime, months: int, team: int | None = None) -> Kept:
    """All organisations in the actor's reach together, or one of them."""
    rows = DueTally.objects.filter(month__gte=_since(now, months))
    if team is not None:
        rows = rows.filter(team=team)
    found = rows.filter(team__in=Team.objects.filter(_reach(actor)).values("pk")).aggregate(
        **{name: Coalesce(Sum(name), 0) for name in ("owed", "on_time", "late", "overdue")}
    )
    return Kept(**found)


def visible_team(*, team_id: int, actor: Actor) -> Team | None:
    """A team whose hours the actor sees."""
    return Team.objects.filter(_reach(actor), pk=team_id).select_related("division").first()
