"""What all steps share: the lock, the step with its event and audit, and telling those concerned."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.cases import selectors
from qunli.cases.models import Case, CaseEvent, Reply
from qunli.cases.perms import Permission, may_handle
from qunli.cases.states import CASE
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import seen
from qunli.notices.services import tell


def locked(case: Case) -> Case:
    """The case as it is now, ours until the transaction ends; with the divisions that permissions ask for."""
    return Case.objects.select_for_update(of=("self",), no_key=True).with_places().get(pk=case.pk)


def handled(case: Case, by: Actor) -> Case:
    """The case locked, for its owner. Raises Denied."""
    current = locked(case)
    if not may_handle(by, current):
        raise Denied(Permission.HANDLE)
    return current


def said(reason: str, *, field: str = "reason") -> str:
    """A reason in one line. Raises Refused at `field` when nothing is said, or too much."""
    words = " ".join(reason.split())
    if seen(words) < 2:
        raise Refused(_("请写明原因，对方会看到。"), code="reason", field=field)
    if len(words) > 300:
        raise Refused(_("最多 300 个字。"), code="reason", field=field)
    return words


def step(
    case: Case, verb: str, *, by: Actor, now: datetime, note: str = "", unit: str = "", answer: Reply | None = None, **changes: Any
) -> None:
    """Move a locked case on by `verb`, write what else changes, the event (with the answer that it gave) and the audit."""
    case.state = CASE.target(verb, case.state)
    case.state_reason, case.state_since = note, now
    for name, value in changes.items():
        setattr(case, name, value)
    case.save(update_fields=["state", "state_reason", "state_since", *changes])
    note_event(case, verb, by=by, now=now, note=note, unit=unit, answer=answer)


def note_event(
    case: Case, verb: str, *, by: Actor, now: datetime, note: str = "", unit: str = "", answer: Reply | None = None
) -> None:
    """What happened without a change of state, for the case's timeline and the audit; in the caller's transaction."""
    CaseEvent.objects.create(
        case=case, verb=verb, state=case.state, at=now, acted_by_id=by.person_id, unit=unit, note=note[:300], reply=answer
    )
    audit.record(f"cases.{verb}", f"case:{case.pk}", by=by, state=case.state, unit=unit)


def address(case: Case) -> str:
    """The page of a case."""
    return reverse("cases:case", args=[case.number])


def tell_requester(case: Case, template: str, *, sms: bool = False, **facts: Any) -> None:
    """A notice to who asked, and to those whose repeats are merged into the case."""
    people = [case.requester_id, *case.repeats.values_list("requester", flat=True)]
    tell_people(case, {person for person in people if person is not None}, template, sms=sms, **facts)


def tell_desk(case: Case, template: str, now: datetime, **facts: Any) -> None:
    """A notice to the office that dispatches the case."""
    tell_people(case, selectors.people_of_desk(case.desk, local_date(now)), template, **facts)


def tell_owner(case: Case, template: str, now: datetime, **facts: Any) -> None:
    """A notice to who must do the next step: the owner while it is worked on, else the desk."""
    tell_people(case, selectors.responsible(case, local_date(now)), template, **facts)


def tell_units(case: Case, units: Iterable[str], template: str, now: datetime, **facts: Any) -> None:
    """A notice to the people of units."""
    tell_people(case, selectors.people_of_units(units, local_date(now)), template, **facts)


def tell_people(case: Case, people: Iterable[int], template: str, *, sms: bool = False, **facts: Any) -> None:
    """A notice to people, with what every notice of a case says."""
    told = {"title": case.title, "number": case.shown_number, "due_on": case.due_on.isoformat()}
    tell(people, template, url=address(case), sms=sms, **told, **facts)
