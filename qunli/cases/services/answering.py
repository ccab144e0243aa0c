"""The answer, the visit back, the rating, opening again, the archive. Nothing closes without reply or without a survey."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.cases import selectors
from qunli.cases.clocks import clocks_of, clocks_on
from qunli.cases.enums import Channel, HandlerRole
from qunli.cases.models import Case, Reply
from qunli.cases.perms import Permission, is_own, may_dispatch
from qunli.cases.states import CASE, PRESSURE
from qunli.cases.steps import handled, locked, note_event, said, step, tell_desk, tell_owner, tell_requester, tell_units
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import SHANGHAI, add_working_days, local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import seen


def _calm(case: Case) -> str:
    return case.pressure if case.pressure == "calm" else PRESSURE.target("relieve", case.pressure)


def reply(*, case: Case, text: str, channel: str, by: Actor, now: datetime) -> None:
    """Answer the requester: text, channel, time. All who assist must have reported before."""
    words = text.strip()
    if seen(words) < 2 or len(words) > 2000:
        raise Refused(_("请写明办理结果，最多 2000 个字。"), code="text", field="text")
    if channel not in Channel.values:
        raise Refused(_("请选择怎样答复的。"), code="channel", field="channel")
    with transaction.atomic():
        current = handled(case, by)
        days = clocks_of(current).limit("visit_back_days")
        CASE.target("reply", current.state)
        waiting = list(current.handlers.filter(role=HandlerRole.ASSIST, done_at=None).select_related("division"))
        if waiting:
            names = "、".join(selectors.unit_name(one.unit, one.division) for one in waiting)
            raise Refused(_("协办单位还没有反馈：%(names)s。") % {"names": names}, code="assist_open")
        today = local_date(now)
        answer = Reply.objects.create(text=words, length=len(words), channel=channel, replied_at=now, replied_by_id=by.person_id)
        step(
            current, "reply", by=by, now=now, answer=answer, reply=answer, unit=current.owner_unit, pressure=_calm(current),
            contacted_at=current.contacted_at or now, due_on=add_working_days(today, days).date,
        )  # fmt: skip
        tell_requester(current, "cases/replied", sms=True)
    case.refresh_from_db()


def visit_back(
    *, case: Case, reached: bool, solved: bool | None = None, satisfied: bool | None = None, comment: str = "",
    by: Actor, now: datetime,
) -> None:  # fmt: skip
    """The desk asks the requester. Reached: the rating is taken down. Not reached: counted; three of them allow the archive."""
    with transaction.atomic():
        current = locked(case)
        if not may_dispatch(by, current):
            raise Denied(Permission.DISPATCH)
        if current.state not in ("replied", "visited_back"):
            raise Refused(_("答复以后才回访。"), code="state", state=current.state)
        if not reached:
            _not_reached(current, by, now)
        else:
            if solved is None or satisfied is None:
                raise Refused(_("请填写是否解决、是否满意。"), code="rating", field="solved")
            if current.state == "replied":
                step(current, "visit_back", by=by, now=now)
            _rate(current, solved, satisfied, comment, by, now)
    case.refresh_from_db()


def _not_reached(case: Case, by: Actor, now: datetime) -> None:
    """One more failed contact. Several in a row are one: each counts from the moment that the rules give."""
    clocks = clocks_of(case)
    if case.failed_first_at is not None and case.failed_last_at is not None:
        counts_from = clocks.next_try(case.failed_first_at, case.failed_last_at, case.failed_contacts)
        if now < counts_from:
            raise Refused(
                _("离上一次没联系上太近，不能算一次。请在 %(at)s 以后再联系。")
                % {"at": counts_from.astimezone(SHANGHAI).strftime("%m-%d %H:%M")},
                code="too_soon",
                field="reached",
                counts_from=counts_from.isoformat(),
            )
    count = case.failed_contacts + 1
    tried: dict[str, Any] = {"failed_contacts": count, "failed_first_at": case.failed_first_at or now, "failed_last_at": now}
    note = _("第 %(n)s 次没有联系上") % {"n": count}
    if count >= clocks.limit("failed_contacts") and case.state == "replied":
        step(case, "visit_back", by=by, now=now, note=note, **tried)
    else:
        for name, value in tried.items():
            setattr(case, name, value)
        case.save(update_fields=list(tried))
        note_event(case, "not_reached", by=by, now=now, note=note)


def rate(*, case: Case, solved: bool, satisfied: bool, comment: str = "", again: bool = False, by: Actor, now: datetime) -> None:
    """The requester says how it was. With `again` an unsolved or unsatisfying case is opened again at once."""
    with transaction.atomic():
        current = locked(case)
        if not is_own(by, current):
            raise Denied(Permission.ASK, _("评价别人的诉求"))
        _rate(current, solved, satisfied, comment, by, now)
        if again and not (solved and satisfied):
            _reopen(current, comment.strip()[:300] or _("没有解决或不满意"), by, now)
    case.refresh_from_db()


def _rate(case: Case, solved: bool, satisfied: bool, comment: str, by: Actor, now: datetime) -> None:
    words = comment.strip()
    if len(words) > 500:
        raise Refused(_("最多 500 个字。"), code="comment", field="comment")
    today = local_date(now)
    note = f"{_('已解决') if solved else _('没有解决')}，{_('满意') if satisfied else _('不满意')}"
    step(
        case, "rate", by=by, now=now, note=note, rated_at=now, solved=solved, satisfied=satisfied, comment=words or None,
        pressure=_calm(case), due_on=add_working_days(today, clocks_of(case).limit("archive_days")).date,
    )  # fmt: skip
    tell_units(case, [case.owner_unit], "cases/rated", now, solved=solved, satisfied=satisfied)
    if not (solved and satisfied):
        tell_desk(case, "cases/rated", now, solved=solved, satisfied=satisfied)


def reopen(*, case: Case, reason: str, by: Actor, now: datetime) -> None:
    """Not solved or not satisfied: again, with a new clock. By the requester, or by the desk."""
    words = said(reason)
    with transaction.atomic():
        current = locked(case)
        if not (is_own(by, current) or may_dispatch(by, current)):
            raise Denied(Permission.ASK)
        _reopen(current, words, by, now)
    case.refresh_from_db()


def _reopen(case: Case, reason: str, by: Actor, now: datetime) -> None:
    CASE.target("reopen", case.state)
    today = local_date(now)
    until = clocks_of(case).limit("reopen_days")
    if case.solved and case.satisfied:
        raise Refused(_("已解决并且满意的诉求不用重新办理；有新的事请再提一件。"), code="satisfied")
    assert case.rated_at is not None
    if today > add_working_days(local_date(case.rated_at), until).date:
        raise Refused(_("评价已超过 %(days)s 个工作日，请再提一件。") % {"days": until}, code="late")
    clocks = clocks_on(today)
    due = clocks.reply_by(case.nature, today).date
    step(
        case, "reopen", by=by, now=now, note=reason, round=case.round + 1, reply=None, rated_at=None, solved=None, satisfied=None,
        failed_contacts=0, failed_first_at=None, failed_last_at=None, returns=0, extended_days=0, due_on=due, promised_on=due,
        clocks_id=clocks.clocks, follow_up_id=clocks.follow_up, owner_division=case.desk, owner_unit="",
    )  # fmt: skip
    tell_owner(case, "cases/reopened", now, reason=reason)


def archive(*, case: Case, by: Actor = SYSTEM, now: datetime) -> None:
    """Close it for good: answered, and rated or three times not reached. The database asks the same."""
    with transaction.atomic():
        current = locked(case)
        if not may_dispatch(by, current):
            raise Denied(Permission.DISPATCH)
        CASE.target("archive", current.state)
        if current.rated_at is None and current.failed_contacts < clocks_of(current).limit("failed_contacts"):
            raise Refused(_("要有评价，或三次回访都联系不上，才能归档。"), code="survey")
        step(current, "archive", by=by, now=now)
    case.refresh_from_db()
