"""Sealing the ledger of hours, proving that an entry stands in a seal, and finding what was changed since.

A leaf is the text of an entry (`TEXT`), so a proof can be read as well as checked. The person is the one for whom it was written: a
merge of two records of one person moves entries, and is known by `merged_into`. See docs/decisions/sealed-hours.md.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from django.db import connection, transaction

from qunli.kernel import merkle
from qunli.kernel.clock import local_date
from qunli.kernel.copying import copy_rows
from qunli.service_hours.models import Seal, SealBlock
from qunli.service_hours.paper.keys import public_numbers, signing_key

BLOCK = 1024
START = bytes(32)
"""Stands before the first seal."""
NEAR = 10_000 * merkle.SIZE
"""How far a leaf is looked for behind a gap."""
SHOWN = 20
LOCK = 0x5EA1_4075
"""Key of the advisory lock of the one who seals."""
FIELDS = ("key", "record", "person", "kind", "turn", "minutes", "reverses", "reason", "written by", "written at")
"""What the text of an entry holds, between bars; the moment in microseconds since 1970, the reason by its SHA-256."""

TEXT = """concat_ws('|', e.id, e.record_id, {person}, e.kind, e.turn, e.minutes, coalesce(e.reverses_id::text, ''),
    CASE WHEN e.reason = '' THEN '' ELSE encode(sha256(convert_to(e.reason, 'UTF8')), 'hex') END,
    coalesce(e.created_by_id::text, ''), (extract(epoch FROM e.created_at) * 1000000)::bigint)"""
LEAF = f"sha256('\\x00'::bytea || convert_to({TEXT.format(person='e.person_id')}, 'UTF8'))"
SINCE = f"SELECT e.id, {LEAF} FROM service_hours_hourentry e WHERE e.id > %s AND e.id <= %s ORDER BY e.id"  # noqa: S608 - our own
HEAD = 19
ROW = np.dtype([("columns", ">i2"), ("eight", ">i4"), ("entry", ">i8"), ("length", ">i4"), ("leaf", "V32")])
"""COPY's binary format: a head, then of each row the number of columns, and each column's length and value."""


def seal(*, now: datetime) -> Seal | None:
    """Seal what was written to the ledger since the last seal; None when there is nothing, or while somebody else seals.

    Writers wait for a moment, until those before them are done: afterwards no entry with a lower key can appear any more.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                return None
        last = Seal.objects.order_by("-until").first()
        after, previous = (last.until, bytes(last.digest)) if last else (0, START)
        until = _settled()
        if until is None or until <= after:
            return None
        return _seal(after, until, previous, now)


def _settled() -> int | None:
    """The greatest key of an entry, when no transaction is about to commit a lower one."""
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT settled")
        cursor.execute("LOCK TABLE service_hours_hourentry IN SHARE MODE")
        cursor.execute("SELECT max(id) FROM service_hours_hourentry")
        (until,) = cursor.fetchone()
        cursor.execute("ROLLBACK TO SAVEPOINT settled")  # lets the writers go on
    return None if until is None else int(until)


def _seal(after: int, until: int, previous: bytes, now: datetime) -> Seal:
    rows = _rows(after, until)
    size, step = len(rows), BLOCK * merkle.SIZE
    hashed = rows["leaf"].tobytes()
    blocks = [hashed[at : at + step] for at in range(0, len(hashed), step)]
    root = merkle.root(b"".join(map(merkle.root, blocks)))
    day = local_date(now)
    digest = chained(previous, day.isoformat(), after, until, size, root)
    made = Seal.objects.create(
        day=day,
        after=after,
        until=until,
        size=size,
        root=root,
        previous=previous,
        digest=digest,
        signature=signing_key().signer.sign_raw(digest, "sha256"),
        signer=signing_key().certificate,
        at=now,
    )
    kept = ((made.pk, number, int(rows["entry"][number * BLOCK]), leaves) for number, leaves in enumerate(blocks))
    copy_rows(connection, SealBlock._meta.db_table, ("seal_id", "number", "first", "leaves"), kept)
    return made


def chained(previous: bytes, day: str, after: int, until: int, size: int, root: bytes) -> bytes:
    """Digest of a seal: of the one before it and of all that it says."""
    return sha256(previous + f"{day}|{after}|{until}|{size}|".encode() + root).digest()


def _rows(after: int, until: int) -> "np.ndarray[Any, Any]":
    """Keys and leaves as the ledger stands now (`ROW`), by COPY: millions in seconds, 50 bytes each."""
    with connection.cursor() as cursor:
        raw: Any = cursor.cursor
        with raw.copy(f"COPY ({SINCE % (int(after), int(until))}) TO STDOUT (FORMAT BINARY)") as copy:
            whole = b"".join(map(bytes, copy))
    return np.frombuffer(whole, ROW, offset=HEAD, count=(len(whole) - HEAD) // ROW.itemsize)


class Proof(NamedTuple):
    """That an entry stands in a seal: its leaf at `place` of `seal.size` leads by `way` to `seal.root`."""

    text: str
    """The entry, as `FIELDS` say."""
    place: int
    way: list[bytes]
    seal: Seal

    @property
    def holds(self) -> bool:
        """Recomputed from the text."""
        led = merkle.leads_to(merkle.leaf(self.text.encode()), self.place, self.seal.size, self.way)
        return led == bytes(self.seal.root)


PERSONS = """LATERAL (
    WITH RECURSIVE was(id) AS (
        SELECT e.person_id UNION SELECT p.id FROM people_person p JOIN was ON p.merged_into_id = was.id
    ) SELECT id FROM was) p ON true"""
"""The person of an entry, and all who were merged into that one: for one of them it was written."""

TEXTS = f"""
    SELECT e.id, {TEXT.format(person="p.id")}, b.seal_id, b.number, b.leaves
    FROM service_hours_hourentry e
    JOIN {PERSONS}
    JOIN LATERAL (SELECT * FROM service_hours_sealblock b WHERE b.first <= e.id ORDER BY b.first DESC LIMIT 1) b ON true
    WHERE e.id = ANY(%s) ORDER BY e.id
"""  # noqa: S608 - our own


def proofs(entries: Sequence[int]) -> dict[int, Proof]:
    """A proof for each of the entries that is sealed and stands as it was sealed, by its key."""
    with connection.cursor() as cursor:
        cursor.execute(TEXTS, [list(entries)])
        rows = cursor.fetchall()
    seals = Seal.objects.in_bulk({row[2] for row in rows})
    trees: dict[tuple[int, int], list[bytes]] = {}
    found: dict[int, Proof] = {}
    for entry, text, seal_id, number, leaves in rows:
        place = _place(merkle.leaf(text.encode()), bytes(leaves))
        if place is None:
            continue  # written after the seal, changed, or another of the persons that were merged
        if (seal_id, number) not in trees:
            trees[seal_id, number] = merkle.levels(bytes(leaves))
        way = merkle.path(trees[seal_id, number], place) + merkle.path(_above(seal_id), number)
        found[entry] = Proof(text, number * BLOCK + place, way, seals[seal_id])
    return found


def carried(number: str, entries: Sequence[int]) -> bytes:
    """What a certificate carries: the proofs of its entries as JSON, for `verify_certificate.py`."""
    found = proofs(entries)
    told = {
        "number": number,
        "fields": FIELDS,
        "unsealed": len(entries) - len(found),
        "entries": [
            {"text": p.text, "seal": bytes(p.seal.digest).hex(), "place": p.place, "way": b"".join(p.way).hex()}
            for p in found.values()
        ],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def published() -> dict[str, Any]:
    """All seals from the first, and the keys that signed them, as they are published."""
    seals = list(Seal.objects.order_by("until"))
    keys = (public_numbers(der) for der in dict.fromkeys(bytes(one.signer) for one in seals))
    return {
        "keys": [{"n": f"{n:x}", "e": e} for n, e in filter(None, keys)],
        "seals": [
            {"day": one.day.isoformat(), "after": one.after, "until": one.until, "size": one.size}
            | {name: bytes(getattr(one, name)).hex() for name in ("root", "previous", "digest", "signature")}
            for one in seals
        ],
    }


def _place(leaf: bytes, leaves: bytes) -> int | None:
    at = leaves.find(leaf)
    while at % merkle.SIZE and at >= 0:
        at = leaves.find(leaf, at + 1)
    return at // merkle.SIZE if at >= 0 else None


@lru_cache(maxsize=64)
def _above(seal_id: int) -> list[bytes]:
    """The levels over the blocks of a seal, which never change."""
    blocks = SealBlock.objects.filter(seal=seal_id).order_by("number").values_list("leaves", flat=True)
    return merkle.levels(b"".join(merkle.root(bytes(leaves)) for leaves in blocks.iterator(chunk_size=500)))


class Findings(NamedTuple):
    seals: int
    entries: int
    wrong: int
    errors: list[str]
    head: bytes
    """Digest of the last seal: to be compared with one that was kept outside."""


def check() -> Findings:
    """Recompute every seal from the ledger as it stands, and name what does not fit. Reads the whole ledger."""
    errors: list[str] = []
    wrong = seals = entries = 0
    previous, after = START, 0
    for one in Seal.objects.order_by("until"):
        for said in itertools.chain(_wrong_seal(one, previous, after), _wrong_entries(one)):
            wrong += 1
            if len(errors) < SHOWN:
                errors.append(said)
        previous, after = bytes(one.digest), one.until
        seals, entries = seals + 1, entries + one.size
    return Findings(seals, entries, wrong, errors, previous)


def _wrong_seal(one: Seal, previous: bytes, after: int) -> Iterator[str]:
    name = f"seal {one.pk} of {one.day}"
    if bytes(one.previous) != previous or one.after != after:
        yield f"{name} does not follow the one before it"
    root = bytes(one.root)
    if bytes(one.digest) != chained(bytes(one.previous), one.day.isoformat(), one.after, one.until, one.size, root):
        yield f"{name} was altered"
    if not signing_key().signed(bytes(one.digest), bytes(one.signature), bytes(one.signer)):
        yield f"{name} is not signed with the city's key"
    if _above_now(one.pk) != root:
        yield f"{name}: its blocks were altered"


def _above_now(seal_id: int) -> bytes:
    _above.cache_clear()
    levels = _above(seal_id)
    return levels[-1] if levels else merkle.EMPTY


def _wrong_entries(one: Seal) -> Iterator[str]:
    """The entries that do not fit. A lost or added one shifts those after it: both sides are walked side by side."""
    there = b"".join(map(bytes, SealBlock.objects.filter(seal=one.pk).order_by("number").values_list("leaves", flat=True)))
    rows = _rows(one.after, one.until)
    now = rows["leaf"].tobytes()
    if now == there:
        return
    at, before = 0, one.after
    for number, entry in enumerate(rows["entry"].tolist()):
        digest, following = (now[n * merkle.SIZE : (n + 1) * merkle.SIZE] for n in (number, number + 1))
        want = there[at : at + merkle.SIZE]
        if digest == want or (want and want in _as_it_may_have_been(entry)):
            at += merkle.SIZE
        elif (later := _place(digest, there[at : at + NEAR])) is not None:
            yield f"{later} between entry {before} and entry {entry} are gone"
            at += (later + 1) * merkle.SIZE
        elif not want or following == want:
            yield f"entry {entry} was slipped in"
        else:
            yield f"entry {entry} was changed"
            at += merkle.SIZE
        before = entry
    if at < len(there):
        yield f"{(len(there) - at) // merkle.SIZE} after entry {before} are gone"


MERGED = f"""
    SELECT sha256('\\x00'::bytea || convert_to({TEXT.format(person="p.id")}, 'UTF8'))
    FROM service_hours_hourentry e JOIN {PERSONS} WHERE e.id = %s
"""  # noqa: S608 - our own


def _as_it_may_have_been(entry: int) -> list[bytes]:
    """The leaf as it was written for a person who has been merged into the present one."""
    with connection.cursor() as cursor:
        cursor.execute(MERGED, [entry])
        return [bytes(digest) for (digest,) in cursor.fetchall()]
