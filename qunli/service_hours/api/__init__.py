"""The day, records, ledger, certificates and their verification for programs: everything that the pages do."""

from ninja import Router

from qunli.service_hours.api import certificates, day, due, evidence, findings, records, sampling, stars

router = Router(tags=["service_hours"])
for part in (day, due, records, evidence, findings, certificates, sampling, stars):
    router.add_router("", part.router)
