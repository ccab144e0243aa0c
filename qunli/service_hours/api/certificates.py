"""Certificates and their verification."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import File, Router, UploadedFile

from qunli.audit.services import looked
from qunli.kernel.api import PROBLEMS, needs
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, or_404
from qunli.people.models import Person
from qunli.service_hours import perms, selectors, services, verification
from qunli.service_hours.api.schemas import CertificateOut, CertificatePage, Cursor, PaperOut, PeriodIn, ReasonIn, VerdictOut
from qunli.service_hours.limits import count_upload
from qunli.service_hours.models import Certificate
from qunli.service_hours.numbering import grouped, normal_number
from qunli.service_hours.perms import Permission
from qunli.volunteering.selectors import volunteer_by_number

router = Router()


def _certificate_out(certificate: Certificate) -> CertificateOut:
    plain = {name: getattr(certificate, name) for name in CertificateOut.model_fields if name not in ("number", "sha256")}
    return CertificateOut(number=grouped(certificate.number), sha256=bytes(certificate.sha256).hex(), **plain)


@router.get(
    "/certificates", response={200: CertificatePage, **PROBLEMS}, auth=needs("certificates:read"), summary="One's own certificates"
)
def certificates(request: HttpRequest, cursor: Cursor = None) -> CertificatePage:
    page = selectors.my_certificates(actor=actor_of(request), cursor=cursor)
    return CertificatePage(items=[_certificate_out(c) for c in page.items], next=page.next, previous=page.previous)


@router.post(
    "/certificates", response={200: CertificateOut, **PROBLEMS}, auth=needs("certificates:write"), summary="Issue for a period"
)
def issue(request: HttpRequest, data: PeriodIn) -> CertificateOut:
    actor = actor_of(request)
    person: Person | None
    if data.volunteer:
        volunteer = volunteer_by_number(number=data.volunteer)
        if volunteer is None or not perms.may_issue_for(actor, volunteer.person, volunteer.division.path):
            raise Refused(_("您的辖区里没有这个编号的志愿者，请核对。"), code="not_found", field="volunteer")
        person = volunteer.person
    else:
        person = Person.objects.filter(pk=actor.person_id or 0).first()
    if person is None:
        raise Refused(_("请先登记个人资料。"), code="no_person")
    return _certificate_out(services.issue(person=person, since=data.since, until=data.until, by=actor, now=timezone.now()))


def _certificate(request: HttpRequest, number: str) -> Certificate:
    normal = normal_number(number)
    return or_404(selectors.visible_certificate(number=normal, actor=actor_of(request)) if normal else None)


@router.get(
    "/certificates/{number}", response={200: CertificateOut, **PROBLEMS}, auth=needs("certificates:read"), summary="One certificate"
)
def certificate(request: HttpRequest, number: str) -> CertificateOut:
    return _certificate_out(_certificate(request, number))


@router.get(
    "/certificates/{number}/pdf",
    response={200: None, **PROBLEMS},
    auth=needs("certificates:read"),
    summary="Its file (application/pdf)",
)
def certificate_pdf(request: HttpRequest, number: str) -> HttpResponse:
    found, actor = _certificate(request, number), actor_of(request)
    if not perms.may_download(actor, found, found.person.volunteer.division.path):
        raise Denied(Permission.ISSUE_CERTIFICATE)
    if found.person_id != actor.person_id:
        looked("service_hours.certificate_file", f"certificate:{found.pk}", by=actor)
    return HttpResponse(bytes(found.pdf), content_type="application/pdf")


@router.post(
    "/certificates/{number}/revoke", response={200: CertificateOut, **PROBLEMS}, auth=needs("certificates:write"), summary="Revoke"
)
def revoke(request: HttpRequest, number: str, data: ReasonIn) -> CertificateOut:
    services.revoke(certificate=_certificate(request, number), reason=data.reason, by=actor_of(request), now=timezone.now())
    return _certificate_out(_certificate(request, number))


def _verdict(found: verification.Verdict) -> VerdictOut:
    return VerdictOut(verdict=found.kind.value, number=found.number, paper=PaperOut(**vars(found.paper)) if found.paper else None)


@router.get("/verify/{number}", response={200: VerdictOut, **PROBLEMS}, auth=None, summary="Is a number genuine? Needs no sign-in")
def verify_number(request: HttpRequest, number: str) -> VerdictOut:
    return _verdict(verification.by_number(number))


@router.post("/verify", response={200: VerdictOut, **PROBLEMS}, auth=None, summary="Is a file genuine? Needs no sign-in")
def verify_file(request: HttpRequest, file: File[UploadedFile]) -> VerdictOut:
    count_upload(request)
    data = file.read(verification.LARGEST + 1)
    return _verdict(verification.by_file(data, now=timezone.now()))
