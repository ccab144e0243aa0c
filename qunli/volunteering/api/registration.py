"""Registration as a volunteer."""

from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router, Status

from qunli.accounts.models import Account
from qunli.kernel.api import PROBLEMS, needs
from qunli.kernel.http import actor_of
from qunli.volunteering import selectors, services
from qunli.volunteering.api.common import division_of
from qunli.volunteering.api.schemas import GuardianAskedIn, OfferIn, RegistrationIn, VolunteerOut
from qunli.volunteering.models import Volunteer
from qunli.volunteering.services import GuardianAnswers, RegistrationAnswers

router = Router(tags=["volunteers"])
READ, WRITE = needs("volunteers:read"), needs("volunteers:write")


def _own(request: HttpRequest) -> Volunteer:
    volunteer = selectors.volunteer_of(actor=actor_of(request))
    if volunteer is None:
        raise Http404(_("还没有登记为志愿者。"))
    return volunteer


@router.get("/volunteer", response={200: VolunteerOut, **PROBLEMS}, auth=READ, summary="One's own registration")
def get(request: HttpRequest) -> VolunteerOut:
    return VolunteerOut.of(_own(request))


@router.post("/volunteer", response={201: VolunteerOut, **PROBLEMS}, auth=WRITE, summary="Register as a volunteer")
def register(request: HttpRequest, data: RegistrationIn) -> Status[VolunteerOut]:
    """Who was one before gets the old number and hours back. 409 names the field that is wrong."""
    account = Account.objects.get(pk=actor_of(request).account_id or 0)
    guardian = GuardianAnswers(**data.guardian.dict()) if data.guardian is not None else None
    answers = RegistrationAnswers(
        division=division_of(data.division),
        skills=[str(s) for s in data.skills],
        categories=[str(c) for c in data.categories],
        free_times=data.free_times,
        consents=frozenset(str(p) for p in data.consents),
        name=data.name,
        id_kind=data.id_kind,
        id_number=data.id_number,
        sex=data.sex or "",
        birth_date=data.birth_date,
        phone=data.phone,
        guardian=guardian,
    )
    volunteer = services.register(account=account, answers=answers, by=actor_of(request), now=timezone.now())
    return Status(201, VolunteerOut.of(volunteer))


@router.post("/volunteer/guardian-code", response={204: None, **PROBLEMS}, auth=WRITE, summary="Ask a minor's guardian")
def ask_guardian(request: HttpRequest, data: GuardianAskedIn) -> Status[None]:
    """Sends the guardian a one-time code by SMS, with which the registration shows that the guardian agrees; valid ten minutes."""
    account = Account.objects.get(pk=actor_of(request).account_id or 0)
    answers = GuardianAnswers(**data.dict(exclude={"minor"}))
    services.ask_guardian(account=account, name=data.minor, answers=answers, now=timezone.now())
    return Status(204, None)


@router.put("/volunteer", response={200: VolunteerOut, **PROBLEMS}, auth=WRITE, summary="Change what one offers")
def change(request: HttpRequest, data: OfferIn) -> VolunteerOut:
    volunteer = _own(request)
    services.change_profile(
        volunteer=volunteer,
        division=division_of(data.division),
        skills=[str(s) for s in data.skills],
        categories=[str(c) for c in data.categories],
        free_times=data.free_times,
        by=actor_of(request),
        now=timezone.now(),
    )
    return VolunteerOut.of(volunteer)


@router.delete("/volunteer", response={204: None, **PROBLEMS}, auth=WRITE, summary="Deregister")
def deregister(request: HttpRequest) -> Status[None]:
    """Future sign-ups are given back, teams left; records, number and hours are kept."""
    services.deregister(volunteer=_own(request), by=actor_of(request), now=timezone.now())
    return Status(204, None)
