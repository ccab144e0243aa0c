"""What this room keeps: `hours` are records, ledger, findings, seals, certificates; `evidence`, `duty` for and against them."""

from qunli.service_hours.models.duty import DutyShift
from qunli.service_hours.models.evidence import Photo, ServedRecord, ServedStatement
from qunli.service_hours.models.hours import Certificate, Finding, HourEntry, LateStatement, Seal, SealBlock, ServiceRecord

__all__ = [
    "Certificate",
    "DutyShift",
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
