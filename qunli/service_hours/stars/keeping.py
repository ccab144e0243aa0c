"""Proposals and stars, kept to what the hours carry: by night over all volunteers, and at once where hours are taken back.

Whoever writes here locks the volunteers first, in the order of their keys. The ledger's trigger locks the same rows whenever hours
change, so a star is granted either before hours are taken back, and is then reversed with them, or afterwards, on what was left.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction
from django.db.models import F, Max, Q
from django.urls import reverse as address
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.notices.services import tell
from qunli.rules.models import Decision
from qunli.rules.services import Case, decide_many, evaluate_again, evaluate_columns
from qunli.service_hours.enums import StarKind, StarState
from qunli.service_hours.integrity.loading import HEADER, TRAILER
from qunli.service_hours.models import HourEntry, StarEntry, StarProposal
from qunli.service_hours.stars.earning import MINUTES, RULES, Ints, earned
from qunli.volunteering.models import Volunteer

AGAIN = "star-proposals"
WAITED = "days_since_star_refused"
BATCH = 500
COLUMNS = ("person", "minutes", "held", "waiting", "refused_days")
ROW = np.dtype([("", ">i2"), *[pair for name in COLUMNS for pair in ((f"{name}_size", ">i4"), (name, ">i8"))]])
NEVER = 100_000
"""Days since a refusal that there was not: as many as the fact allows."""
ALL = f"""
    COPY (
        SELECT v.person_id, v.minutes::bigint, coalesce(h.level, 0)::bigint, coalesce(w.level, 0)::bigint,
            greatest(coalesce(%(today)s::date - (r.at AT TIME ZONE 'Asia/Shanghai')::date, {NEVER}), 0)::bigint
        FROM volunteering_volunteer v
        LEFT JOIN (
            SELECT e.person_id, max(e.level) AS level FROM service_hours_starentry e
            WHERE e.kind = 'granted' AND NOT EXISTS (SELECT FROM service_hours_starentry b WHERE b.reverses_id = e.id)
            GROUP BY e.person_id
        ) h ON h.person_id = v.person_id
        LEFT JOIN service_hours_starproposal w ON w.person_id = v.person_id AND w.state = 'proposed'
        LEFT JOIN (
            SELECT person_id, max(decided_at) AS at FROM service_hours_starproposal WHERE state = 'refused' GROUP BY person_id
        ) r ON r.person_id = v.person_id
        WHERE v.state = 'active' AND v.minutes > 0
    ) TO STDOUT (FORMAT BINARY)
"""  # noqa: S608 - of constants of this module only


class Done(NamedTuple):
    """What a night did."""

    proposed: int
    reversed: int
    """Stars and waiting proposals that the hours carry no more."""


def keep_all(*, now: datetime) -> Done:
    """Every volunteer's star against the hours. What is not carried any more goes first, then what is earned is proposed."""
    taken_back = 0
    lost = _uncarried()
    for start in range(0, len(lost), BATCH):
        with transaction.atomic():
            taken_back += _settle(_lock(lost[start : start + BATCH]), reason=str(_("夜间核对：现有时长不足")), by=SYSTEM, now=now)
    proposed = 0
    people = candidates(now=now)
    for start in range(0, len(people), BATCH):
        with transaction.atomic():
            proposed += _propose(_lock(people[start : start + BATCH]), by=SYSTEM, now=now)
    return Done(proposed, taken_back)


def follow(*, reversals: Sequence[HourEntry], reason: str, by: Actor, now: datetime) -> None:
    """A listener of `reversals`: in the transaction that takes hours back, stars that they carried go with them.

    What the hours left still earn, or a correction upwards newly earns, is proposed at once.
    """
    with transaction.atomic():
        volunteers = _lock({entry.person_id for entry in reversals})
        _settle(volunteers, reason=reason, by=by, now=now)
        _propose(volunteers, by=SYSTEM, now=now)


def candidates(*, now: datetime) -> list[int]:
    """The people whose hours earn a higher star than they hold or wait for: over all volunteers at once, by key."""
    on, data = local_date(now), bytearray()
    with connection.cursor() as cursor, cursor.copy(ALL, {"today": on}) as copy:
        for block in copy:
            data += block
    rows = np.frombuffer(bytes(data)[HEADER : len(data) - TRAILER], dtype=ROW)
    if not len(rows):
        return []
    column = {name: rows[name].astype(np.int64) for name in COLUMNS}
    try:
        levels = earned(column["person"], column["minutes"], on=on).levels
    except Refused as refused:
        if refused.code == "no_rules":
            return []
        raise
    higher = levels > np.maximum(column["held"], column["waiting"])
    found: list[int] = sorted(column["person"][higher & _waited(column["refused_days"], on)].tolist())
    return found


def _waited(days: Ints, on: date) -> npt.NDArray[np.bool_]:
    """Where no refusal stands in the way of proposing again."""
    waited = np.ones(len(days), np.bool_)
    lately = days < NEVER
    if lately.any():
        waited[lately] = evaluate_columns(AGAIN, {WAITED: days[lately]}, on=on, missing=False).verdicts == 1
    return waited


# --- For volunteers that are locked -------------------------------------------------------------------------------


@dataclass
class _Standing:
    """What stands of one person."""

    held: list[StarEntry] = field(default_factory=list)
    """Live entries, the highest first."""
    waiting: StarProposal | None = None

    @property
    def level(self) -> int:
        return self.level_without(())

    def level_without(self, lost: Sequence[StarEntry]) -> int:
        return max((entry.level for entry in self.held if entry not in lost), default=0)


def _lock(people: Iterable[int]) -> list[Volunteer]:
    rows = Volunteer.objects.select_for_update(of=("self",), no_key=True).filter(person__in=set(people))
    return list(rows.select_related("division", "person").order_by("pk"))


def _standing(volunteers: Sequence[Volunteer]) -> dict[int, _Standing]:
    people = [volunteer.person_id for volunteer in volunteers]
    found: dict[int, _Standing] = defaultdict(_Standing)
    live = StarEntry.objects.live().filter(person__in=people).select_related("proposal__decision__version")
    for entry in live.order_by("-level", "-pk"):
        found[entry.person_id].held.append(entry)
    waiting = StarProposal.objects.filter(person__in=people, state=StarState.PROPOSED).select_related("decision__version")
    for proposal in waiting:
        found[proposal.person_id].waiting = proposal
    return found


def carries(decision: Decision, level: int, *, minutes: int, then: int) -> bool:
    """Whether `minutes` still earn the star under the rules, day and other facts of its own decision (with `then` minutes)."""
    if minutes >= then:
        return True
    found = evaluate_again(decision, **{MINUTES: minutes})
    if found.verdict == "yes":
        return int(found.results["stars"]) >= level
    # Unknown only after an erasure, when the other facts are gone: nobody can say that it is not earned.
    return found.verdict != "no"


def _settle(volunteers: Sequence[Volunteer], *, reason: str, by: Actor, now: datetime) -> int:
    """Reverse the stars, and withdraw the proposals, that the hours of these (locked) volunteers do not carry any more."""
    standing, changed = _standing(volunteers), 0
    for volunteer in volunteers:
        stands = standing[volunteer.person_id]
        lost = [e for e in stands.held if not carries(e.proposal.decision, e.level, minutes=volunteer.minutes, then=e.minutes)]
        if lost:
            _reverse(volunteer, lost, left=stands.level_without(lost), reason=reason, by=by, now=now)
            changed += len(lost)
        waiting = stands.waiting
        if waiting is None:
            continue
        if volunteer.state != "active":
            changed += withdraw([waiting.pk], reason=str(_("志愿者登记已停用")), by=by, now=now)
        elif not carries(waiting.decision, waiting.level, minutes=volunteer.minutes, then=waiting.minutes):
            changed += withdraw([waiting.pk], reason=reason, by=by, now=now)
    return changed


def _reverse(volunteer: Volunteer, lost: Sequence[StarEntry], *, left: int, reason: str, by: Actor, now: datetime) -> None:
    StarEntry.objects.bulk_create(
        StarEntry(
            person_id=entry.person_id,
            proposal=entry.proposal,
            kind=StarKind.REVERSAL,
            level=entry.level,
            minutes=volunteer.minutes,
            reverses=entry,
            reason=reason,
            created_at=now,
            created_by_id=by.person_id,
        )
        for entry in lost
    )
    was = max(entry.level for entry in lost)
    audit.record(
        "service_hours.reverse_star", f"person:{volunteer.person_id}", by=by, was=was, left=left, minutes=volunteer.minutes
    )
    tell(
        [volunteer.person_id], "service_hours/star_reversed", url=address("service_hours:stars"), was=was, left=left, reason=reason
    )


def withdraw(proposals: Iterable[int], *, reason: str, by: Actor, now: datetime) -> int:
    """End proposals that wait, in one statement; returns how many."""
    rows = StarProposal.objects.filter(pk__in=list(proposals), state=StarState.PROPOSED)
    keys = list(rows.values_list("pk", flat=True))
    done = rows.update(state=StarState.WITHDRAWN, decided_at=now, decided_by_id=by.person_id, reason=reason)
    audit.record_many([("service_hours.withdraw_star", f"star:{key}", {}) for key in keys], by=by)
    return done


def _propose(volunteers: Sequence[Volunteer], *, by: Actor, now: datetime) -> int:
    """Propose what these (locked) volunteers earn beyond what they hold and wait for, each with its decision; returns how many."""
    on = local_date(now)
    active = [volunteer for volunteer in volunteers if volunteer.state == "active" and volunteer.minutes]
    try:
        found = earned([v.person_id for v in active], np.array([v.minutes for v in active], np.int64), on=on)
    except Refused as refused:
        if refused.code == "no_rules":
            return 0
        raise
    standing, waited = _standing(active), _waited(_refused_days([v.person_id for v in active], now), on)
    chosen: list[int] = []
    for place, volunteer in enumerate(active):
        stands = standing[volunteer.person_id]
        waiting = stands.waiting.level if stands.waiting else 0
        if waited[place] and found.levels[place] > max(stands.level, waiting):
            chosen.append(place)
    withdraw(
        [stands.waiting.pk for place in chosen if (stands := standing[active[place].person_id]).waiting is not None],
        reason=str(_("时长已达到更高的星级")), by=by, now=now,
    )  # fmt: skip
    cases = [
        Case(
            {MINUTES: active[n].minutes, **found.facts.get(n, {})},
            f"person:{active[n].person_id}",
            active[n].division,
            active[n].person,
        )
        for n in chosen
    ]
    decisions = decide_many(key=RULES, cases=cases, on=on, by=by, now=now) if cases else []
    made = StarProposal.objects.bulk_create(
        StarProposal(
            person_id=active[place].person_id,
            division_id=active[place].division_id,
            level=int(found.levels[place]),
            approval=found.approval(place),
            minutes=active[place].minutes,
            decision=decision,
            proposed_at=now,
        )
        for place, decision in zip(chosen, decisions, strict=True)
    )
    audit.record_many([("service_hours.propose_star", f"star:{one.pk}", {"level": one.level}) for one in made], by=by)
    return len(made)


def _refused_days(people: Sequence[int], now: datetime) -> Ints:
    """Days since a star of each of these people was last refused; NEVER where none was."""
    rows = StarProposal.objects.filter(person__in=people, state=StarState.REFUSED).values("person").annotate(at=Max("decided_at"))
    refused = {row["person"]: local_date(row["at"]) for row in rows}
    today = local_date(now)
    return np.array([max(0, (today - refused[person]).days) if person in refused else NEVER for person in people], np.int64)


def _uncarried() -> list[int]:
    """People with a star or a waiting proposal and fewer hours than it was given on, or who are no active volunteers any more."""
    fewer = Q(person__volunteer__minutes__lt=F("minutes"))
    stars = StarEntry.objects.live().filter(fewer).values_list("person", flat=True)
    gone = ~Q(person__volunteer__state="active")
    waiting = StarProposal.objects.filter(fewer | gone, state=StarState.PROPOSED).values_list("person", flat=True)
    return sorted({*stars, *waiting})
