"""The officers' word on stars that the rules propose: grant or refuse, one or several at once."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.urls import reverse as address
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import seen
from qunli.notices.services import tell
from qunli.people.models import Person
from qunli.service_hours import perms
from qunli.service_hours.enums import StarKind, StarState
from qunli.service_hours.models import StarEntry, StarProposal
from qunli.service_hours.stars.keeping import carries, withdraw
from qunli.service_hours.states import STAR
from qunli.volunteering.models import Volunteer

AT_ONCE = 200
"""Proposals that one call may decide."""
ABOVE_THE_CITY = ("province",)
"""Levels that decide outside of the platform: the city enters the number of their document."""


class Decided(NamedTuple):
    """What became of several proposals: those that were decided, and why the others were not."""

    proposals: list[StarProposal]
    refused: list[tuple[StarProposal, Refused]]


def grant_stars(*, proposals: Iterable[StarProposal], document: str = "", by: Actor, now: datetime) -> Decided:
    """Grant stars that wait. The hours are read again under lock: what they do not carry any more is not granted ("hours").

    Of two who decide at once one wins, the other finds the proposal decided ("state"). Where the level above the city
    approves, `document` names its paper ("document"). One's own is refused ("own"). Raises Denied for a level or place of others.
    """
    document = document.strip()
    with transaction.atomic():
        volunteers, found = _locked(proposals)
        good, bad = _sorted(found, "grant", by)
        for one in list(good):
            volunteer = volunteers.get(one.person_id)
            try:
                if volunteer is None or volunteer.state != "active":
                    raise Refused(_("这名志愿者已暂停或注销，不能评定星级。"), code="not_active")
                if not carries(one.decision, one.level, minutes=volunteer.minutes, then=one.minutes):
                    raise Refused(_("现有的时长已达不到这个星级，系统会在夜间撤回。"), code="hours")
                if one.approval in ABOVE_THE_CITY and not seen(document):
                    raise Refused(_("请填写上级的批准文号。"), code="document", field="document")
            except Refused as refused:
                good.remove(one)
                bad.append((one, refused))
        _decide(good, StarState.GRANTED, by, now, document=document[:100])
        StarEntry.objects.bulk_create(
            StarEntry(
                person_id=one.person_id,
                proposal=one,
                kind=StarKind.GRANTED,
                level=one.level,
                minutes=volunteers[one.person_id].minutes,
                created_at=now,
                created_by_id=by.person_id,
            )
            for one in good
        )
        audit.record_many([("service_hours.grant_star", f"star:{one.pk}", {"level": one.level}) for one in good], by=by)
        for level in sorted({one.level for one in good}):
            people = [one.person_id for one in good if one.level == level]
            tell(people, "service_hours/star_granted", url=address("service_hours:stars"), level=level)
    return Decided(good, bad)


def refuse_stars(*, proposals: Iterable[StarProposal], reason: str, by: Actor, now: datetime) -> Decided:
    """Refuse stars that wait, with a reason that the volunteer reads. Raises Denied, and Refused at "reason"."""
    reason = reason.strip()
    if not seen(reason):
        raise Refused(_("请写明原因。"), code="reason", field="reason")
    if len(reason) > 300:
        raise Refused(_("原因最多 300 个字。"), code="reason_long", field="reason")
    with transaction.atomic():
        _volunteers, found = _locked(proposals)
        good, bad = _sorted(found, "refuse", by)
        _decide(good, StarState.REFUSED, by, now, reason=reason)
        audit.record_many([("service_hours.refuse_star", f"star:{one.pk}", {"level": one.level}) for one in good], by=by)
        for one in good:
            tell([one.person_id], "service_hours/star_refused", url=address("service_hours:stars"), level=one.level, reason=reason)
    return Decided(good, bad)


def withdraw_with_person(*, person: Person, by: Actor, now: datetime) -> None:
    """When a person is erased, what waits for them ends; what was granted stays on a bare number, as the hours do."""
    waiting = StarProposal.objects.filter(person=person, state=StarState.PROPOSED).values_list("pk", flat=True)
    withdraw(waiting, reason=str(_("本人已注销")), by=by, now=now)


def _locked(proposals: Iterable[StarProposal]) -> tuple[dict[int, Volunteer], list[StarProposal]]:
    """Volunteers first, in the order of their keys, as the ledger's trigger locks them; then the proposals."""
    keys = {one.pk for one in proposals}
    if len(keys) > AT_ONCE:
        raise Refused(_("一次最多处理 %(count)d 条，请分几次。") % {"count": AT_ONCE}, code="too_many")
    people = StarProposal.objects.filter(pk__in=keys).values("person")
    volunteers = Volunteer.objects.select_for_update(of=("self",), no_key=True).filter(person__in=people).order_by("pk")
    by_person = {volunteer.person_id: volunteer for volunteer in volunteers}
    rows = StarProposal.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    return by_person, list(rows.select_related("division", "decision__version", "person"))


def _sorted(found: Iterable[StarProposal], verb: str, by: Actor) -> tuple[list[StarProposal], list[tuple[StarProposal, Refused]]]:
    good: list[StarProposal] = []
    bad: list[tuple[StarProposal, Refused]] = []
    for one in found:
        try:
            if by.person_id is not None and by.person_id == one.person_id:
                raise Refused(_("自己的星级要由别人评定。"), code="own")
            if not perms.may_decide_star(by, one):
                raise Denied(perms.STAR_APPROVAL.get(one.approval, perms.Permission.GRANT_CITY_STAR))
            STAR.target(verb, one.state)
        except Refused as refused:
            bad.append((one, refused))
        else:
            good.append(one)
    return good, bad


def _decide(proposals: Iterable[StarProposal], state: StarState, by: Actor, now: datetime, **values: str) -> None:
    values_of = {"state": state, "decided_at": now, "decided_by_id": by.person_id, **values}
    for one in proposals:
        for name, value in values_of.items():
            setattr(one, name, value)
    StarProposal.objects.filter(pk__in=[one.pk for one in proposals]).update(**values_of)
