"""Filling an empty database with a city: seconds and size. Default scale 0.01; 1.0 is the reference city (15 GB of disk)."""

import contextlib
import os
import time
from typing import Any

from bench import common, ground

SCALE = 0.01
BOUNDS = {0.01: 20, 0.1: 60, 1.0: 360}
"""Seconds that a scale may take."""


def run(*, scale: float) -> common.Report:
    ground.use_empty_database("synthesize")
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.utils import timezone

    from qunli.kernel.clock import local_date
    from qunli.synthetic import services

    report = common.Report("synthesize")
    busy = [common.load()]
    try:
        start = time.perf_counter()
        written = services.synthesize(scale=scale, seed=1, today=local_date(timezone.now()))
        seconds = time.perf_counter() - start
        busy.append(common.load())
        bound = next((limit for known, limit in sorted(BOUNDS.items()) if scale <= known), None)
        report.add(f"seconds at scale {scale:g}", seconds, "s", bound=f"< {bound}" if bound else "", digits=1)
        report.add("size with indexes", sum(entry.bytes for entry in written) / 1e9, "GB", digits=2)
        rows = {entry.table: entry.rows for entry in written}
        for name in ("volunteering_volunteer", "volunteering_team", "volunteering_activity", "service_hours_servicerecord"):
            report.add(name, rows[name], "rows", digits=0)
        for entry in written:
            told = f"{entry.rows:,} rows, {entry.bytes / 1e6:,.0f} MB, " if entry.rows else ""
            report.note(f"{entry.table}: {told}{entry.seconds:.1f} s")
        report.note(f"{' then '.join(busy)}; one run")
    finally:
        with contextlib.suppress(Exception):
            _close()
        ground.drop("synthesize")
    return report


def _close() -> Any:
    from django.db import connections

    connections.close_all()
