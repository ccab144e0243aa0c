"""What the checks against fabricated hours found: the list, one with what it rests on, the reply, the decision."""

from enum import StrEnum
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from qunli.audit.services import looked
from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of, or_404
from qunli.kernel.masking import mask_name
from qunli.service_hours import perms, selectors, services
from qunli.service_hours.api.schemas import Cursor, DecisionIn, FindingDetail, FindingOut, FindingPage, ReplyIn
from qunli.service_hours.integrity.showing import beside, told
from qunli.service_hours.models import Finding
from qunli.service_hours.perms import Permission

router = Router()


class Which(StrEnum):
    """Waiting for a decision, or decided."""

    OPEN = "open"
    DECIDED = "decided"


def _plain(finding: Finding) -> dict[str, Any]:
    found = told(finding)
    return {
        "id": finding.pk,
        "record": finding.record_id,
        "activity": finding.record.activity_id,
        "title": finding.record.activity.title,
        "team": finding.record.activity.team.name,
        "kind": finding.kind,
        "text": found.text,
        "severity": finding.severity,
        "state": finding.state,
        "found_on": finding.found_on,
        "reply_until": finding.reply_until,
    }


def _visible(request: HttpRequest, finding: int) -> Finding:
    return or_404(selectors.visible_finding(finding_id=finding, actor=actor_of(request)))


def _detail(request: HttpRequest, finding: int) -> FindingDetail:
    found, actor = _visible(request, finding), actor_of(request)
    record = found.record
    own = perms.is_own(actor, record)
    named = own or perms.over(actor, Permission.RECORD, record.activity) or perms.over(actor, Permission.VERIFY, record.activity)
    if named and not own:
        looked("service_hours.finding", f"finding:{found.pk}", by=actor)
    said = told(found)
    return FindingDetail(
        **_plain(found),
        person=record.person.name if named else mask_name(record.person.name),
        clause=said.clause,
        rules=said.rules,
        facts=found.facts,
        others=[one.pk for one in beside(found, actor)],
        reply=found.reply,
        replied_at=found.replied_at,
        reason=found.reason,
        decided_at=found.decided_at,
    )


@router.get(
    "/findings",
    response={200: FindingPage, **PROBLEMS},
    auth=needs("records:read"),
    summary="What the checks found in one's reach: waiting for a decision (the earliest term first), or decided",
)
def findings(request: HttpRequest, which: Which = Which.OPEN, cursor: Cursor = None) -> FindingPage:
    actor = actor_of(request)
    if not (actor.has(Permission.INSPECT) or actor.has(Permission.JUDGE)):
        raise Denied(Permission.INSPECT)
    page = selectors.findings(actor=actor, decided=which == Which.DECIDED, cursor=cursor)
    return FindingPage(items=[FindingOut(**_plain(one)) for one in page.items], next=page.next, previous=page.previous)


@router.get(
    "/findings/{int:finding}",
    response={200: FindingDetail, **PROBLEMS},
    auth=needs("records:read"),
    summary="One finding with what it rests on",
)
def finding(request: HttpRequest, finding: Id) -> FindingDetail:
    return _detail(request, finding)


@router.post(
    "/findings/{int:finding}/reply",
    response={200: FindingDetail, **PROBLEMS},
    auth=needs("records:write"),
    summary="The volunteer, or who ran the day, says how it was",
)
def reply(request: HttpRequest, finding: Id, data: ReplyIn) -> FindingDetail:
    services.reply_to(finding=_visible(request, finding), reply=data.reply, by=actor_of(request), now=timezone.now())
    return _detail(request, finding)


@router.post(
    "/findings/{int:finding}/decide",
    response={200: FindingDetail, **PROBLEMS},
    auth=needs("findings:write"),
    summary="Uphold (the hours are void) or dismiss (they stand)",
)
def decide(request: HttpRequest, finding: Id, data: DecisionIn) -> FindingDetail:
    verb = services.uphold_finding if data.decision == "uphold" else services.dismiss
    verb(finding=_visible(request, finding), reason=data.reason, by=actor_of(request), now=timezone.now())
    return _detail(request, finding)
