"""Reading cases: one, lists, who must act, and the three rates. Lists are served by indexes, rates by kept counters."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Sum, Value
from django.utils.translation import gettext as _

from qunli.access import selectors as access
from qunli.access.models import Posting
from qunli.cases import perms
from qunli.cases.clocks import clocks_of
from qunli.cases.clocks import clocks_on as clocks_on
from qunli.cases.enums import ENDED, IN_WORK, HandlerRole
from qunli.cases.kinds import Unit, kind_of, names_of
from qunli.cases.models import Case, CaseEvent, Handler, Tally
from qunli.cases.numbers import number_of as number_of
from qunli.cases.perms import Permission
from qunli.cases.querysets import seen_ranges
from qunli.cases.similar import ALIKE, likeness
from qunli.cases.states import CASE
from qunli.divisions.models import Division
from qunli.divisions.selectors import Node, tree
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.masking import mask_name
from qunli.kernel.pages import Page, paginate
from qunli.kernel.timelines import Moment, Step, timeline
from qunli.rules.selectors import Rule, RuleSet

LISTED = ("division", "desk", "owner_division")
UNLISTED = ("text", "place", "contact_name", "contact_phone", "comment")
"""What no line of a list shows: encrypted, so not read for one."""


def case_of(*, number: str, actor: Actor) -> Case:
    """A case that the actor may see. Raises Case.DoesNotExist."""
    seen = Case.objects.visible_to(actor).select_related(*LISTED, "requester", "lead").prefetch_related("handlers__division")
    return seen.annotate(times=Count("repeats")).get(number=number)


def may_see_files(actor: Actor, subject: str) -> bool:
    """Files of a case are seen by who may see its contact: the requester, the desk, the owner once it has taken it."""
    key = subject.partition(":")[2]
    if not key.isdecimal():
        return False
    case = Case.objects.visible_to(actor).with_places().filter(pk=int(key)).first()
    return case is not None and perms.may_see_contact(actor, case)


def my_cases(*, actor: Actor, kind: str = "", cursor: str | None = None, size: int = 20) -> Page[Case]:
    """What the actor asked for, the latest first."""
    rows = Case.objects.filter(requester=actor.person_id or 0).select_related(*LISTED).defer(*UNLISTED)
    return paginate(rows.filter(kind=kind) if kind else rows, order=("-id",), cursor=cursor, size=size)


class Queue(StrEnum):
    """What waits for a desk or a unit."""

    DISPATCH = "dispatch"
    OFFERED = "offered"
    WORK = "work"
    SURVEY = "survey"
    OVERDUE = "overdue"
    ALL = "all"


_DESK_STATES: dict[Queue, tuple[str, ...]] = {
    Queue.DISPATCH: ("received", "returned", "reopened"),
    Queue.SURVEY: ("replied", "visited_back", "rated"),
}


def queues(actor: Actor) -> list[Queue]:
    """The queues that the actor has."""
    found: list[Queue] = []
    if actor.ranges(Permission.DISPATCH):
        found += [Queue.DISPATCH, Queue.SURVEY]
    if actor.units(Permission.HANDLE):
        found.append(Queue.OFFERED)
    if actor.has(Permission.HANDLE):
        found.append(Queue.WORK)
    if seen_ranges(actor):
        found += [Queue.OVERDUE, Queue.ALL]
    return found


def _desks(ranges: Iterable[str]) -> Q:
    """Cases whose desk lies in the ranges: by key, from the tree in memory; the whole city needs no condition."""
    paths = list(ranges)
    if any(path.count("/") <= 1 for path in paths):
        return Q()
    return Q(desk__in=[node.id for node in tree().nodes if any(node.path.startswith(path) for path in paths)])


def _waiting(which: Queue, actor: Actor, today: date) -> QuerySet[Case]:
    units = sorted(actor.units(Permission.HANDLE))
    rows = Case.objects.open()
    match which:
        case Queue.DISPATCH | Queue.SURVEY:
            # A desk's own level only: what lies with the offices below is theirs, and stands under "all".
            own = list(actor.ranges(Permission.DISPATCH))
            codes = [path.rstrip("/").rpartition("/")[2] for path in own]
            desks = [tree().by_code[code].id for code in codes if code in tree().by_code]
            states = _DESK_STATES[which]
            return rows.filter(desk__in=desks, state__in=states) if "" not in own else rows.filter(state__in=states)
        case Queue.OFFERED:
            offers = Handler.objects.filter(unit__in=units, role=HandlerRole.OFFERED).values("case")
            return rows.filter(Q(pk__in=offers) | Q(owner_unit__in=units), state="dispatched")
        case Queue.WORK:
            helping = Handler.objects.filter(unit__in=units, role=HandlerRole.ASSIST, done_at=None).values("case")
            mine = Q(owner_unit__in=units) | Q(pk__in=helping) if units else Q(pk__in=[])
            if actor.ranges(Permission.HANDLE):
                mine |= _desks(actor.ranges(Permission.HANDLE)) & Q(owner_unit="")
            return rows.filter(mine, state__in=["signed_for", "handling"])
        case Queue.OVERDUE:
            return rows.filter(_desks(seen_ranges(actor)), due_on__lt=today)
        case _:
            return rows.filter(_desks(seen_ranges(actor)))


def queue(*, which: Queue, actor: Actor, today: date, cursor: str | None = None, size: int = 20) -> Page[Case]:
    """What waits, the earliest deadline first."""
    rows = _waiting(which, actor, today).select_related(*LISTED).defer(*UNLISTED)
    return paginate(rows, order=("due_on", "id"), cursor=cursor, size=size)


def waiting_counts(*, actor: Actor, today: date, most: int = 1000) -> dict[Queue, int]:
    """How many wait in each queue but the whole list, counted up to `most` each; one statement."""
    asked = [which for which in queues(actor) if which != Queue.ALL]
    if not asked:
        return {}
    parts = [_waiting(which, actor, today).order_by().annotate(nth=Value(n)).values("nth")[:most] for n, which in enumerate(asked)]
    rows = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    counts = Counter(row["nth"] for row in rows)
    return {which: counts.get(n, 0) for n, which in enumerate(asked)}


# Who must act


def people_of_units(units: Iterable[str], on: date) -> list[int]:
    """The persons who hold cases.handle over one of the units."""
    keys = [unit for unit in units if unit]
    roles = [role.key for role in access.roles_with(Permission.HANDLE)]
    held = Posting.objects.in_force(on).filter(unit__in=keys, role__in=roles) if keys else Posting.objects.none()
    return sorted(set(held.values_list("person_id", flat=True)))


def people_of_desk(desk: Division, on: date, permission: str = Permission.DISPATCH) -> list[int]:
    """The persons of the nearest office over a division, from its own level upwards."""
    found = [
        (posting.division.level, posting.person_id)
        for role in access.roles_with(permission)
        for posting in access.holders(role.key, desk.path, on)
        if not posting.unit
    ]
    nearest = max((level for level, _person in found), default=0)
    return sorted({person for level, person in found if level == nearest})


def people_above(case: Case, on: date) -> list[int]:
    """The office of the level above the desk."""
    node = tree().by_id[case.desk_id]
    if node.parent_id is None:
        return people_of_desk(case.desk, on, Permission.SUPERVISE)
    parent = tree().by_id[node.parent_id]
    return people_of_desk(Division(pk=parent.id, path=parent.path), on, Permission.SUPERVISE)


def responsible(case: Case, on: date) -> list[int]:
    """Who must do the next step: the owner while it is worked on, the units that it was offered to, else the desk."""
    if case.state in ("dispatched", "signed_for", "handling"):
        units = [case.owner_unit] if case.owner_unit else []
        if case.state == "dispatched" and not units:
            units = list(case.handlers.filter(role=HandlerRole.OFFERED).values_list("unit", flat=True))
        if units:
            return people_of_units(units, on)
        return people_of_desk(case.owner_division, on, Permission.HANDLE)
    return people_of_desk(case.desk, on)


def unit_name(unit: str, division: Division | None) -> str:
    """How a unit is called; for a division's own office the division's name."""
    return names_of([unit])[unit] if unit else (division.name if division is not None else "")


def owner_name(case: Case) -> str:
    """How the owner is called."""
    return unit_name(case.owner_unit, case.owner_division)


def own_units(case: Case, actor: Actor) -> list[Unit]:
    """The units of the case (owner, offered, assisting) for which the actor acts."""
    known = [(case.owner_division, case.owner_unit)] + [(h.division, h.unit) for h in case.handlers.all()]
    mine = [pair for pair in known if perms.may_take(actor, pair[1], pair[0].path)]
    names = names_of(unit for _division, unit in mine)
    found = {(d.pk, u): Unit(d.pk, u, names[u] if u else d.name) for d, u in mine}
    return list(found.values())


def units_for(case: Case) -> list[Unit]:
    """To whom the desk may send it: its own office, the offices below, and what the kind offers."""
    node = tree().by_id[case.desk_id]
    offices = [Unit(node.id, "", node.name)]
    if case.duty != "department":
        near = [child for child in tree().children.get(node.id, []) if case.division.path.startswith(child.path)]
        offices += [Unit(child.id, "", child.name) for child in near]
    finder = kind_of(case.kind).units_for
    more = list(finder(case)) if finder is not None and case.duty != "department" else []
    return [*more, *offices]


def clock_start(case: Case, events: Sequence[CaseEvent]) -> date:
    """The day from which the clock of the reply runs: of receipt, or of the last opening again or splitting off."""
    again = [event.at for event in events if event.verb in ("reopen", "split_off")]
    return local_date(again[-1] if again else case.received_at)


class Deadline(NamedTuple):
    """How the deadline of the reply came about, computed again under the version of the rules that the case keeps."""

    due_on: date
    start: date
    days: int
    """Working days, with those of an extension."""
    rules: RuleSet
    version: int
    rule: Rule


def deadline_of(case: Case, events: Sequence[CaseEvent]) -> Deadline:
    """The deadline of the reply, replayed. `events`: those of `events_of`."""
    clocks, start = clocks_of(case), clock_start(case, events)
    days, _most, key = clocks.days(case.nature)
    rule = next(rule for rule in clocks.rule_set.rules if rule.key == key)
    due = clocks.reply_by(case.nature, start, case.extended_days).date
    return Deadline(due, start, days + case.extended_days, clocks.rule_set, clocks.clocks, rule)


# Repeats


class Likely(NamedTuple):
    case: Case
    why: str
    likeness: float


def likely_repeats(case: Case, actor: Actor, limit: int = 5) -> list[Likely]:
    """Open cases that may be the same: of the same requester, of the same place, or of a similar text in the division."""
    if case.state not in IN_WORK:
        return []
    rows = Case.objects.visible_to(actor).select_related(*LISTED).filter(kind=case.kind, state__in=IN_WORK).exclude(pk=case.pk)
    found: list[Likely] = []
    for other in rows.filter(division=case.division_id).order_by("-id")[:200]:
        same = likeness(f"{case.title} {case.text or ''}", f"{other.title} {other.text or ''}")
        asker = (case.requester_id is not None and case.requester_id == other.requester_id) or (
            case.contact_digest is not None and bytes(case.contact_digest) == bytes(other.contact_digest or b"")
        )
        place = case.place_digest is not None and bytes(case.place_digest) == bytes(other.place_digest or b"")
        if asker and same >= ALIKE / 2:
            found.append(Likely(other, _("同一诉求人"), same))
        elif place and case.matter == other.matter:
            found.append(Likely(other, _("同一地点"), same))
        elif same >= ALIKE:
            found.append(Likely(other, _("内容相似"), same))
    return sorted(found, key=lambda one: -one.likeness)[:limit]


# The way of a case


AHEAD = {
    "received": ["dispatched", "signed_for", "replied", "rated"],
    "dispatched": ["signed_for", "replied", "rated"],
    "returned": ["dispatched", "signed_for", "replied"],
    "reopened": ["dispatched", "signed_for", "replied"],
    "signed_for": ["handling", "replied", "rated"],
    "handling": ["replied", "rated"],
    "replied": ["rated", "archived"],
    "visited_back": ["archived"],
    "rated": ["archived"],
}
STOPPED = ("not_accepted", "withdrawn")


def events_of(case: Case) -> list[CaseEvent]:
    """All steps in their order."""
    return list(case.events.select_related("acted_by", "reply").order_by("id"))


def names_in(case: Case, events: Sequence[CaseEvent]) -> dict[str, str]:
    """The names of all units of a case and of its steps, in one look."""
    units = [case.owner_unit, *(h.unit for h in case.handlers.all()), *(event.unit for event in events)]
    return names_of(unit for unit in units if unit)


def path_of(case: Case, events: Sequence[CaseEvent], names: dict[str, str], today: date) -> list[Step]:
    """The way through the states, with what comes next by when. Names of people are masked, units are named."""
    happened: list[Moment] = []
    for event in events:
        if not happened or happened[-1].state != event.state or event.verb in ("take", "dispatch"):
            who = names.get(event.unit) or (mask_name(event.acted_by.name) if event.acted_by is not None else "")
            happened.append(Moment(event.state, event.at, who, event.note))
    ahead = AHEAD.get(case.state, [])
    if case.ended or "replied" not in ahead:
        due = None if case.ended else case.due_on
        return timeline(CASE, happened=happened, ahead=ahead, stopped=STOPPED, due_on=due, today=today)
    # Until then the deadline is that of the reply, not of the step before it.
    steps = timeline(CASE, happened=happened, ahead=ahead, stopped=STOPPED)
    answer = timeline(CASE, happened=[], ahead=["replied"], due_on=case.due_on, today=today)[0]
    steps[len(happened) + ahead.index("replied")] = answer
    return steps


# The three rates


@dataclass(frozen=True)
class Rates:
    """Counts behind the three rates of one division: numerators and denominators."""

    node: Node | None
    received: int = 0
    dispatched: int = 0
    responded: int = 0
    surveyed: int = 0
    solved: int = 0
    satisfied: int = 0
    unreached: int = 0
    repeats: int = 0
    reopened: int = 0

    @property
    def rates(self) -> list[tuple[str, int, int, float | None]]:
        """Name, numerator, denominator, and the rate in percent (None without a denominator)."""
        pairs = [
            (_("响应率"), self.responded, self.dispatched),
            (_("解决率"), self.solved, self.surveyed),
            (_("满意率"), self.satisfied, self.surveyed),
        ]
        return [(name, part, whole, round(100 * part / whole, 1) if whole else None) for name, part, whole in pairs]


COUNTERS = ("received", "dispatched", "responded", "surveyed", "solved", "satisfied", "unreached", "repeats", "reopened")


def rates(*, actor: Actor, division: Division, since: date, until: date, kind: str = "") -> tuple[Rates, list[Rates]]:
    """The rates of a division and of those directly below it, over the months of receipt from `since` to `until`.

    Sums over the kept counters: a row a community and month, whatever the number of cases.
    """
    rows = Tally.objects.visible_to(actor).filter(month__gte=since.replace(day=1), month__lte=until)
    rows = rows.filter(division__path__startswith=division.path)
    if kind:
        rows = rows.filter(kind=kind)
    sums: Any = rows.order_by().values("division").annotate(**{f"n_{name}": Sum(name) for name in COUNTERS})
    own = tree().by_id.get(division.pk)
    children = tree().children.get(division.pk, [])
    total: dict[str, int] = dict.fromkeys(COUNTERS, 0)
    below: dict[int, dict[str, int]] = {child.id: dict.fromkeys(COUNTERS, 0) for child in children}
    by_path = {child.path: child.id for child in children}
    for row in sums:
        node = tree().by_id.get(row["division"])
        child = next((below[by_path[path]] for path in _prefixes(node.path) if path in by_path), None) if node is not None else None
        for name in COUNTERS:
            total[name] += row[f"n_{name}"]
            if child is not None:
                child[name] += row[f"n_{name}"]
    return Rates(own, **total), [Rates(tree().by_id[pk], **counts) for pk, counts in below.items()]


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n]) + "/" for n in range(1, len(parts) + 1)]


def most_repeated(*, actor: Actor, division: Division, limit: int = 10) -> list[Case]:
    """Open lead cases of a division with the most repeats; each carries `times`."""
    repeats = Case.objects.filter(lead__isnull=False, lead__division__path__startswith=division.path).exclude(lead__state__in=ENDED)
    counted = dict(repeats.order_by().values_list("lead").annotate(times=Count("pk")).order_by("-times", "-lead")[:limit])
    leads = Case.objects.visible_to(actor).filter(pk__in=counted).select_related(*LISTED).defer(*UNLISTED)
    for lead in leads:
        lead.times = counted[lead.pk]  # type: ignore[attr-defined]
    return sorted(leads, key=lambda lead: (-counted[lead.pk], -lead.pk))
