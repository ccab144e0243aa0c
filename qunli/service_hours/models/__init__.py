"""What this room keeps: `hours` are records, ledger, findings, seals, certificates; `evidence` is what speaks for a record."""

from qunli.service_hours.models.evidence import Photo, ServedRecord, ServedStatement
from qunli.service_hours.models.hours import Certificate, Finding, HourEntry, LateStatement, Seal, SealBlock, ServiceRecord

__all__ = [
    "Certificate",
    "Finding",
    "HourEntry",
    "LateStatement",
    "Photo",
    "Seal",
    "SealBlock",
    "ServedRecord",
    "ServedStatement",
    "ServiceRecord",
]
