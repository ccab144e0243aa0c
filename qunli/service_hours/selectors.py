"""Reads: the day of an activity, records and ledger, what waits for whom, certificates."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum, Value, prefetch_related_objects
from django.utils.translation import gettext as _

from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.masking import mask_name
from qunli.kernel.pages import Page, paginate
from qunli.kernel.timelines import Moment, Step, timeline
from qunli.people.enums import Purpose
from qunli.people.models import Consent
from qunli.service_hours import perms
from qunli.service_hours.enums import EntryKind, RecordState
from qunli.service_hours.models import Certificate, Finding, HourEntry, LateStatement, Seal, ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.querysets import evidence, in_reach
from qunli.service_hours.states import OPEN, RECORD
from qunli.service_hours.windows import OPENS_BEFORE
from qunli.volunteering.models import Activity, SignUp


class Next(StrEnum):
    """The one thing that a volunteer can do next on the day."""

    NOT_SIGNED_UP = "not_signed_up"
    WAITING = "waiting"
    CANCELLED = "cancelled"
    TOO_EARLY = "too_early"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    MISSED = "missed"
    DONE = "done"


@dataclass(frozen=True)
class Day:
    """An activity as one volunteer sees it on the day."""

    activity: Activity
    sign_up: SignUp | None
    record: ServiceRecord | None
    next: Next
    opens_at: datetime
    by_place: bool
    """The activity has a place on the map."""
    consented: bool
    """The person has agreed to the use of the place."""


@dataclass(frozen=True)
class Attendance:
    """Who is expected, present and out, in the order of their names."""

    expected: list[SignUp] = field(default_factory=list)
    present: list[SignUp] = field(default_factory=list)
    out: list[SignUp] = field(default_factory=list)
    waiting: int = 0

    @property
    def all(self) -> int:
        return len(self.expected) + len(self.present) + len(self.out)

    @property
    def stamp(self) -> str:
        """Changes whenever somebody comes or goes."""
        return Headcount(len(self.expected), len(self.present), len(self.out)).stamp


class Headcount(NamedTuple):
    expected: int
    present: int
    out: int

    @property
    def stamp(self) -> str:
        """Changes whenever somebody comes or goes."""
        return f"{self.expected}-{self.present}-{self.out}"


@dataclass(frozen=True)
class Totals:
    """Minutes of one volunteer: in the ledger, and on the way there."""

    minutes: int
    services: int
    pending: int
    pending_minutes: int
    disputed: int
    stars: int
    """The highest star granted and not reversed; 0 for none."""


def activities() -> QuerySet[Activity]:
    """Activities with what this room needs of them."""
    return Activity.objects.select_related("team__division", "division", "person_in_charge")


def day(*, activity_id: int, actor: Actor, now: datetime) -> Day | None:
    """The day of an activity for the actor; None when the actor may not see the activity."""
    seen = Activity.objects.visible_to(actor).select_related("team__division", "division", "person_in_charge")
    activity = seen.filter(pk=activity_id).first()
    if activity is None:
        return None
    sign_up = record = None
    consented = False
    if actor.person_id is not None:
        sign_up = SignUp.objects.filter(activity=activity, person=actor.person_id).order_by("-created_at").first()
        record = ServiceRecord.objects.filter(activity=activity, person=actor.person_id).first()
        consented = Consent.objects.filter(person=actor.person_id, purpose=Purpose.LOCATION, withdrawn_at=None).exists()
    return Day(
        activity,
        sign_up,
        record,
        next_step(activity, sign_up, record, now),
        activity.starts_at - OPENS_BEFORE,
        activity.longitude is not None and activity.latitude is not None,
        consented,
    )


def next_step(activity: Activity, sign_up: SignUp | None, record: ServiceRecord | None, now: datetime) -> Next:
    """What the volunteer can do next; a pure decision over the rows."""
    if record is not None:
        return Next.SIGN_OUT if record.state == RecordState.PRESENT else Next.DONE
    if activity.state == "cancelled":
        return Next.CANCELLED
    if sign_up is None or sign_up.state == "cancelled":
        return Next.NOT_SIGNED_UP
    if sign_up.state == "waiting":
        return Next.WAITING
    if now < activity.starts_at - OPENS_BEFORE:
        return Next.TOO_EARLY
    return Next.SIGN_IN if now <= activity.ends_at else Next.MISSED


def my_days(*, actor: Actor, now: datetime) -> QuerySet[SignUp]:
    """The actor's sign-ups from today on, and those of today that are over; the next first."""
    today = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = SignUp.objects.filter(person=actor.person_id or 0, state__in=["confirmed", "attended"], activity__ends_at__gte=today)
    return mine.select_related("activity__team", "activity__division", "record").order_by("activity__starts_at", "pk")


def led_days(*, actor: Actor, now: datetime) -> QuerySet[Activity]:
    """Activities of today and of the next seven days that the actor runs, with those of a leader's own teams only."""
    teams = [int(unit.removeprefix("team:")) for unit in actor.units(Permission.RECORD) if unit.startswith("team:")]
    today = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        activities()
        .filter(team__in=teams, state__in=["published", "closed"], ends_at__gte=today, starts_at__lt=today + timedelta(days=8))
        .order_by("starts_at", "pk")
    )


def run_by(*, activity_id: int, actor: Actor) -> Activity | None:
    """An activity whose day the actor may run, else None."""
    found = activities().filter(in_reach(actor, (Permission.RECORD,), ""), pk=activity_id).first()
    return found if found is not None and perms.may_record(actor, found) else None


def sign_up_run_by(*, sign_up_id: int, actor: Actor) -> SignUp | None:
    """A sign-up for an activity whose day the actor may run, else None."""
    rows = SignUp.objects.filter(in_reach(actor, (Permission.RECORD,), "activity"))
    return rows.select_related("activity__team", "activity__division", "person").filter(pk=sign_up_id).first()


def attendance(*, activity: Activity, name: str = "") -> Attendance:
    """For who runs the day (the caller has asked `run_by`). `name` narrows to names that contain it."""
    rows = SignUp.objects.filter(activity=activity).exclude(state="cancelled").select_related("person", "post", "record")
    if name:
        rows = rows.filter(person__name__contains=name)
    found = Attendance()
    waiting = 0
    for row in sorted(rows, key=lambda row: (row.person.name, row.pk)):
        record = getattr(row, "record", None)
        if row.state == "waiting":
            waiting += 1
        elif record is None:
            found.expected.append(row)
        elif record.state == RecordState.PRESENT:
            found.present.append(row)
        else:
            found.out.append(row)
    return Attendance(found.expected, found.present, found.out, waiting)


def headcount(*, activity: Activity) -> Headcount:
    """The numbers alone, for the screen that asks every half minute."""
    rows = SignUp.objects.filter(activity=activity).exclude(state__in=["cancelled", "waiting"])
    counts = rows.aggregate(
        expected=Count("pk", filter=Q(record=None)),
        present=Count("pk", filter=Q(record__state=RecordState.PRESENT)),
        all=Count("pk"),
    )
    return Headcount(counts["expected"], counts["present"], counts["all"] - counts["expected"] - counts["present"])


def visible_record(*, record_id: int, actor: Actor) -> ServiceRecord | None:
    """A record that the actor may see, with everything that its page shows."""
    rows = ServiceRecord.objects.visible_to(actor).select_related(
        "person", "activity__team", "activity__division", "verified_by", "submitted_by", "recorded_by"
    )
    # Most records have none of it: asked with the record, fetched when there is.
    kinds = ("photos", "late_statements", "served")
    there = {f"has_{kind}": Exists(ServiceRecord.objects.filter(pk=OuterRef("pk"), **{f"{kind}__isnull": False})) for kind in kinds}
    found = rows.annotate(**there).filter(pk=record_id).first()
    if found is not None:
        prefetch_related_objects([found], *evidence(absent=frozenset(kind for kind in kinds if not getattr(found, f"has_{kind}"))))
    return found


def my_records(*, actor: Actor, cursor: str | None, size: int = 20) -> Page[ServiceRecord]:
    """The actor's own records, the latest first, with what a line of the list says."""
    rows = ServiceRecord.objects.filter(person=actor.person_id or 0).select_related("activity__team", "person").only(*LINE)
    return paginate(rows, order=("-signed_in_at", "-id"), cursor=cursor, size=size)


OTHERS = ("activity__title", "activity__starts_at", "activity__team__name", "person__name")
LINE = (*(column.name for column in ServiceRecord._meta.concrete_fields), *OTHERS)
TOTALS = """
    SELECT coalesce((SELECT minutes FROM volunteering_volunteer WHERE person_id = %(person)s), 0),
        count(*) FILTER (WHERE state IN ('verified', 'confirmed', 'corrected', 'disputed')),
        count(*) FILTER (WHERE state = ANY(%(open)s)), coalesce(sum(minutes) FILTER (WHERE state = ANY(%(open)s)), 0),
        count(*) FILTER (WHERE state = 'disputed'),
        coalesce((
            SELECT max(e.level) FROM service_hours_starentry e WHERE e.person_id = %(person)s AND e.kind = 'granted'
                AND NOT EXISTS (SELECT FROM service_hours_starentry b WHERE b.reverses_id = e.id)
        ), 0)
    FROM service_hours_servicerecord WHERE person_id = %(person)s
"""


def my_totals(*, actor: Actor) -> Totals:
    """The kept total, what is still on the way, and the star, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, {"person": actor.person_id or 0, "open": list(OPEN)})
        return Totals(*(int(number) for number in cursor.fetchone()))


def minutes_of_activity(activity_id: int) -> tuple[int, int]:
    """Records of an activity that stand in the ledger, and their minutes."""
    live = HourEntry.objects.live().filter(record__activity=activity_id)
    found = live.aggregate(records=Count("pk"), minutes=Sum("minutes"))
    return found["records"], found["minutes"] or 0


def my_entries(*, actor: Actor, cursor: str | None, size: int = 30) -> Page[HourEntry]:
    """The actor's own ledger, the latest entry first."""
    rows = HourEntry.objects.filter(person=actor.person_id or 0).select_related("record__activity", "created_by")
    return paginate(rows, order=("-id",), cursor=cursor, size=size)


def findings(*, actor: Actor, decided: bool, cursor: str | None, size: int = 20) -> Page[Finding]:
    """What the checks found in the actor's reach: what waits for a decision, the earliest term first; or what was decided."""
    rows = Finding.objects.inspected_by(actor).select_related("record__activity__team", "record__person", "rules")
    if decided:
        return paginate(rows.filter(state__in=["upheld", "dismissed"]), order=("-id",), cursor=cursor, size=size)
    return paginate(rows.filter(state__in=["open", "answered"]), order=("reply_until", "id"), cursor=cursor, size=size)


def visible_finding(*, finding_id: int, actor: Actor) -> Finding | None:
    """A finding that the actor may see, with its record."""
    rows = Finding.objects.visible_to(actor).prefetch_related(*evidence("record__"))
    rows = rows.select_related(
        *("rules", "replied_by", "decided_by", "record__person", "record__activity__team", "record__activity__division"),
        *("record__recorded_by", "record__submitted_by", "record__verified_by"),
    )
    return rows.filter(pk=finding_id).first()


def findings_of(*, record: ServiceRecord, actor: Actor) -> list[Finding]:
    """What was found of a record, as far as the actor may see it."""
    return list(Finding.objects.visible_to(actor).filter(record=record).order_by("pk"))


def entries_of(*, record: ServiceRecord) -> list[HourEntry]:
    """All entries of a record that the actor may see, in their order."""
    return list(record.entries.select_related("created_by").order_by("turn"))


def late_statements(*, record: ServiceRecord) -> list[LateStatement]:
    """What of a record that the actor may see was noted without a network and sent afterwards, the sign-in first."""
    return sorted(record.late_statements.all(), key=lambda statement: statement.way)


class Queue(StrEnum):
    """What waits."""

    SUBMIT = "submit"
    VERIFY = "verify"
    DISPUTED = "disputed"


QUEUES: dict[Queue, tuple[Permission, tuple[str, ...]]] = {
    Queue.SUBMIT: (Permission.RECORD, (RecordState.PRESENT, RecordState.DRAFT)),
    Queue.VERIFY: (Permission.VERIFY, (RecordState.SUBMITTED,)),
    Queue.DISPUTED: (Permission.VERIFY, (RecordState.DISPUTED,)),
}


def queue(*, which: Queue, actor: Actor, cursor: str | None, size: int = 20) -> Page[Activity]:
    """Activities with records that wait for the actor, the earliest end (so the earliest due date) first.

    Each carries `waiting_records`, `waiting_minutes` and `due_on`.
    """
    permission, states = QUEUES[which]
    own = Q(pk__in=[]) if permission == Permission.RECORD or actor.person_id is None else Q(person=actor.person_id)
    # From the few open records (a partial index) to their activities, not from all activities to their records.
    waiting = ServiceRecord.objects.filter(~own, state__in=states).values("activity")
    rows = activities().filter(in_reach(actor, (permission,), ""), pk__in=waiting)
    page = paginate(rows, order=("ends_at", "id"), cursor=cursor, size=size)
    sums = (
        ServiceRecord.objects.filter(~own, activity__in=[a.pk for a in page.items], state__in=states)
        .values("activity")
        .annotate(count=Count("pk"), minutes=Sum("minutes"), due=Min("due_on"))
    )
    by_activity = {row["activity"]: row for row in sums}
    for activity in page.items:
        row = by_activity.get(activity.pk, {"count": 0, "minutes": 0, "due": None})
        activity.waiting_records, activity.waiting_minutes, activity.due_on = row["count"], row["minutes"], row["due"]  # type: ignore[attr-defined]
    return page


def records_of(*, activity: Activity, actor: Actor) -> list[ServiceRecord]:
    """The records of an activity that the actor may see, in the order of names."""
    rows = (
        ServiceRecord.objects.visible_to(actor)
        .filter(activity=activity)
        .select_related("person", "activity__team", "activity__division")
    )
    return sorted(rows, key=lambda record: (record.person.name, record.pk))


def visible_activity(*, activity_id: int, actor: Actor) -> Activity | None:
    """An activity of which the actor may see the records of others."""
    seen = in_reach(actor, (Permission.SEE, Permission.RECORD, Permission.VERIFY, Permission.VOID), "")
    return activities().filter(seen, pk=activity_id).first()


def waiting_counts(*, actor: Actor) -> dict[Queue, int]:
    """Records that wait for the actor, by queue; in one statement."""
    asked = []
    for place, (permission, states) in enumerate(QUEUES.values()):
        if actor.has(permission):
            rows = ServiceRecord.objects.within_reach(actor, permission).filter(state__in=states)
            if permission != Permission.RECORD and actor.person_id is not None:
                rows = rows.exclude(person=actor.person_id)
            asked.append(
                rows.order_by().annotate(nth=Value(place)).values("nth").annotate(rows=Count("pk")).values_list("nth", "rows")
            )
    found = dict(asked[0].union(*asked[1:], all=True) if len(asked) > 1 else asked[0]) if asked else {}
    return {which: found.get(place, 0) for place, which in enumerate(QUEUES)}


def path_of(*, record: ServiceRecord, entries: Sequence[HourEntry], today: date) -> list[Step]:
    """The record's way through its states: what happened, and what comes next by when."""
    happened = [Moment(RecordState.PRESENT, record.signed_in_at, _who(record.recorded_by), str(record.get_in_method_display()))]
    if record.signed_out_at is not None or record.state == RecordState.DRAFT:
        note = record.state_reason if record.state == RecordState.DRAFT else ""
        happened.append(Moment(RecordState.DRAFT, record.signed_out_at, "", note))
    if record.submitted_at is not None and record.state not in (RecordState.DRAFT, RecordState.PRESENT):
        happened.append(Moment(RecordState.SUBMITTED, record.submitted_at, _who(record.submitted_by)))
    earned = [entry for entry in entries if entry.kind == EntryKind.EARNED]
    if earned:
        happened.append(Moment(RecordState.VERIFIED, earned[0].created_at, _who(earned[0].created_by)))
    if record.dispute_reason:
        since = record.state_since if record.state == RecordState.DISPUTED else None
        happened.append(Moment(RecordState.DISPUTED, since, "", record.dispute_reason))
    if record.state in (RecordState.CONFIRMED, RecordState.CORRECTED, RecordState.VOID) or (
        record.state == RecordState.VERIFIED and record.dispute_reason
    ):
        who = _who(record.verified_by) if record.state in (RecordState.CORRECTED, RecordState.VERIFIED) else ""
        note = record.state_reason if record.state != RecordState.CONFIRMED else ""
        happened.append(Moment(record.state, record.state_since, who, note))
    ahead = {
        RecordState.PRESENT: [RecordState.DRAFT, RecordState.SUBMITTED, RecordState.VERIFIED],
        RecordState.DRAFT: [RecordState.SUBMITTED, RecordState.VERIFIED],
        RecordState.SUBMITTED: [RecordState.VERIFIED],
        RecordState.DISPUTED: [RecordState.CORRECTED],
    }.get(RecordState(record.state), [])
    due = record.due_on if record.state in OPEN else None
    steps = timeline(RECORD, happened=happened, ahead=ahead, stopped=[RecordState.VOID], due_on=due, today=today)
    # What lies behind reads as what was done, not as what it then waited for.
    done = {RecordState.DRAFT: _("已签退"), RecordState.SUBMITTED: _("已提交")}
    if record.signed_out_at is None:
        done[RecordState.DRAFT] = _("没有签退")
    behind = len(happened) - 1
    return [
        replace(step, name=str(done[RecordState(moment.state)])) if moment.state in done and number < behind else step
        for number, (step, moment) in enumerate(zip(steps, [*happened, *[Moment(state) for state in ahead]], strict=True))
    ]


def _who(person: object) -> str:
    return mask_name(str(person)) if person is not None else ""


def my_certificates(*, actor: Actor, cursor: str | None, size: int = 20) -> Page[Certificate]:
    """The actor's own certificates, without their files, the latest first."""
    rows = Certificate.objects.filter(person=actor.person_id or 0).select_related("person").defer("pdf")
    return paginate(rows, order=("-issued_at", "-id"), cursor=cursor, size=size)


def visible_certificate(*, number: str, actor: Actor) -> Certificate | None:
    """A certificate that the actor may see, without its file."""
    rows = Certificate.objects.visible_to(actor).select_related("person__volunteer__division", "issued_by").defer("pdf")
    return rows.filter(number=number).first()


def seals(*, cursor: str | None, size: int = 30) -> Page[Seal]:
    """The seals of the ledger, which are public, the latest first."""
    return paginate(Seal.objects.all(), order=("-until",), cursor=cursor, size=size)
