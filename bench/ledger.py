"""The ledger of hours sealed: the root over 11 million entries, a proof of one and its check, and all recomputed."""

import random
import time
from functools import partial
from typing import Any

from bench import ground
from bench.common import Report, load, percentile, timed

SCALE = 1.0
"""1.0 is the reference city's 11 million entries. They are written for the bench: the tree does not care whose they are."""
ENTRIES = 11_000_000
PROOFS = 300
FILL = """
    INSERT INTO service_hours_hourentry (id, record_id, person_id, kind, turn, minutes, reason, created_at)
    SELECT n, n, 1 + n %% 3900000, 'earned', 0, 30 + n %% 211, CASE WHEN n %% 50 = 0 THEN '补签' ELSE '' END,
        timestamptz '2025-01-01' + n * interval '2 seconds' FROM generate_series(1, %s) n
"""


def run(*, scale: float) -> Report:
    ground.use_empty_database("ledger")
    try:
        return _measure(max(2000, int(ENTRIES * scale)))
    finally:
        from django.db import connections

        connections.close_all()
        ground.drop("ledger")


def _measure(count: int) -> Report:
    import django

    django.setup()
    from django.utils import timezone

    from qunli.service_hours import sealing

    _fill(count)
    report = Report("ledger")
    busy, worked = load(), time.process_time()
    seconds, made = timed(partial(sealing.seal, now=timezone.now()))
    worked = time.process_time() - worked
    if made is None or made.size != count:
        raise ground.Stop("the seal does not hold every entry")
    report.add(
        f"root over {count:,} entries, sealed", seconds, "s", against="read, hashed, kept and signed", bound="< 60", digits=1
    )
    keys = random.Random(1).sample(range(1, count + 1), PROOFS)  # noqa: S311 - which entries are proved decides nothing
    first, _proof = timed(partial(_proved, keys[0]))
    times = [timed(partial(_proved, key))[0] * 1000 for key in keys]
    report.add("a proof and its check, p95", percentile(times, 0.95), "ms", against=f"{PROOFS} entries, one at a time", bound="< 5")
    report.add("a proof and its check, median", percentile(times, 0.5), "ms")
    report.add("the first proof of a process", first * 1000, "ms", against="computes the levels over the blocks once", digits=1)
    again, found = timed(sealing.check)
    if found.errors:
        raise ground.Stop(found.errors[0])
    report.add("every entry recomputed (verify_hours)", again, "s", digits=1)
    report.note(f"{worked:.1f} s of the sealing were this process's own; {busy} before, {load()} after; one run")
    return report


def _proved(key: int) -> Any:
    from qunli.service_hours import sealing

    proof = sealing.proofs([key])[key]
    if not proof.holds:
        raise ground.Stop(f"the proof of entry {key} does not hold")
    return proof


def _fill(count: int) -> None:
    """Entries without their records and persons: the keys to them are taken off in this database."""
    from django.db import connection

    with connection.cursor() as cursor:
        table = "service_hours_hourentry"
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'f'")  # noqa: S608
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(FILL, [count])
        cursor.execute(f"ANALYZE {table}")
