"""Whether a certificate is genuine and still holds: by its number, or by the file that somebody was given.

Reveals no more than the paper does, and less: the name is masked.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db.models import QuerySet

from qunli.kernel.masking import mask_name
from qunli.service_hours.enums import CertificateState
from qunli.service_hours.models import Certificate, HourEntry
from qunli.service_hours.numbering import grouped, normal_number
from qunli.service_hours.paper.signing import Finding, read
from qunli.service_hours.sealing import proofs

LARGEST = 5 * 1024 * 1024
"""Bytes of a file that is looked at; our longest certificates have a tenth of it."""


class Kind(StrEnum):
    """What is to be said about a number or a file."""

    VALID = "valid"
    REVOKED = "revoked"
    UNKNOWN_NUMBER = "unknown_number"
    """It has the form of a number, but no certificate has it."""
    NO_NUMBER = "no_number"
    """Not the form of a number, or mistyped: the check character does not fit."""
    ALTERED = "altered"
    """Signed by this platform and changed afterwards, or claims the number of a certificate that is another file."""
    FORGED = "forged"
    """Signed by somebody else, or looks like a certificate and is not signed."""
    UNKNOWN_FILE = "unknown_file"
    """A PDF that has nothing to do with this platform."""
    NOT_PDF = "not_pdf"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    EMPTY = "empty"


@dataclass(frozen=True)
class Paper:
    """What the public learns of a certificate."""

    number: str
    name: str
    """Masked."""
    minutes: int
    since: date
    until: date
    issuer: str
    issued_at: datetime
    revoked_at: datetime | None
    services: int
    sealed: int
    """How many of its services stand, as they were written, in a seal of the ledger."""


@dataclass(frozen=True)
class Verdict:
    kind: Kind
    paper: Paper | None = None
    """The genuine certificate: of the number, or of the number that an altered file claims."""
    number: str = ""
    """The number that was asked for or that the file claims, grouped."""

    @property
    def good(self) -> bool:
        return self.kind == Kind.VALID


def by_number(text: str) -> Verdict:
    """What is known of a number, however it is written."""
    number = normal_number(text)
    if number is None:
        return Verdict(Kind.NO_NUMBER, number=text.strip()[:40])
    certificate = _certificates().filter(number=number).first()
    if certificate is None:
        return Verdict(Kind.UNKNOWN_NUMBER, number=grouped(number))
    return _of(certificate)


def by_file(data: bytes, *, now: datetime) -> Verdict:
    """What a file is. The digest decides: a file that is in the register byte by byte is what was issued."""
    if not data:
        return Verdict(Kind.EMPTY)
    if len(data) > LARGEST:
        return Verdict(Kind.TOO_LARGE)
    certificate = _certificates().filter(sha256=hashlib.sha256(data).digest()).first()
    if certificate is not None:
        return _of(certificate)
    reading = read(data, at=now)
    if reading.finding == Finding.NOT_PDF:
        return Verdict(Kind.NOT_PDF)
    if reading.finding == Finding.UNREADABLE:
        return Verdict(Kind.UNREADABLE)
    claimed = _certificates().filter(number=reading.number).first() if reading.number else None
    paper = _paper(claimed) if claimed else None
    number = grouped(reading.number) if reading.number else ""
    if reading.finding in (Finding.ALTERED, Finding.GENUINE) or claimed is not None:
        # Ours and not the file that was issued. (A genuine signature without an entry in the register is not a certificate either.)
        return Verdict(Kind.ALTERED if reading.finding != Finding.OTHER_SIGNER else Kind.FORGED, paper, number)
    if reading.number:
        return Verdict(Kind.FORGED, None, number)
    return Verdict(Kind.UNKNOWN_FILE)


def _certificates() -> QuerySet[Certificate]:
    return Certificate.objects.select_related("person").defer("pdf")


def _of(certificate: Certificate) -> Verdict:
    kind = Kind.VALID if certificate.state == CertificateState.ISSUED else Kind.REVOKED
    return Verdict(kind, _paper(certificate), grouped(certificate.number))


def _paper(certificate: Certificate) -> Paper:
    entries = list(HourEntry.objects.live().filter(record__certificates=certificate).values_list("pk", flat=True))
    return Paper(
        number=grouped(certificate.number),
        name=mask_name(certificate.person.name),
        minutes=certificate.minutes,
        since=certificate.since,
        until=certificate.until,
        issuer=certificate.issuer,
        issued_at=certificate.issued_at,
        revoked_at=certificate.revoked_at,
        services=len(entries),
        sealed=sum(proof.holds for proof in proofs(entries).values()),
    )
