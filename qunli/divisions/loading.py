"""Reading a city's file: every error by line and field, nothing written unless all of it is good."""

import csv
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import gettext as _

from qunli.divisions.codes import kind_of, level_of, parent_code
from qunli.divisions.enums import Kind, Level
from qunli.kernel.lists import listed

COLUMNS = (
    "code", "name", "kind", "parent", "longitude", "latitude", "approximate", "residents", "valid_from", "valid_to",
)  # fmt: skip
"""`kind` may be empty (taken from the code), `parent` too (the code above)."""


class Row(NamedTuple):
    line: int
    code: str
    name: str
    level: Level
    kind: Kind
    parent: str | None
    longitude: float | None
    latitude: float | None
    approximate: bool
    residents: int | None
    valid_from: date
    valid_to: date | None


class LineError(NamedTuple):
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return _("第 %(line)d 行，%(field)s：%(message)s") % {"line": self.line, "field": self.field, "message": self.message}


@dataclass
class Reading:
    rows: list[Row] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)


def read(path: Path) -> Reading:
    """Rows and errors of a CSV file in UTF-8 with a heading line."""
    reading = Reading()
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        reading.errors.append(LineError(0, "file", _("读不到文件：%(reason)s") % {"reason": error.strerror or str(error)}))
        return reading
    except UnicodeDecodeError:
        reading.errors.append(LineError(0, "file", _("文件不是 UTF-8 编码，请另存为 UTF-8 的 CSV。")))
        return reading
    lines = csv.DictReader(text.splitlines())
    missing = [name for name in ("code", "name", "valid_from") if name not in (lines.fieldnames or ())]
    if missing:
        message = _("缺少列：%(columns)s") % {"columns": listed(missing)}
        reading.errors.append(LineError(1, "columns", message))
        return reading
    for raw in lines:
        row = _row(
            lines.line_num, {key: (value or "").strip() for key, value in raw.items() if isinstance(key, str)}, reading.errors
        )
        if row:
            reading.rows.append(row)
    _check_tree(reading)
    return reading


def _row(line: int, raw: dict[str, str], errors: list[LineError]) -> Row | None:
    before = len(errors)

    def wrong(name: str, message: str) -> None:
        errors.append(LineError(line, name, message))

    def number(name: str, low: float, high: float) -> float | None:
        text = raw.get(name, "")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            wrong(name, _("“%(text)s”不是数字。") % {"text": text})
            return None
        if not low <= value <= high:
            wrong(name, _("%(text)s 超出范围 %(low)s 至 %(high)s。") % {"text": text, "low": low, "high": high})
        return value

    def day(name: str) -> date | None:
        text = raw.get(name, "")
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            wrong(name, _("“%(text)s”不是日期，请写成 2026-03-05。") % {"text": text})
            return None

    code, name = raw.get("code", "").upper(), raw.get("name", "")
    if not re.fullmatch(r"[0-9A-Z]{12}", code):
        wrong("code", _("“%(text)s”不是 12 位区划代码。") % {"text": raw.get("code", "")})
        return None
    if not name:
        wrong("name", _("名称不能为空。"))
    elif len(name) > 60:
        wrong("name", _("名称最多 60 个字。"))
    kind = raw.get("kind", "")
    if kind and kind not in Kind.values:
        wrong("kind", _("“%(text)s”不是已知的类型：%(known)s。") % {"text": kind, "known": listed(Kind.values)})
    longitude, latitude = number("longitude", 70, 140), number("latitude", 0, 60)
    if bool(raw.get("longitude")) != bool(raw.get("latitude")):
        wrong("longitude", _("经度和纬度要一起填写。"))
    residents = number("residents", 0, 50_000_000)
    since, until = day("valid_from"), day("valid_to")
    if since is None and not raw.get("valid_from"):
        wrong("valid_from", _("生效日期不能为空。"))
    if since and until and until <= since:
        wrong("valid_to", _("失效日期要晚于生效日期。"))
    if len(errors) > before or since is None:
        return None
    return Row(
        line=line,
        code=code,
        name=name,
        level=level_of(code),
        kind=Kind(kind) if kind else kind_of(code, name),
        parent=raw.get("parent") or parent_code(code),
        longitude=longitude,
        latitude=latitude,
        approximate=raw.get("approximate") == "1",
        residents=None if residents is None else int(residents),
        valid_from=since,
        valid_to=until,
    )


def _check_tree(reading: Reading) -> None:
    """One city at the top, every parent there, no code twice in one period."""
    open_codes: dict[str, int] = {}
    for row in reading.rows:
        if row.valid_to is None:
            first = open_codes.setdefault(row.code, row.line)
            if first != row.line:
                message = _("代码 %(code)s 与第 %(line)d 行重复。") % {"code": row.code, "line": first}
                reading.errors.append(LineError(row.line, "code", message))
    codes = {row.code for row in reading.rows}
    for row in reading.rows:
        if row.level != Level.CITY and row.parent not in codes:
            message = _("上级 %(code)s 不在文件里。") % {"code": row.parent}
            reading.errors.append(LineError(row.line, "parent", message))
    if reading.rows and not any(row.level == Level.CITY for row in reading.rows):
        reading.errors.append(LineError(1, "code", _("文件里没有市一级（代码以 00000000 结尾）。")))
    reading.errors.sort(key=lambda error: error.line)
