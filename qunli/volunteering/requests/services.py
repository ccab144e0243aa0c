"""Asking for something, and what a team makes of it. Everything else is the case's own way (`qunli.cases`)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.cases import services as cases
from qunli.cases.models import Case
from qunli.cases.perms import Permission, may_handle
from qunli.divisions.models import Division
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person
from qunli.volunteering.models import Activity, ResidentRequest
from qunli.volunteering.requests.selectors import KIND


@dataclass(frozen=True)
class Wish:
    """What a resident asks for; `starts_at` when it is wanted, nothing for any time."""

    matter: str
    division: Division
    text: str = ""
    place: str = ""
    starts_at: datetime | None = None
    urgent: bool = False
    no_emergency: bool = False


def ask(*, wish: Wish, requester: Person | None = None, contact: cases.Contact | None = None, by: Actor, now: datetime) -> Case:
    """Open a request: for oneself, or by a community worker for somebody. Raises Refused as `cases.services.receive` does."""
    if wish.starts_at is not None and wish.starts_at <= now:
        raise Refused(_("希望的时间已经过去，请选以后的时间。"), code="past", field="starts_at")
    matter = cases.matters(KIND).get(wish.matter)
    if matter is None:
        raise Refused(_("请选择要帮什么忙。"), code="matter", field="matter")
    asked = cases.Asked(
        matter=wish.matter, division=wish.division, title=matter.zh, text=wish.text, place=wish.place, urgent=wish.urgent,
        no_emergency=wish.no_emergency,
    )  # fmt: skip
    with transaction.atomic():
        case = cases.receive(kind=KIND, asked=asked, requester=requester, contact=contact, by=by, now=now)
        ResidentRequest.objects.create(case=case, starts_at=wish.starts_at)
    return case


def becomes(*, case: Case, activity: Activity, by: Actor, now: datetime) -> None:
    """The team that has the case made this activity of it. One activity a request: whoever comes second is refused."""
    if not may_handle(by, case):
        raise Denied(Permission.HANDLE)
    with transaction.atomic():
        if not ResidentRequest.objects.filter(case=case, activity=None).update(activity=activity):
            raise Refused(_("这件诉求已经有活动了。"), code="already")
        cases.begin(case=case, note=_("发起活动“%(title)s”") % {"title": activity.title}, by=by, now=now)


def split(case: Case, part: Case) -> None:
    """A further thing that was asked for becomes a request too, wanted at the same time. In the caller's transaction."""
    wanted = ResidentRequest.objects.filter(case=case).values_list("starts_at", flat=True).first()
    ResidentRequest.objects.create(case=part, starts_at=wanted)


def held(*, activity: Activity, by: Actor, now: datetime) -> None:
    """The activity is over: it stands in the request's way, and the team is asked for the answer. In the caller's transaction."""
    for request in ResidentRequest.objects.filter(activity=activity).select_related("case__owner_division", "case__desk"):
        if request.case.state in ("signed_for", "handling"):
            cases.note_held(case=request.case, note=_("活动“%(title)s”已结束") % {"title": activity.title}, by=by, now=now)
