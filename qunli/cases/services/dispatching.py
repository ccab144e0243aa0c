"""From the desk to a unit, and back: by the duty catalogue, with reasons; the race for an offered case is one statement."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.cases import selectors
from qunli.cases.clocks import clocks_of
from qunli.cases.duties import goes_too_low, refusals
from qunli.cases.enums import HandlerRole
from qunli.cases.kinds import Unit
from qunli.cases.models import Case, Handler
from qunli.cases.perms import Permission, may_dispatch, may_handle, may_take
from qunli.cases.states import PRESSURE
from qunli.cases.steps import locked, note_event, said, step, tell_desk, tell_requester, tell_units
from qunli.divisions.models import Division
from qunli.divisions.selectors import tree
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused


def _at_desk(case: Case, by: Actor) -> Case:
    current = locked(case)
    if not may_dispatch(by, current):
        raise Denied(Permission.DISPATCH)
    return current


def refuse(*, case: Case, reason: str, note: str = "", by: Actor, now: datetime) -> None:
    """Not accepted (不予受理), for one of the reasons of the rules `case-acceptance`; the requester is told why and where to go."""
    found = next((refusal for refusal in refusals(local_date(now)) if refusal.key == reason), None)
    if found is None:
        raise Refused(_("请选择不予受理的理由。"), code="reason", field="reason")
    with transaction.atomic():
        current = _at_desk(case, by)
        words = f"{found.text.zh}。{' '.join(note.split())}".removesuffix("。")[:300]
        step(current, "refuse", by=by, now=now, note=words)
        tell_requester(current, "cases/not_accepted", reason=words)
    case.refresh_from_db()


def dispatch(*, case: Case, to: Sequence[Unit], assist: Sequence[Unit] = (), note: str = "", by: Actor, now: datetime) -> None:
    """Send it to a unit, or offer it to several of which the first to take it gets it; `assist` helps under its lead.

    Sent to the desk's own office it is taken at once. Raises Refused "not_grassroots" for a department's work sent below the
    district, "range" for a unit outside of the desk's division.
    """
    if not to:
        raise Refused(_("请选择派给谁。"), code="to", field="to")
    with transaction.atomic():
        current = _at_desk(case, by)
        for unit in (*to, *assist):
            _check_unit(current, unit)
        single = to[0] if len(to) == 1 else None
        current.handlers.exclude(role=HandlerRole.ASSIST, done_at__isnull=False).delete()
        offered = [] if single else [(unit, HandlerRole.OFFERED) for unit in to]
        helping = [(unit, HandlerRole.ASSIST) for unit in assist if unit not in to]
        Handler.objects.bulk_create(
            [Handler(case=current, division_id=u.division, unit=u.key, role=role) for u, role in [*offered, *helping]],
            ignore_conflicts=True,
        )
        until = clocks_of(current).contact_by(now)
        step(
            current, "dispatch", by=by, now=now, note=note[:300], unit=single.key if single else "",
            owner_division_id=single.division if single else current.desk_id, owner_unit=single.key if single else "",
            dispatched_at=now, contact_until=until, contacted_at=None,
        )  # fmt: skip
        if single and single.division == current.desk_id and not single.key:
            step(current, "take", by=by, now=now)
        tell_units(current, [unit.key for unit in to if unit.key], "cases/assigned" if single else "cases/offered", now)
        tell_units(current, [unit.key for unit in assist if unit.key], "cases/assisting", now)
        tell_requester(current, "cases/dispatched", unit=single.name if single else "")
    case.refresh_from_db()


def _check_unit(case: Case, unit: Unit) -> None:
    node = tree().by_id.get(unit.division)
    if node is None or not node.path.startswith(case.desk.path):
        raise Refused(_("只能派给本区域内的单位。不属于本级职责的，请转上级。"), code="range", field="to")
    if goes_too_low(case.duty, node.level):
        raise Refused(_("这是职能部门的职责，不能派给街道和社区。请由区（市）县一级派单。"), code="not_grassroots", field="to")


TAKE = """
    UPDATE cases_case c
    SET owner_division_id = %(division)s, owner_unit = %(unit)s, state = 'signed_for', state_reason = '', state_since = %(now)s
    WHERE c.id = %(case)s AND c.state = 'dispatched' AND (
        (c.owner_unit = %(unit)s AND c.owner_division_id = %(division)s)
        OR (c.owner_unit = '' AND EXISTS (
            SELECT FROM cases_handler h
            WHERE h.case_id = c.id AND h.role = 'offered' AND h.unit = %(unit)s AND h.division_id = %(division)s
        ))
    )
    RETURNING c.id
"""
"""Whoever comes second finds the state changed: the row's lock is waited for, then the condition is looked at again."""


def take(*, case: Case, unit: Unit, by: Actor, now: datetime) -> None:
    """A unit takes the case (接单). Of several that were offered it one wins; the others are told who has it since when."""
    if not may_take(by, unit.key, tree().by_id[unit.division].path):
        raise Denied(Permission.HANDLE)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TAKE, {"case": case.pk, "unit": unit.key, "division": unit.division, "now": now})
            won = cursor.fetchone() is not None
        if not won:
            raise _taken(case, unit)
        current = locked(case)
        if current.requester_id is not None and current.requester_id == by.person_id:
            raise Refused(_("自己提出的诉求要由别人接单。"), code="own")
        note_event(current, "take", by=by, now=now, unit=unit.key)
        losers = list(current.handlers.filter(role=HandlerRole.OFFERED).exclude(unit=unit.key).values_list("unit", flat=True))
        current.handlers.filter(role=HandlerRole.OFFERED).delete()
        tell_units(current, losers, "cases/taken_by_another", now, unit=unit.name)
        tell_requester(current, "cases/taken", unit=unit.name)
    case.refresh_from_db()


def _taken(case: Case, unit: Unit) -> Refused:
    """Why the case cannot be taken: who has it, since when; or that it was never for this unit."""
    current = Case.objects.with_places().get(pk=case.pk)
    last = current.events.filter(verb="take").order_by("-id").first()
    if last is None or current.state in ("received", "returned", "dispatched"):
        return Refused(_("这件事现在没有派给您的单位。请刷新页面查看最新状态。"), code="not_offered", state=current.state)
    if (current.owner_division_id, current.owner_unit) == (unit.division, unit.key):
        return Refused(_("您的单位已经接下这件事。"), code="already", state=current.state)
    at = last.at.astimezone().strftime("%m-%d %H:%M")
    message = _("“%(unit)s”已在 %(at)s 先接下了这件事。谢谢您，请看看别的。")
    return Refused(message % {"unit": selectors.owner_name(current), "at": at}, code="taken", state=current.state)


def decline(*, case: Case, unit: Unit, reason: str, by: Actor, now: datetime) -> None:
    """A unit does not want an offered case, and says why; when nobody is left the desk has it back."""
    words = said(reason)
    if not may_take(by, unit.key, tree().by_id[unit.division].path):
        raise Denied(Permission.HANDLE)
    with transaction.atomic():
        current = locked(case)
        gone, _rows = current.handlers.filter(role=HandlerRole.OFFERED, unit=unit.key, division=unit.division).delete()
        if current.state != "dispatched" or not gone:
            raise Refused(_("这件事现在没有派给您的单位。请刷新页面查看最新状态。"), code="not_offered", state=current.state)
        note_event(current, "decline", by=by, now=now, note=words, unit=unit.key)
        if not current.handlers.filter(role=HandlerRole.OFFERED).exists():
            step(current, "return", by=by, now=now, note=_("没有单位接单"), returns=current.returns + 1)
            tell_desk(current, "cases/returned", now, unit=unit.name, reason=words)
    case.refresh_from_db()


def give_back(*, case: Case, reason: str, by: Actor, now: datetime) -> None:
    """Not one's duty (退单). The second dispute since it was received is decided by the office of the level above."""
    words = said(reason)
    with transaction.atomic():
        current = locked(case)
        if not may_handle(by, current):
            raise Denied(Permission.HANDLE)
        unit = current.owner_unit
        desk = _above(current.desk) if current.returns >= 1 else current.desk
        step(
            current, "return", by=by, now=now, note=words, unit=unit, returns=current.returns + 1,
            desk=desk, owner_division=desk, owner_unit="",
        )  # fmt: skip
        tell_desk(current, "cases/returned", now, unit=selectors.unit_name(unit, current.owner_division), reason=words)
    case.refresh_from_db()


def hand_up(*, case: Case, reason: str, by: Actor, now: datetime) -> None:
    """The desk cannot place it: the office of the level above becomes its desk."""
    words = said(reason)
    with transaction.atomic():
        current = _at_desk(case, by)
        if current.state not in ("received", "returned", "reopened"):
            raise Refused(_("只有还没派出的工单可以转上级。"), code="state", state=current.state)
        desk = _above(current.desk)
        if desk.pk == current.desk_id:
            raise Refused(_("已经在最上一级。"), code="top")
        current.desk = current.owner_division = desk
        current.owner_unit = ""
        current.save(update_fields=["desk", "owner_division", "owner_unit"])
        note_event(current, "hand_up", by=by, now=now, note=words)
        tell_desk(current, "cases/to_dispatch", now)
    case.refresh_from_db()


def _above(desk: Division) -> Division:
    node = tree().by_id[desk.pk]
    return desk if node.parent_id is None else Division.objects.get(pk=node.parent_id)


def extend(*, case: Case, days: int, reason: str, by: Actor, now: datetime) -> None:
    """More working days for a complex case: once, at most as the clocks allow, decided by the desk, with a reason that is told."""
    words = said(reason)
    with transaction.atomic():
        current = _at_desk(case, by)
        if current.state not in ("dispatched", "signed_for", "handling"):
            raise Refused(_("只有正在办理的工单可以延期。"), code="state", state=current.state)
        clocks = clocks_of(current)
        _days, most, _rule = clocks.days(current.nature)
        if current.extended_days:
            raise Refused(_("已经延期过一次。"), code="extended")
        if not 1 <= days <= most:
            raise Refused(_("最多延长 %(days)s 个工作日。") % {"days": most}, code="days", field="days")
        begun = selectors.clock_start(current, selectors.events_of(current))
        current.due_on = current.promised_on = clocks.reply_by(current.nature, begun, days).date
        current.extended_days = days
        if current.pressure != "calm" and current.due_on >= local_date(now):
            current.pressure = PRESSURE.target("relieve", current.pressure)
        current.save(update_fields=["due_on", "promised_on", "extended_days", "pressure"])
        note_event(current, "extend", by=by, now=now, note=words)
        tell_requester(current, "cases/extended", reason=words)
        audit.record("cases.extended", f"case:{current.pk}", by=by, days=days)
    case.refresh_from_db()
