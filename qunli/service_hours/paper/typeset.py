"""Sets the certificate: content in, PDF/A-3b out, with the Chinese fonts embedded. No network, no system fonts, no ORM."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import segno
import typst

from qunli.service_hours.paper import letters

TEMPLATE = Path(__file__).with_name("certificate.typ")
_lock = threading.Lock()
"""The compiler keeps its parsed fonts and its cache between certificates; one thread at a time uses it."""


@dataclass(frozen=True)
class Row:
    """One service as the paper names it: time, content, recording unit (办法 14)."""

    day: str
    times: str
    title: str
    content: str
    unit: str
    time: str


@dataclass(frozen=True)
class Content:
    """All that the paper says. Dates and durations are already worded; *_en is their English."""

    number: str
    name: str
    volunteer: str
    issuer: str
    since: str
    since_en: str
    until: str
    until_en: str
    services: int
    hours: int
    rest: int
    """Minutes beyond the whole hours."""
    total_en: str
    issued: str
    issued_en: str
    address: str
    rows: tuple[Row, ...]


def typeset(content: Content, *, link: str, at: datetime, carried: bytes = b"{}") -> bytes:
    """The unsigned paper. `link` is what the QR holds; `at` the moment of issue that the file names as its creation.

    `carried` is embedded as ledger.json: what of the ledger the certificate rests on.

    Names and titles hold whatever people write: a letter that no typeface has becomes 〓, and the paper says so.
    """
    said = _each(asdict(content), letters.plain)
    try:
        return _compile(said, "no", link, at, carried)
    except typst.TypstError:
        printable = _each(said, letters.shown)
        return _compile(printable, "yes" if letters.MISSING in str(printable) else "no", link, at, carried)


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _each(one, change) for name, one in value.items()}
    return [_each(one, change) for one in value] if isinstance(value, list | tuple) else value


def _compile(said: dict[str, Any], missing: str, link: str, at: datetime, carried: bytes) -> bytes:
    """`missing` says whether letters are replaced ("yes", "no")."""
    inputs = {"content": json.dumps(said, ensure_ascii=False), "missing": missing, "qr": _qr(link), "carried": carried.decode()}
    with _lock:
        pdf = _compiler().compile(
            input=_template(), sys_inputs=inputs, format="pdf", pdf_standards="a-3b", pdf_tags=False, timestamp=int(at.timestamp())
        )
    if not isinstance(pdf, bytes):
        raise TypeError("typst gave no single document")
    return pdf


@lru_cache(maxsize=1)
def _compiler() -> typst.Compiler:
    return typst.Compiler(font_paths=[str(letters.FOLDER)], ignore_system_fonts=True)


@lru_cache(maxsize=1)
def _template() -> bytes:
    return TEMPLATE.read_bytes()


def _qr(link: str) -> str:
    picture = io.BytesIO()
    # Weighing all eight masks costs more than the drawing; readers take any of them.
    segno.make(link, error="m", micro=False, mask=3).save(picture, kind="svg", border=0, dark="#2b2623")
    return picture.getvalue().decode()
