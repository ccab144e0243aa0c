"""Deletion at the person's request (PIPL 47) within the law: what identifies goes, records of service stay on a bare number.

Records of voluntary service are kept for at least ten years (GB/T 40143-2021), the audit for its own time. So the person's row
stays without name, document, birth date, phone and place; rows that mean nothing without the person (messages, preferences) are
deleted; and the columns of other rows that are encrypted because they identify are emptied.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models.deletion import CASCADE
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.fields import DigestField, EncryptedField
from qunli.people.models import Consent, Guardianship, Merge, Person
from qunli.people.perms import Permission, may_erase
from qunli.people.registry import Reference, counted, references, registered


@dataclass(frozen=True)
class Kept:
    """Rows that stay, and why."""

    label: str
    rows: int
    reason: str


def kept_after(person: Person) -> list[Kept]:
    """What an erasure would leave, for the page that asks for confirmation."""
    staying = [(reference, rows) for reference, _owner, rows in _hanging(person) if not _goes(reference)]
    numbers = counted([rows for _reference, rows in staying])
    return [
        Kept(str(reference.model._meta.verbose_name), number, _why(reference))
        for (reference, _rows), number in zip(staying, numbers, strict=True)
        if number
    ]


def erase(*, person: Person, by: Actor, now: datetime) -> list[Kept]:
    """Erase what identifies the person. Final. Returns what stays and why. Raises Refused when something must be ended first."""
    if not may_erase(by, person):
        raise Denied(Permission.ERASE)
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=person.pk)
        if person.erased_at:
            raise Refused(_("这份档案已经注销。"), code="erased")
        if person.merged_into_id:
            raise Refused(_("这份档案已并入另一份，请在那一份上办理注销。"), code="merged")
        if Guardianship.objects.filter(guardian=person, until=None, minor__erased_at=None).exists():
            raise Refused(_("您还是未成年人的监护人，请先更换监护人或一并注销。"), code="guardian")
        for eraser in registered.erasers:
            eraser(person=person, by=by, now=now)
        records = [person, *Person.objects.select_for_update().filter(merged_into=person)]
        for record in records:
            for reference, _owner, rows in list(_hanging(record)):
                if _goes(reference):
                    rows.delete()
                else:
                    _empty(reference.model, rows)
        Consent.objects.filter(person__in=records, withdrawn_at=None).update(withdrawn_at=now)
        Guardianship.objects.filter(minor__in=records, until=None).update(until=local_date(now))
        Merge.objects.filter(kept__in=records).update(reason="", undone_at=now, undone_by=by.person_id)
        for record in records:
            _bare(record, now)
        kept = kept_after(person)
        audit.record("people.erase", f"person:{person.pk}", by=by, kept={k.label: k.rows for k in kept})
    return kept


def _hanging(owner: models.Model) -> Iterator[tuple[Reference, models.Model, models.QuerySet[Any]]]:
    """All rows about the owner, and about the rows that stand for the owner."""
    for reference in references(type(owner)):
        if reference.acting or reference.model is type(owner):
            continue
        rows = reference.model._base_manager.filter(**{reference.field.attname: owner.pk})
        if reference.standing and references(reference.model):
            for row in rows:
                yield from _hanging(row)
        yield reference, owner, rows


def _goes(reference: Reference) -> bool:
    """Deleted with the person: what cascades, but for consents and guardianships, which prove that the data were lawful."""
    return reference.field.remote_field.on_delete is CASCADE and reference.model not in (Consent, Guardianship)


def _why(reference: Reference) -> str:
    if reference.model in (Consent, Guardianship):
        return _("证明处理个人信息有合法依据，保存三年（《个人信息保护法》第五十六条）。")
    if reference.model._meta.app_label in {"volunteering", "service_hours"}:
        return _("志愿服务记录保存不少于十年（GB/T 40143—2021），已去掉姓名和证件，只留编号。")
    return _("与他人的记录相连，已去掉能识别您的内容，只留编号。")


def _empty(model: type[models.Model], rows: models.QuerySet[Any]) -> None:
    """Empty the encrypted columns, and the digests by which their values were found."""
    columns = [c for c in model._meta.concrete_fields if isinstance(c, EncryptedField | DigestField)]
    if columns:
        rows.update(**{c.name: None for c in columns if c.null})


def _bare(person: Person, now: datetime) -> None:
    person.name = "已注销"
    person.sex = ""
    person.birth_date = None
    person.id_number = person.id_digest = None
    person.phone = person.phone_digest = None
    person.email = None
    person.self_supporting_on = None
    person.division = None
    person.erased_at = now
    person.save()
