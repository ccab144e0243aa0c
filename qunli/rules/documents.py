"""A file while it is read: its values, and every mistake in it with line, name and remedy. All are found, nothing is raised."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path as File
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from qunli.kernel.lists import listed
from qunli.rules import kinds, positions
from qunli.rules.enums import Unit
from qunli.rules.kinds import Kind, Type
from qunli.rules.positions import Path
from qunli.rules.rulesets import NOTHING, Words

Table = Mapping[str, Any]


class Mistake(NamedTuple):
    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        facts = {"file": self.file, "line": self.line, "field": self.field, "message": self.message}
        if not self.field:
            return _("%(file)s 第 %(line)d 行：%(message)s") % facts
        return _("%(file)s 第 %(line)d 行，%(field)s：%(message)s") % facts


@dataclass
class Document:
    """What stands in a file, in the form that JSON has (dates and decimals as text)."""

    name: str
    data: dict[str, Any]
    lines: Mapping[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, path: Path, message: str) -> None:
        """Note a mistake at `path`."""
        self.mistakes.append(Mistake(self.name, positions.nearest(self.lines, path), _spelled(path), message))

    def only(self, table: Table, path: Path, known: Iterable[str]) -> None:
        """A key that nobody reads is a slip of the pen, not to be passed over."""
        names = sorted(known)
        for key in table:
            if key not in names:
                self.wrong((*path, key), _("不认识“%(key)s”。可用：%(known)s。") % {"key": key, "known": listed(names)})

    def table(self, table: Table, path: Path, key: str) -> dict[str, Any]:
        """A table of tables; empty when it is not there."""
        found = table.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
            self.wrong((*path, key), _("要写成表，例如 [%(key)s.名称]。") % {"key": key})
            return {}
        return found

    def text(self, table: Table, path: Path, key: str, default: str | None = None) -> str:
        found = table.get(key, default)
        if isinstance(found, str) and (found or default is not None):
            return found
        self.wrong((*path, key), _("缺少“%(key)s”，请补上文字。") % {"key": key})
        return ""

    def words(self, table: Table, path: Path, key: str, required: bool = True) -> Words:
        """`{ zh = "...", en = "..." }`."""
        found = table.get(key)
        if found is None and not required:
            return NOTHING
        if isinstance(found, dict):
            self.only(found, (*path, key), ("zh", "en"))
            if all(isinstance(found.get(language), str) and found[language] for language in ("zh", "en")):
                return Words(found["zh"], found["en"])
        self.wrong((*path, key), _('“%(key)s”要写成 { zh = "…", en = "…" }，两种文字都要有。') % {"key": key})
        return NOTHING

    def label(self, table: Table, path: Path) -> Words:
        """The `zh` and `en` of a table itself."""
        return Words(self.text(table, path, "zh"), self.text(table, path, "en"))

    def one_of(self, table: Table, path: Path, key: str, known: Iterable[str], default: str | None = None) -> str:
        found, names = table.get(key, default), list(known)
        if found in names:
            return str(found)
        self.wrong(
            (*path, key), _("“%(key)s”要是其中之一：%(known)s。") % {"key": key, "known": listed(name for name in names if name)}
        )
        return names[0]

    def number(self, table: Table, path: Path, key: str, low: int, high: int, default: int | None = None) -> int:
        found = table.get(key, default)
        if isinstance(found, int) and not isinstance(found, bool) and low <= found <= high:
            return found
        facts = {"key": key, "low": low, "high": high}
        self.wrong((*path, key), _("“%(key)s”要是 %(low)d 至 %(high)d 的整数。") % facts)
        return low

    def flag(self, table: Table, path: Path, key: str) -> bool:
        found = table.get(key, False)
        if not isinstance(found, bool):
            self.wrong((*path, key), _("“%(key)s”要写 true 或 false。") % {"key": key})
        return found is True

    def date(self, table: Table, path: Path, key: str, required: bool = True) -> date | None:
        found = table.get(key)
        if found is None and not required:
            return None
        try:
            return date.fromisoformat(found if isinstance(found, str) else "")
        except ValueError:
            self.wrong((*path, key), _("“%(key)s”要是日期，例如 2026-03-05（不加引号）。") % {"key": key})
            return None

    def unit(self, table: Table, path: Path) -> str:
        return self.one_of(table, path, "unit", ["", *Unit.values], "")

    def options(self, table: Table, path: Path) -> dict[str, Words]:
        """`options.key = { zh = "...", en = "..." }`, in the order of the file."""
        found = self.table(table, path, "options")
        if len(found) > kinds.MOST_OPTIONS:
            self.wrong((*path, "options"), _("选项最多 %(most)d 个。") % {"most": kinds.MOST_OPTIONS})
            return {}
        return {key: self.words(found, (*path, "options"), key) for key in found}

    def type(self, table: Table, path: Path, bounded: bool = True) -> Type:
        """The type that a table declares; with `bounded`, numbers say their `min` and `max`."""
        kind = Kind(self.one_of(table, path, "type", list(Kind)))
        options = tuple(self.options(table, path))
        if kind in (Kind.CHOICE, Kind.SET):
            if not options:
                self.wrong((*path, "options"), _('请列出选项，例如 options.yes = { zh = "…", en = "…" }。'))
            return kinds.choice(options) if kind == Kind.CHOICE else kinds.set_of(options)
        if options:
            self.wrong((*path, "options"), _("只有 choice 和 set 才有选项。"))
        if kind == Kind.BOOLEAN:
            return kinds.BOOLEAN
        if kind == Kind.DATE:
            return kinds.DATE
        digits = self.number(table, path, "digits", 1, kinds.MOST_DIGITS) if kind == Kind.DECIMAL else 0
        wide = Type(kind, 1 - kinds.LIMIT, kinds.LIMIT - 1, digits)
        if not bounded:
            return wide
        ends = {}
        for key in ("min", "max"):
            try:
                ends[key] = wide.write(table[key])
            except KeyError:
                self.wrong((*path, key), _("数字要写明 %(key)s，才能保证计算不会越界。") % {"key": key})
            except ValueError as error:
                self.wrong((*path, key), str(error))
        if len(ends) < 2 or ends["min"] > ends["max"]:
            if len(ends) == 2:
                self.wrong((*path, "max"), _("max 不能小于 min。"))
            return Type(kind, 0, 1, digits)
        return Type(kind, ends["min"], ends["max"], digits)


def open_document(file: File, name: str) -> Document:
    """Read a file; what is no TOML is a mistake like any other."""
    try:
        text = file.read_text("utf-8")
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = _line_of(str(error), file)
        message = _("不是正确的 TOML（%(reason)s）。") % {"reason": str(error)}
        return Document(name, {}, mistakes=[Mistake(name, line, "", message)])
    except (OSError, UnicodeDecodeError) as error:
        return Document(name, {}, mistakes=[Mistake(name, 1, "", _("读不了文件：%(reason)s") % {"reason": str(error)})])
    document = Document(name, {}, positions.lines(text))
    document.data = {key: _plain(document, value, (key,)) for key, value in data.items()}
    return document


def _line_of(message: str, file: File) -> int:
    """From "(at line 3, column 5)"; "at end of document" is the last."""
    _before, found, after = message.rpartition("at line ")
    return int(after.split(",")[0]) if found else len(file.read_text("utf-8").splitlines())


def _plain(document: Document, value: Any, path: Path) -> Any:
    match value:
        case dict():
            return {key: _plain(document, each, (*path, key)) for key, each in value.items()}
        case list():
            return [_plain(document, each, (*path, place)) for place, each in enumerate(value)]
        case Decimal():
            return str(value)
        case date() if not isinstance(value, datetime):
            return value.isoformat()
        case str() | bool() | int():
            return value
    document.wrong(path, _("这里不用时刻，请写日期，例如 2026-03-05。"))
    return ""


def _spelled(path: Path) -> str:
    """rules[2].when.all[0]: items are counted from 1, as people do."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text
