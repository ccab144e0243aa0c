"""Photos and the word of who was served."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import File, Router, UploadedFile

from qunli.kernel.api import PROBLEMS, Id, needs
from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of, or_404
from qunli.service_hours import attesting, perms, services
from qunli.service_hours.api.schemas import EvidenceOut, PhotoOut, ServedCodeIn, ServedIn, StatementOut
from qunli.service_hours.api.shown import visible
from qunli.service_hours.integrity.evidence import fits
from qunli.service_hours.models import Photo, ServedRecord, ServiceRecord
from qunli.service_hours.perms import Permission

router = Router()


def _photo_out(photo: Photo, record: ServiceRecord) -> PhotoOut:
    return PhotoOut(
        id=photo.pk,
        file=photo.attachment.key if photo.attachment else None,
        fits=fits(photo, record),
        distance=photo.distance,
        taken_at=photo.taken_at,
        added_at=photo.added_at,
    )


def _statement_out(line: ServedRecord) -> StatementOut:
    said = line.statement
    return StatementOut(
        id=said.pk,
        role=said.role,
        contact=said.contact,
        asked_at=said.asked_at,
        valid_until=said.valid_until,
        answer=said.answer,
        answered_at=said.answered_at,
        way=said.way,
        there=line.there,
    )


def _line(record: ServiceRecord, statement: int) -> ServedRecord:
    return or_404(next((line for line in attesting.lines_about(record=record) if line.statement_id == statement), None))


def _addable(request: HttpRequest, record: int) -> ServiceRecord:
    found = visible(request, record)
    if not perms.may_add_evidence(actor_of(request), found):
        raise Denied(Permission.RECORD)
    return found


@router.get(
    "/records/{int:record}/evidence",
    response={200: EvidenceOut, **PROBLEMS},
    auth=needs("records:read"),
    summary="Photos of a record, and what those served were asked and said",
)
def evidence(request: HttpRequest, record: Id) -> EvidenceOut:
    found = visible(request, record)
    if not perms.may_see_evidence(actor_of(request), found):
        raise Denied(Permission.RECORD)
    return EvidenceOut(
        photos=[_photo_out(photo, found) for photo in attesting.photos_of(record=found)],
        statements=[_statement_out(line) for line in attesting.lines_about(record=found)],
    )


@router.post(
    "/records/{int:record}/photos", response={200: PhotoOut, **PROBLEMS}, auth=needs("records:write"), summary="Add a photo"
)
def add_photo(request: HttpRequest, record: Id, file: File[UploadedFile]) -> PhotoOut:
    found = _addable(request, record)
    return _photo_out(services.add_photo(record=found, upload=file, by=actor_of(request), now=timezone.now()), found)


@router.post(
    "/records/{int:record}/served",
    response={200: StatementOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="Ask who was served, by a message to their phone",
)
def ask_served(request: HttpRequest, record: Id, data: ServedIn) -> StatementOut:
    found = _addable(request, record)
    asked, _token = services.ask_served(records=[found], phone=data.phone, role=data.role, by=actor_of(request), now=timezone.now())
    return _statement_out(_line(visible(request, record), asked.pk))


@router.post(
    "/records/{int:record}/served/{int:statement}/code",
    response={200: StatementOut, **PROBLEMS},
    auth=needs("records:write"),
    summary="The code that the person served read out",
)
def tell_code(request: HttpRequest, record: Id, statement: Id, data: ServedCodeIn) -> StatementOut:
    found = _addable(request, record)
    asked = _line(found, statement).statement
    services.tell_code(statement=asked, code=data.code, by=actor_of(request), now=timezone.now())
    return _statement_out(_line(visible(request, record), statement))
