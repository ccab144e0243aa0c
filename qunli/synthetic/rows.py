"""Rows for COPY in PostgreSQL's binary format, made from numpy arrays without a loop over rows.

A row is a count of fields, then for each its length (-1: NULL) and its bytes. Rows whose fields have the same lengths have the
same layout, so they are made together as one matrix of bytes; within one call the rows come out grouped by layout. Rows keep the
keys that they are given, so their order in the table does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(2000, 1, 1)
MINUTE = 60_000_000
"""A minute in the unit of a timestamp: a microsecond."""


def moment(at: datetime) -> int:
    """A timestamp as PostgreSQL sends it: microseconds since 2000-01-01 00:00 UTC."""
    return int((at - EPOCH).total_seconds()) * 1_000_000 + at.microsecond


def day_number(day: date) -> int:
    """A date as PostgreSQL sends it: days since 2000-01-01."""
    return (day - EPOCH_DAY).days


@dataclass
class Column:
    """One column of a batch of rows. `classes` says for each row which of `lengths` its field has (None: all the first)."""

    content: Array
    """Matrix of bytes: one row for each row of the batch, or for each entry of a vocabulary."""
    lengths: Sequence[int]
    classes: Array | None = None
    codes: Array | None = None
    """Entry of the vocabulary for each row."""

    def take(self, rows: Array | slice, length: int) -> Array:
        chosen = rows if self.codes is None else self.codes[rows]
        if self.content.shape[0] == 1 and self.codes is None:
            return self.content[:, :length]
        found: Array = self.content[chosen, :length]
        return found


def numbers(values: Array, kind: str, null: Array | None = None) -> Column:
    """Numbers of a fixed size; `kind` is a numpy code: "i2", "i4", "i8", "f8", "b1". `null` marks the rows without a value."""
    big = np.ascontiguousarray(values.astype(f">{kind}" if kind != "b1" else "u1"))
    content = big.view(np.uint8).reshape(len(big), big.dtype.itemsize)
    if null is None:
        return Column(content, [content.shape[1]])
    return Column(content, [content.shape[1], -1], null.astype(np.int8))


def constant(blob: bytes | None) -> Column:
    content = np.frombuffer(blob or b"", dtype=np.uint8)[None, :]
    return Column(content, [-1 if blob is None else len(blob)])


def integer(value: int, size: int) -> Column:
    return constant(value.to_bytes(size, "big", signed=True))


def text(value: str) -> Column:
    return constant(value.encode())


def words(codes: Array, vocabulary: Sequence[bytes | str | None]) -> Column:
    """Each row's field is the entry of `vocabulary` that `codes` names."""
    blobs = [entry.encode() if isinstance(entry, str) else entry for entry in vocabulary]
    sizes = np.array([-1 if blob is None else len(blob) for blob in blobs])
    lengths, rank = np.unique(sizes, return_inverse=True)
    content = np.zeros((len(blobs), max(1, int(lengths[-1]))), dtype=np.uint8)
    content[np.arange(content.shape[1]) < sizes[:, None]] = np.frombuffer(b"".join(blob for blob in blobs if blob), dtype=np.uint8)
    return Column(content, [int(n) for n in lengths], rank.astype(np.int16)[codes] if len(lengths) > 1 else None, codes)


def matrix(content: Array, sizes: Array | None = None, null: Array | None = None) -> Column:
    """Bytes, one row each; `sizes` gives how many of a row's bytes count, where they differ."""
    if sizes is not None:
        lengths, classes = np.unique(sizes, return_inverse=True)
        return Column(content, [int(n) for n in lengths], classes.astype(np.int16))
    if null is not None:
        return Column(content, [content.shape[1], -1], null.astype(np.int8))
    return Column(content, [content.shape[1]])


def span(lower: Array, upper: Array) -> Column:
    """tstzrange [lower, upper)."""
    count = len(lower)
    content = np.empty((count, 25), dtype=np.uint8)
    content[:, 0] = 0x02
    content[:, 1:5] = content[:, 13:17] = (0, 0, 0, 8)
    content[:, 5:13] = lower.astype(">i8").view(np.uint8).reshape(count, 8)
    content[:, 17:25] = upper.astype(">i8").view(np.uint8).reshape(count, 8)
    return Column(content, [25])


def text_array(items: Sequence[str], oid: int = 1043) -> bytes:
    """varchar[] (oid 1043) as one field."""
    if not items:
        return bytes(8) + oid.to_bytes(4, "big")
    head = (1).to_bytes(4, "big") + bytes(4) + oid.to_bytes(4, "big") + len(items).to_bytes(4, "big") + (1).to_bytes(4, "big")
    return head + b"".join(len(blob).to_bytes(4, "big") + blob for blob in (item.encode() for item in items))


def encode(columns: Sequence[Column], count: int) -> bytes:
    """The rows, ready for COPY between SIGNATURE and TRAILER."""
    if count == 0:
        return b""
    key = np.zeros(count, dtype=np.int64)
    mixed = False
    for column in columns:
        if column.classes is not None:
            key = key * len(column.lengths) + column.classes
            mixed = True
    if not mixed:
        return _group(columns, [column.lengths[0] for column in columns], slice(None), count)
    order = np.argsort(key, kind="stable")
    edges = np.flatnonzero(np.diff(key[order])) + 1
    parts = []
    for rows in np.split(order, edges):
        first = rows[0]
        lengths = [column.lengths[0 if column.classes is None else column.classes[first]] for column in columns]
        parts.append(_group(columns, lengths, rows, len(rows)))
    return b"".join(parts)


def _group(columns: Sequence[Column], lengths: Sequence[int], rows: Array | slice, count: int) -> bytes:
    width = 2 + sum(4 + max(0, length) for length in lengths)
    out = np.empty((count, width), dtype=np.uint8)
    out[:, :2] = np.frombuffer(len(columns).to_bytes(2, "big"), dtype=np.uint8)
    at = 2
    for column, length in zip(columns, lengths, strict=True):
        out[:, at : at + 4] = np.frombuffer(int(length).to_bytes(4, "big", signed=True), dtype=np.uint8)
        at += 4
        if length > 0:
            out[:, at : at + length] = column.take(rows, length)
            at += length
    return out.tobytes()
