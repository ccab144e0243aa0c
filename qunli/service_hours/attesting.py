"""Reads of what speaks for an attendance: photos, and what those served were asked and said."""

from hashlib import sha256

from qunli.kernel.actor import Actor
from qunli.kernel.masking import mask_name
from qunli.service_hours import perms, selectors
from qunli.service_hours.enums import RecordState
from qunli.service_hours.models import Photo, SampleItem, ServedRecord, ServedStatement, ServiceRecord


def may_see_photo(actor: Actor, subject: str) -> bool:
    """Whether the actor may see photos of a record ("record:7") of somebody else."""
    key = subject.partition(":")[2]
    found = selectors.visible_record(record_id=int(key), actor=actor) if key.isdecimal() and len(key) < 19 else None
    return found is not None and (perms.may_see_evidence(actor, found) or _checks(actor, found))


def _checks(actor: Actor, record: ServiceRecord) -> bool:
    """Whether a spot check drew the record and the actor is one of those who judge it."""
    rows = SampleItem.objects.visible_to(actor).filter(record=record).select_related("round__division", "record")
    return any(perms.may_check(actor, item) for item in rows)


def photos_of(*, record: ServiceRecord) -> list[Photo]:
    """Photos of a record that are still there, for who may see its evidence."""
    return [photo for photo in record.photos.all() if photo.attachment_id is not None]


def lines_about(*, record: ServiceRecord) -> list[ServedRecord]:
    """What was asked of those served about a record and what they said of it, the latest first."""
    return sorted(record.served.all(), key=lambda line: -line.statement_id)


def statement_of_token(*, token: str) -> ServedStatement | None:
    """What the holder of a link was asked; for anybody who has the link."""
    digest = sha256(token.encode()).digest()
    return ServedStatement.objects.select_related("activity__team").filter(token_digest=digest).first()


def statement_about(*, statement_id: int, record: ServiceRecord) -> ServedStatement | None:
    """A statement that is about a record which the caller may see."""
    return ServedStatement.objects.filter(pk=statement_id, lines__record=record).first()


def lines_of(*, statement: ServedStatement) -> list[tuple[int, str]]:
    """Keys and masked names of those whom a statement is about, for the page of who was served."""
    rows = statement.lines.select_related("record__person").exclude(record__state=RecordState.VOID).order_by("pk")
    return [(line.pk, mask_name(line.record.person.name)) for line in rows]
