"""What the owner and those who assist do."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.cases.enums import HandlerRole
from qunli.cases.kinds import Unit
from qunli.cases.models import Case
from qunli.cases.perms import Permission, may_take
from qunli.cases.steps import handled, locked, note_event, said, step, tell_owner, tell_units
from qunli.divisions.selectors import tree
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused

WORKED_ON = ("signed_for", "handling")


def contact(*, case: Case, reached: bool, note: str = "", by: Actor, now: datetime) -> None:
    """The first word with the requester, within 24 hours of the dispatch. A try that reached nobody is noted."""
    with transaction.atomic():
        current = handled(case, by)
        if current.state not in WORKED_ON:
            raise Refused(_("接单以后才联系诉求人。"), code="state", state=current.state)
        if reached and current.contacted_at is None:
            current.contacted_at = now
            current.save(update_fields=["contacted_at"])
        note_event(current, "contact" if reached else "not_reached", by=by, now=now, note=" ".join(note.split()))
    case.refresh_from_db()


def begin(*, case: Case, note: str = "", by: Actor, now: datetime) -> None:
    """The work has begun; said again it is only noted."""
    with transaction.atomic():
        current = handled(case, by)
        if current.state == "handling":
            note_event(current, "progress", by=by, now=now, note=said(note, field="note"))
        else:
            step(current, "handle", by=by, now=now, note=" ".join(note.split())[:300])
    case.refresh_from_db()


def report(*, case: Case, unit: Unit, note: str, by: Actor, now: datetime) -> None:
    """An assisting unit says what it did; the lead answers when all have."""
    words = said(note, field="note")
    if not may_take(by, unit.key, tree().by_id[unit.division].path):
        raise Denied(Permission.HANDLE)
    with transaction.atomic():
        current = locked(case)
        if current.state not in ("dispatched", *WORKED_ON):
            raise Refused(_("这件事已经不在办理中。"), code="state", state=current.state)
        helping = current.handlers.filter(role=HandlerRole.ASSIST, unit=unit.key, division=unit.division, done_at=None)
        if not helping.update(note=words, done_at=now, done_by=by.person_id):
            raise Refused(_("您的单位不是这件事的协办单位，或者已经反馈过。"), code="not_assisting")
        note_event(current, "report", by=by, now=now, note=words, unit=unit.key)
        tell_units(current, [current.owner_unit], "cases/reported", now, unit=unit.name)
    case.refresh_from_db()


def note_held(*, case: Case, note: str, by: Actor, now: datetime) -> None:
    """What the caller did for the case is over: the owner is asked for the answer. In the caller's transaction."""
    note_event(case, "held", by=by, now=now, note=note)
    tell_owner(case, "cases/answer_due", now)
