"""Everything that this room keeps: `hours` are records, ledger, findings, seals and certificates."""

from qunli.service_hours.models.hours import Certificate, Finding, HourEntry, LateStatement, Seal, SealBlock, ServiceRecord

__all__ = ["Certificate", "Finding", "HourEntry", "LateStatement", "Seal", "SealBlock", "ServiceRecord"]
