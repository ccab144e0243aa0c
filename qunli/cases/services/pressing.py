"""Pressure on what is open: the requester's urging, the level above's supervision, and what the clock does each night."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from qunli.cases import selectors
from qunli.cases.clocks import clocks_of, clocks_on
from qunli.cases.enums import Pressure
from qunli.cases.models import Case
from qunli.cases.perms import Permission, is_own, may_supervise
from qunli.cases.services.answering import archive
from qunli.cases.states import PRESSURE
from qunli.cases.steps import locked, note_event, said, tell_desk, tell_owner, tell_people
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import add_working_days, local_date
from qunli.kernel.errors import Denied, Refused

BATCH = 500
ORDER = [Pressure.CALM, Pressure.OVERDUE, Pressure.URGED, Pressure.SUPERVISED]
VERBS = {Pressure.OVERDUE: "fall_due", Pressure.URGED: "urge", Pressure.SUPERVISED: "supervise"}


def urge(*, case: Case, by: Actor, now: datetime) -> None:
    """The requester asks where it stays, at most once a day; who must act is told."""
    with transaction.atomic():
        current = locked(case)
        if not is_own(by, current):
            raise Denied(Permission.ASK, _("催办别人的诉求"))
        if current.ended or current.state in ("replied", "visited_back", "rated"):
            raise Refused(_("已经答复的诉求不用催办；没有解决的请在评价里说明。"), code="state", state=current.state)
        if current.urged_at is not None and now - current.urged_at < timedelta(days=1):
            raise Refused(_("今天已经催办过，承办单位已收到。请明天再看。"), code="urged")
        current.urges += 1
        current.urged_at = now
        _raise_to(current, Pressure.URGED)
        current.save(update_fields=["urges", "urged_at", "pressure"])
        note_event(current, "urge", by=by, now=now)
        tell_owner(current, "cases/urged", now)
    case.refresh_from_db()


def supervise(*, case: Case, note: str, by: Actor, now: datetime) -> None:
    """The level above watches it, and says what it expects."""
    words = said(note, field="note")
    with transaction.atomic():
        current = locked(case)
        if not may_supervise(by, current):
            raise Denied(Permission.SUPERVISE)
        if current.ended:
            raise Refused(_("已经结束的工单不用督办。"), code="state", state=current.state)
        _raise_to(current, Pressure.SUPERVISED)
        current.save(update_fields=["pressure"])
        note_event(current, "supervise", by=by, now=now, note=words)
        tell_owner(current, "cases/supervised", now, reason=words)
        tell_desk(current, "cases/supervised", now, reason=words)
    case.refresh_from_db()


def _raise_to(case: Case, wanted: str) -> bool:
    """Pressure only grows until it is relieved."""
    if ORDER.index(Pressure(case.pressure)) >= ORDER.index(Pressure(wanted)):
        return False
    case.pressure = PRESSURE.target(VERBS[Pressure(wanted)], case.pressure)
    return True


def press(*, now: datetime) -> int:
    """What passed its deadline is marked, then urged, then put before the level above, each told once. Returns how many.

    How soon is the rules' of today: one pace for all that is late.
    """
    today = local_date(now)
    clocks = clocks_on(today)
    urged_from = add_working_days(today, -clocks.limit("urge_after_days")).date
    supervised_from = add_working_days(today, -clocks.limit("supervise_after_days")).date
    late = (
        Q(pressure=Pressure.CALM, due_on__lt=today)
        | Q(pressure=Pressure.OVERDUE, due_on__lt=urged_from)
        | Q(pressure=Pressure.URGED, due_on__lt=supervised_from)
    )
    moved = 0
    with transaction.atomic():
        rows = Case.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).with_places().open()
        for case in rows.filter(late, due_on__lt=today).order_by("due_on", "id")[:BATCH]:
            wanted = clocks.pressure(case.due_on, today)
            if not _raise_to(case, wanted):
                continue
            case.save(update_fields=["pressure"])
            note_event(case, VERBS[Pressure(wanted)], by=SYSTEM, now=now, note=_("到期 %(due)s") % {"due": case.due_on.isoformat()})
            tell_owner(case, "cases/overdue", now)
            if wanted == Pressure.SUPERVISED:
                tell_people(case, selectors.people_above(case, today), "cases/overdue_below")
            moved += 1
    return moved


def tidy(*, now: datetime) -> int:
    """Archive what was rated well, or could not be reached three times, when its time for opening it again is over."""
    today = local_date(now)
    done = 0
    for case in Case.objects.filter(Q(state="rated") | Q(state="visited_back"), due_on__lt=today).order_by("due_on", "id")[:BATCH]:
        clocks = clocks_of(case)
        if case.state == "rated" and not (case.solved and case.satisfied):
            reopen_until = add_working_days(local_date(case.rated_at or now), clocks.limit("reopen_days")).date
            if today <= reopen_until:
                continue
        if case.rated_at is not None or case.failed_contacts >= clocks.limit("failed_contacts"):
            archive(case=case, now=now)
            done += 1
    return done
