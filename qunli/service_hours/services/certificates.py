"""Certificates of service: issued from the ledger, signed, and revoked with the hours that they rest on.

Issuing locks the records that it rests on, and so does a void: a certificate is either issued before the void, which then finds and
revokes it, or after it, without those hours.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse as address
from django.utils.translation import gettext as _

from qunli.audit.services import record as audit
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.errors import Denied, Refused
from qunli.notices.services import tell
from qunli.people.models import Person
from qunli.service_hours import numbering, perms, wording
from qunli.service_hours.enums import CertificateState, RecordState
from qunli.service_hours.models import Certificate, HourEntry, ServiceRecord
from qunli.service_hours.paper.signing import sign
from qunli.service_hours.paper.typeset import Content, Row, typeset
from qunli.service_hours.perms import Permission
from qunli.service_hours.sealing import carried
from qunli.service_hours.states import CERTIFICATE
from qunli.volunteering.models import Volunteer

MOST_SERVICES = 500
"""Services on one certificate: beyond it, shorter periods are asked for, so that a paper stays within a second and some pages."""
FIRST_DAY = date(2000, 1, 1)
COUNTING = (RecordState.VERIFIED, RecordState.CONFIRMED, RecordState.CORRECTED)
"""Hours in dispute are not certified until they are settled."""


def issue(*, person: Person, since: date, until: date, by: Actor, now: datetime) -> Certificate:
    """A certificate of all verified hours of activities that began in the period (dates of Asia/Shanghai, both included).

    The same content is issued once: asked again, the same certificate comes back. Raises Denied; Refused at "since" or "until":
    "period", "future", "no_hours", "too_many"; "not_volunteer" at "person".
    """
    volunteer = Volunteer.objects.select_related("division").only("number", "division__path").filter(person=person).first()
    if volunteer is None:
        raise Refused(_("还没有登记为志愿者，没有可以证明的时长。"), code="not_volunteer", field="person")
    if not perms.may_issue_for(by, person, volunteer.division.path):
        raise Denied(Permission.ISSUE_CERTIFICATE)
    _check_period(since, until, local_date(now))
    with transaction.atomic():
        entries = _certifiable(person, since, until)
        known = Certificate.objects.filter(content_sha256=_digest(person, since, until, entries), state="issued").first()
        if known is not None:
            return known
        try:
            with transaction.atomic():
                return _issue(person, volunteer, since, until, entries, by, now)
        except IntegrityError:
            # The same person pressed twice: the other was first.
            return Certificate.objects.get(content_sha256=_digest(person, since, until, entries), state="issued")


def revoke(*, certificate: Certificate, reason: str, by: Actor, now: datetime) -> Certificate:
    """Revoke a certificate that was issued in error. Its hours stay. Raises Denied; Refused "reason" or "state"."""
    reason = reason.strip()
    if not reason:
        raise Refused(_("请写明原因。"), code="reason", field="reason")
    with transaction.atomic():
        found = (
            Certificate.objects.select_for_update(of=("self",)).select_related("person__volunteer__division").get(pk=certificate.pk)
        )
        if not perms.may_revoke(by, found, found.person.volunteer.division.path):
            raise Denied(Permission.VOID)
        _revoke(found, reason[:300], by, now)
    return found


def revoke_resting_on(*, records: Sequence[ServiceRecord], reason: str, by: Actor, now: datetime) -> list[Certificate]:
    """Revoke every certificate in force that rests on one of the records. For the transaction that holds their locks."""
    resting = Certificate.objects.select_for_update().filter(
        pk__in=Certificate.records.through.objects.filter(servicerecord__in=records).values("certificate"),
        state=CertificateState.ISSUED,
    )
    revoked = list(resting.order_by("pk"))
    for certificate in revoked:
        _revoke(certificate, reason, by, now)
    return revoked


def _revoke(certificate: Certificate, reason: str, by: Actor, now: datetime) -> None:
    certificate.state = CERTIFICATE.target("revoke", certificate.state)
    certificate.revoked_at, certificate.revoked_by_id, certificate.revoked_reason = now, by.person_id, reason
    certificate.save(update_fields=["state", "revoked_at", "revoked_by", "revoked_reason"])
    audit("service_hours.revoke_certificate", f"certificate:{certificate.pk}", by=by)
    tell(
        [certificate.person_id],
        "service_hours/certificate_revoked",
        url=address("service_hours:certificates"),
        number=numbering.grouped(certificate.number),
        reason=reason,
    )


def _check_period(since: date, until: date, today: date) -> None:
    if until < since:
        raise Refused(_("截止日期不能早于开始日期。"), code="period", field="until")
    if until > today:
        raise Refused(_("截止日期不能晚于今天。"), code="future", field="until")
    if since < FIRST_DAY:
        raise Refused(_("开始日期不能早于 2000 年。"), code="period", field="since")


class Entry(NamedTuple):
    """What a certificate needs of a live entry; columns only, since a certificate names hundreds."""

    pk: int
    record_id: int
    minutes: int
    title: str
    content: str
    starts_at: datetime
    ends_at: datetime
    unit: str


def _entries(person: Person, since: date, until: date, records: Sequence[int]) -> list[Entry]:
    """Live entries that the certificate names: verified, not in dispute, at least a minute."""
    rows = HourEntry.objects.live().filter(
        record__in=records,
        person=person,
        minutes__gt=0,
        record__state__in=COUNTING,
        record__activity__starts_at__range=_span(since, until),
    )
    activity = "record__activity__"
    names = (
        "pk",
        "record_id",
        "minutes",
        *(activity + name for name in ("title", "content", "starts_at", "ends_at", "team__name")),
    )
    return [Entry(*row) for row in rows.order_by("record__activity__starts_at", "record_id").values_list(*names)]


def _span(since: date, until: date) -> tuple[datetime, datetime]:
    """Both days whole, in Shanghai."""
    return (
        datetime(since.year, since.month, since.day, tzinfo=SHANGHAI),
        datetime(until.year, until.month, until.day, 23, 59, 59, 999999, tzinfo=SHANGHAI),
    )


def _certifiable(person: Person, since: date, until: date) -> list[Entry]:
    # Locked first, read afterwards: what is voided meanwhile is not among them.
    rows = ServiceRecord.objects.select_for_update(of=("self",)).filter(
        person=person, state__in=COUNTING, minutes__gt=0, activity__starts_at__range=_span(since, until)
    )
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_SERVICES + 1])
    if len(keys) > MOST_SERVICES:
        raise Refused(
            _("这段时间的服务超过 %(count)d 次。请缩短期间，分几份开具。") % {"count": MOST_SERVICES},
            code="too_many",
            field="since",
        )
    entries = _entries(person, since, until, keys)
    if not entries:
        raise Refused(_("这段时间没有已核实的服务时长。请换一段时间，或等待核实。"), code="no_hours", field="since")
    return entries


def _digest(person: Person, since: date, until: date, entries: Sequence[Entry]) -> bytes:
    """Of what the paper says: whose, which period, which entries."""
    content = [person.pk, person.name, since.isoformat(), until.isoformat(), [entry.pk for entry in entries]]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()


def _issue(
    person: Person, volunteer: Volunteer, since: date, until: date, entries: Sequence[Entry], by: Actor, now: datetime
) -> Certificate:
    minutes = sum(entry.minutes for entry in entries)
    number = numbering.new_number(local_date(now).year)
    units = {entry.unit for entry in entries}
    # 办法 26: who organised and recorded issues. Hours of several units are certified by the authority that keeps the register.
    issuer = units.pop() if len(units) == 1 else settings.AUTHORITY
    verification = settings.SITE_URL + address("service_hours:verify")
    content = Content(
        number=numbering.grouped(number),
        name=person.name,
        volunteer=volunteer.number,
        issuer=issuer,
        since=wording.day_zh(since),
        since_en=wording.day_en(since),
        until=wording.day_zh(until),
        until_en=wording.day_en(until),
        services=len(entries),
        hours=minutes // 60,
        rest=minutes % 60,
        total_en=wording.duration_en(minutes),
        issued=wording.day_zh(local_date(now)),
        issued_en=wording.day_en(local_date(now)),
        address=verification,
        rows=tuple(_row(entry) for entry in entries),
    )
    link = settings.SITE_URL + address("service_hours:verify_number", args=[number])
    paper = typeset(content, link=link, at=now, carried=carried(content.number, [entry.pk for entry in entries]))
    pdf = sign(paper, number=content.number, issuer=issuer, at=now)
    certificate = Certificate.objects.create(
        number=number,
        person=person,
        minutes=minutes,
        since=since,
        until=until,
        issuer=issuer,
        content_sha256=_digest(person, since, until, entries),
        sha256=hashlib.sha256(pdf).digest(),
        pdf=pdf,
        issued_at=now,
        issued_by_id=by.person_id,
    )
    through = Certificate.records.through
    through.objects.bulk_create(through(certificate=certificate, servicerecord_id=entry.record_id) for entry in entries)
    audit("service_hours.issue_certificate", f"certificate:{certificate.pk}", by=by, minutes=minutes, services=len(entries))
    if by.person_id != person.pk:
        tell([person.pk], "service_hours/certificate_issued", url=address("service_hours:certificates"), number=content.number)
    return certificate


def _row(entry: Entry) -> Row:
    begin, end = entry.starts_at.astimezone(SHANGHAI), entry.ends_at.astimezone(SHANGHAI)
    content = " ".join(entry.content.split())
    return Row(
        day=wording.day_zh(begin.date()),
        times=f"{begin:%H:%M}–{end:%H:%M}",
        title=entry.title,
        content=content if len(content) <= 60 else content[:59] + "…",
        unit=entry.unit,
        time=wording.duration_zh(entry.minutes),
    )
