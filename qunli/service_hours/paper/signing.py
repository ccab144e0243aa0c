"""The electronic signature of a certificate (PAdES), and what a file that somebody hands in turns out to be."""

import io
import re
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext

from qunli.service_hours.numbering import normal_number
from qunli.service_hours.paper.keys import signing_key

FIELD = "QunliSignature"
MM = 72 / 25.4
SIGNATURE_BOX = (round(116 * MM), round((297 - 108 - 32) * MM), round((116 + 74) * MM), round((297 - 108) * MM))
"""The frame that certificate.typ draws for the signature, in points from the lower left corner."""

RESERVED = 16384
"""Hexadecimal digits kept free for the signature: the city's certificate, its chain and what is signed."""


class Finding(StrEnum):
    """What a file is, seen from its bytes alone."""

    GENUINE = "genuine"
    """Signed with the city's key and unchanged since."""
    ALTERED = "altered"
    """Signed with the city's key, but changed afterwards."""
    OTHER_SIGNER = "other_signer"
    """Signed, but not with the city's key."""
    UNSIGNED = "unsigned"
    """A PDF without a signature: nothing that this platform issues."""
    NOT_PDF = "not_pdf"
    UNREADABLE = "unreadable"
    """Begins as a PDF, but cannot be read."""


class Reading(NamedTuple):
    finding: Finding
    number: str | None
    """The certificate number that the file claims in its title, when it has one."""


class _Writer(IncrementalPdfFileWriter):
    """Leaves the metadata as typst wrote it: one XML is not parsed and written anew for each signature (a third of its time)."""

    def _update_meta(self) -> None:
        pass


def sign(pdf: bytes, *, number: str, issuer: str, at: datetime) -> bytes:
    """The paper with the city's signature over all of it; its field lies on the drawn frame."""
    width, height = SIGNATURE_BOX[2] - SIGNATURE_BOX[0], SIGNATURE_BOX[3] - SIGNATURE_BOX[1]
    signer = PdfSigner(
        PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            reason=f"志愿服务记录证明 {number}",
            name=issuer,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        ),
        signer=signing_key().signer,
        # The paper itself shows who signed: the field adds no text, and so no font that would not be embedded.
        stamp_style=StaticStampStyle(border_width=0, background=RawContent(b"", box=BoxConstraints(width=width, height=height))),
        new_field_spec=SigFieldSpec(FIELD, box=SIGNATURE_BOX, readable_field_name="电子签名"),
    )
    signed = signer.sign_pdf(_Writer(io.BytesIO(pdf)), bytes_reserved=RESERVED)
    return bytes(signed.getvalue())


def read(data: bytes, *, at: datetime) -> Reading:
    """What `data` is. Never raises for what is in the file: it comes from anybody."""
    if not data[:1024].lstrip().startswith(b"%PDF-"):
        return Reading(Finding.NOT_PDF, None)
    try:
        reader = PdfFileReader(io.BytesIO(data))
        number = _claimed_number(reader)
        signatures = reader.embedded_regular_signatures
    except Exception:  # a hostile or broken file may fail anywhere in the parser
        return Reading(Finding.UNREADABLE, None)
    if not signatures:
        return Reading(Finding.UNSIGNED, number)
    try:
        signature = signatures[0]
        trust = ValidationContext(trust_roots=signing_key().roots, moment=at, allow_fetching=False, revocation_mode="soft-fail")
        status = validate_pdf_signature(signature, trust)
        ours = _der(signature.signer_cert) == _der(signing_key().signer.signing_cert)
        whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and len(signatures) == 1
    except Exception:
        return Reading(Finding.ALTERED, number)
    if not (ours or status.trusted):
        return Reading(Finding.OTHER_SIGNER, number)
    if not (status.intact and status.valid and whole):
        return Reading(Finding.ALTERED, number)
    return Reading(Finding.GENUINE, number)


def _der(certificate: Any) -> bytes | None:
    return None if certificate is None else certificate.dump()


def _claimed_number(reader: PdfFileReader) -> str | None:
    title = str(reader.trailer_view["/Info"].get_object().get("/Title", "")) if "/Info" in reader.trailer_view else ""
    found = re.search(r"QL[0-9A-Z-]{10,30}", title)
    return normal_number(found.group()) if found else None
