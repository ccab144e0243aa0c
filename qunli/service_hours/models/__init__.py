"""What this room keeps: `hours` are records, ledger, findings, seals, certificates; the others judge them or rest on them."""

from qunli.service_hours.models.deadlines import DueTally
from qunli.service_hours.models.duty import DutyShift
from qunli.service_hours.models.evidence import Photo, ServedRecord, ServedStatement
from qunli.service_hours.models.hours import Certificate, Finding, HourEntry, LateStatement, Seal, SealBlock, ServiceRecord
from qunli.service_hours.models.sampling import SampleItem, SamplingResult, SamplingRound, SamplingStratum
from qunli.service_hours.models.stars import StarEntry, StarProposal

__all__ = [
    "Certificate",
    "DueTally",
    "DutyShift",
    "Finding",
    "HourEntry",
    "LateStatement",
    "Photo",
    "SampleItem",
    "SamplingResult",
    "SamplingRound",
    "SamplingStratum",
    "Seal",
    "SealBlock",
    "ServedRecord",
    "ServedStatement",
    "ServiceRecord",
    "StarEntry",
    "StarProposal",
]
