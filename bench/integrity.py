"""Checks against fabricated hours over a million attendances: time, planted frauds that are found, honest records that are flagged.

The attendances are columns drawn with a seed (`bench.frauds`); the rules are those of `rulesets/`, from the bench's own database.
"""

import contextlib
import io
import os
import time
from collections import Counter
from datetime import date
from typing import Any

from bench import common, frauds, ground

SCALE = 1.0
COUNT = 1_000_000
EACH = 100
"""Planted frauds of each kind."""
RUNS = 3


def run(*, scale: float) -> common.Report:
    ground.use_empty_database("integrity")
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("load_rules", stdout=io.StringIO())
    report = common.Report("integrity")
    try:
        _measure(report, round(COUNT * scale))
    finally:
        with contextlib.suppress(Exception):
            _close()
        ground.drop("integrity")
    return report


def _measure(report: common.Report, count: int) -> None:
    from qunli.service_hours.integrity.judging import Limits, judge

    report.note(f"{common.load()} before")
    rows, honest, planted = frauds.city(count, EACH, ground.SEED)
    limits = Limits.on(date(2025, 12, 31))
    wall, own = [], []
    for _ in range(RUNS):
        start, spent = time.perf_counter(), time.process_time()
        found = judge(rows, limits=limits)
        wall.append(time.perf_counter() - start)
        own.append(time.process_time() - spent)
    pairs = {(each.kind, each.record) for each in found}
    flagged = {record for _kind, record in pairs if record <= honest}
    against = f"{len(rows):,} attendances, all kinds"
    report.add("checked, wall", sorted(wall)[RUNS // 2], "s", against=against, bound="< 60" if count >= COUNT else "", digits=2)
    report.add("checked, own processor time", sorted(own)[RUNS // 2], "s", against=against, digits=2)
    report.note(f"wall {common.spread(wall)} s, own {common.spread(own)} s")
    sizes, got = Counter(kind for kind, _ in planted), Counter(kind for kind, _ in planted & pairs)
    for kind, size in sorted(sizes.items()):
        report.add(f"found of {kind}", got[kind], "records", against=f"{size} planted", bound=f"== {size}", digits=0)
    invented = {pair for pair in pairs - planted if pair[1] > honest}
    report.add("found of planted records beside what was planted", len(invented), "findings", bound="== 0", digits=0)
    report.add(
        "honest records flagged", len(flagged) / honest * 1000, "per 1,000", against=f"{len(flagged):,} of {honest:,}", bound="<= 1"
    )
    told = Counter(kind for kind, record in pairs if record <= honest)
    report.note("honest ones flagged by kind: " + (", ".join(f"{kind} {n}" for kind, n in sorted(told.items())) or "none"))
    report.add("memory of the process", common.peak_memory(), "MB", digits=0)
    report.note(f"{common.load()} after")


def _close() -> Any:
    from django.db import connections

    connections.close_all()
