"""Repeats are merged into one lead case; what was merged wrongly, or asks for several things, is split."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.cases.clocks import clocks_on
from qunli.cases.kinds import kind_of
from qunli.cases.models import Case
from qunli.cases.perms import Permission, may_dispatch
from qunli.cases.services.receiving import Asked, Contact, receive
from qunli.cases.states import CASE
from qunli.cases.steps import locked, note_event, said, step, tell_requester
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused


def _locked_both(lead: Case, others: Sequence[Case], by: Actor) -> tuple[Case, list[Case]]:
    """In the order of their keys, so that two who merge at once wait for each other instead of failing."""
    keys = sorted({lead.pk, *(other.pk for other in others)})
    found = {
        case.pk: case for case in Case.objects.select_for_update(of=("self",)).with_places().filter(pk__in=keys).order_by("pk")
    }
    for case in found.values():
        if not may_dispatch(by, case):
            raise Denied(Permission.DISPATCH)
    return found[lead.pk], [found[key] for key in keys if key != lead.pk]


def merge(*, lead: Case, others: Sequence[Case], by: Actor, now: datetime) -> int:
    """Make repeats part of one lead case, with their own repeats; their requesters hear of what becomes of the lead."""
    with transaction.atomic():
        chosen, repeats = _locked_both(lead, others, by)
        if chosen.ended or chosen.lead_id is not None:
            raise Refused(_("主单要是还在办理的工单。"), code="lead", field="lead")
        for case in repeats:
            CASE.target("merge", case.state)
            if case.kind != chosen.kind:
                raise Refused(_("不同种类的工单不能并案。"), code="kind", field="lead")
        for case in repeats:
            for follower in list(case.repeats.select_for_update()):
                # It leaves the old lead first: a repeat leads none.
                Case.objects.filter(pk=follower.pk).update(lead=chosen)
                note_event(follower, "follow", by=by, now=now, note=chosen.shown_number)
            step(case, "merge", by=by, now=now, note=_("并入 %(number)s") % {"number": chosen.shown_number}, lead=chosen)
            tell_requester(case, "cases/merged", lead=chosen.shown_number)
            note_event(chosen, "lead", by=by, now=now, note=case.shown_number)
    lead.refresh_from_db()
    return len(repeats)


def split_off(*, case: Case, reason: str, by: Actor, now: datetime) -> None:
    """It was no repeat: it goes its own way again, with a deadline from today."""
    words = said(reason)
    with transaction.atomic():
        current = locked(case)
        if not may_dispatch(by, current):
            raise Denied(Permission.DISPATCH)
        today = local_date(now)
        clocks = clocks_on(today)
        due = clocks.reply_by(current.nature, today).date
        step(
            current, "split_off", by=by, now=now, note=words, lead=None, due_on=due, promised_on=due,
            clocks_id=clocks.clocks, follow_up_id=clocks.follow_up, extended_days=0,
            owner_division=current.desk, owner_unit="",
        )  # fmt: skip
    case.refresh_from_db()


def split(*, case: Case, parts: Sequence[Asked], by: Actor, now: datetime) -> list[Case]:
    """One case asks for several things: each further thing becomes a case of its own, for the same requester."""
    if not parts:
        raise Refused(_("请写明要拆出的事项。"), code="parts", field="text")
    with transaction.atomic():
        current = locked(case)
        if not may_dispatch(by, current):
            raise Denied(Permission.DISPATCH)
        if current.ended:
            raise Refused(_("已经结束的工单不能拆分。"), code="state", state=current.state)
        contact = Contact(current.contact_name or "", current.contact_phone or "") if current.requester is None else None
        made, on_split = [], kind_of(current.kind).on_split
        for part in parts:
            new = receive(kind=current.kind, asked=part, requester=current.requester, contact=contact, by=by, now=now)
            Case.objects.filter(pk=new.pk).update(split_from=current)
            if on_split is not None:
                on_split(current, new)
            note_event(current, "split", by=by, now=now, note=new.shown_number)
            made.append(new)
    return made
