"""Keeping files: checked, cleaned, encrypted, then written; and taking them away."""

from datetime import datetime
from hashlib import sha256
from pathlib import PurePath
from typing import Any
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from qunli.audit.services import record
from qunli.files.contents import FORMATS, LIMIT, Origin, checked, kind_of, origin_of
from qunli.files.models import Attachment
from qunli.kernel.actor import Actor
from qunli.kernel.ciphers import decrypt_bytes, encrypt_bytes
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person


def path_of(key: UUID) -> str:
    """Where the content of a key stands in the storage: nothing of its name or owner shows."""
    return f"{key.hex[:2]}/{key.hex}"


def store(*, upload: "UploadedFile[Any]", owner: Person, subject: str, by: Actor) -> Attachment:
    """Keep an uploaded file of `owner`. Raises Refused at `file` for what is too big, not allowed or not what it says.

    The content is on the disk before the row is committed; a transaction that rolls back leaves an encrypted file that no row
    names, which `sweep` takes away.
    """
    name = PurePath(upload.name or "").name[-120:] or _("附件")
    # One byte more than allowed is enough to know; the rest is not read into memory.
    content = checked(name, upload.read(LIMIT + 1))
    key = uuid4()
    default_storage.save(path_of(key), ContentFile(encrypt_bytes(content.data)))
    with transaction.atomic():
        attachment = Attachment.objects.create(
            key=key,
            owner=owner,
            subject=subject,
            name=name,
            content_type=content.content_type,
            size=len(content.data),
            sha256=sha256(content.data).digest(),
        )
        record("files.store", f"attachment:{attachment.pk}", by=by, of=subject, size=attachment.size, type=content.content_type)
    return attachment


def photo_origin(upload: "UploadedFile[Any]") -> Origin:
    """Where and when an upload that is to be a photo says it was taken, before `store` takes that out.

    Raises Refused at `file` "kind" for what is no photo.
    """
    data = upload.read(LIMIT + 1)
    upload.seek(0)
    if data and kind_of(data) not in FORMATS:
        raise Refused(_("这里只能上传照片（JPG、PNG、WebP）。"), code="kind", field="file")
    return origin_of(data)


def read(attachment: Attachment) -> bytes:
    """The content as it was kept. Raises kernel.ciphers.Unreadable when the file was altered."""
    with default_storage.open(path_of(attachment.key)) as file:
        return decrypt_bytes(file.read())


def remove(*, attachment: Attachment, by: Actor) -> None:
    """Take a file away: by its owner. The row goes with the transaction, the content after the commit."""
    if by.person_id != attachment.owner_id:
        raise Denied("files.remove", _("删除附件"))
    with transaction.atomic():
        _take_away(attachment, by)


def remove_with_person(*, person: Person, by: Actor, now: datetime) -> None:
    """The person is erased: what they handed in goes with them, whoever carries it out (PIPL 47)."""
    with transaction.atomic():
        for attachment in Attachment.objects.filter(Q(owner=person) | Q(owner__merged_into=person)).order_by("pk"):
            _take_away(attachment, by)


def _take_away(attachment: Attachment, by: Actor) -> None:
    path = path_of(attachment.key)
    record("files.remove", f"attachment:{attachment.pk}", by=by, of=attachment.subject)
    attachment.delete()
    transaction.on_commit(lambda: default_storage.delete(path))
