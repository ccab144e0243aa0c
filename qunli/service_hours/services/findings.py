"""What becomes of a finding: the reply of who is concerned, and the decision."""

from datetime import datetime

from django.db import transaction
from django.urls import reverse as address
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import seen
from qunli.notices.services import tell
from qunli.service_hours import perms
from qunli.service_hours.enums import FindingState, RecordState
from qunli.service_hours.models import Finding
from qunli.service_hours.perms import Permission
from qunli.service_hours.services.records import void
from qunli.service_hours.states import FINDING

LONGEST_REPLY, LONGEST_REASON = 1000, 300


def reply_to(*, finding: Finding, reply: str, by: Actor, now: datetime) -> Finding:
    """The volunteer, or who ran the day, says how it was. Raises Denied; Refused at "reply", and "state" when it is answered."""
    reply = _words(reply, "reply", LONGEST_REPLY)
    with transaction.atomic():
        found = _locked(finding)
        if not perms.may_reply(by, found):
            raise Denied("self", _("只有志愿者本人和活动的负责人可以申辩。"))
        found.state = FINDING.target("reply", found.state)
        found.reply, found.replied_at, found.replied_by_id = reply, now, by.person_id
        found.save(update_fields=["state", "reply", "replied_at", "replied_by"])
        audit.record("service_hours.reply", f"finding:{found.pk}", by=by)
    return found


def dismiss(*, finding: Finding, reason: str, by: Actor, now: datetime) -> Finding:
    """It does not hold: the hours stand. Raises Denied, and Refused at "reason" and "state"."""
    return _decide(finding, "dismiss", reason, by, now)


def uphold_finding(*, finding: Finding, reason: str, by: Actor, now: datetime) -> Finding:
    """It holds: the record is void, its hours are reversed and certificates that rest on them lapse, in one transaction.

    Raises Denied; Refused at "reason", "state", and "reply_time" while a reply may still come.
    """
    return _decide(finding, "uphold", reason, by, now)


def _decide(finding: Finding, verb: str, reason: str, by: Actor, now: datetime) -> Finding:
    reason = _words(reason, "reason", LONGEST_REASON)
    with transaction.atomic():
        found = _locked(finding)
        if not perms.may_judge(by, found):
            raise Denied(Permission.JUDGE, _("本人，以及记录、提交或核实过这条记录的人，不能裁定。"))
        target = FINDING.target(verb, found.state)
        if verb == "uphold" and found.state == FindingState.OPEN and local_date(now) <= found.reply_until:
            raise Refused(
                _("当事人还没有申辩，%(day)s 以前不能认定属实。") % {"day": date_format(found.reply_until, _("n月j日"))},
                code="reply_time",
                field="reason",
            )
        found.state, found.reason, found.decided_at, found.decided_by_id = target, reason, now, by.person_id
        found.save(update_fields=["state", "reason", "decided_at", "decided_by"])
        audit.record(f"service_hours.{verb}_finding", f"finding:{found.pk}", by=by, reason=reason)
        if verb == "uphold" and found.record.state != RecordState.VOID:
            void(record=found.record, reason=reason, by=by, now=now)
        elif verb == "dismiss":
            tell(
                {found.record.person_id, found.record.activity.person_in_charge_id},
                "service_hours/hours_cleared",
                url=address("service_hours:finding", args=[found.pk]),
                title=found.record.activity.title,
                reason=reason,
            )
    return found


def _locked(finding: Finding) -> Finding:
    rows = Finding.objects.select_for_update(of=("self",)).select_related("record__activity__division", "record__activity__team")
    return rows.get(pk=finding.pk)


def _words(text: str, field: str, longest: int) -> str:
    text = text.strip()
    if not seen(text):
        raise Refused(_("请写明情况。"), code="empty", field=field)
    if len(text) > longest:
        raise Refused(_("最多 %(count)d 个字。") % {"count": longest}, code="long", field=field)
    return text
