"""In which line of a TOML file a value stands: `tomllib` tells what is in a file, not where.

Reads a file that `tomllib` has already accepted, so it may be simple: it only has to keep step.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
_TEXT = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}" + r'|"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'", re.S)
_PLAIN = re.compile(r"[^,\]}#\n]+")


def lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table, key and array item."""
    reader = _Reader(text.replace("\r\n", "\n"))
    reader.document()
    return reader.found


def nearest(found: Mapping[Path, int], path: Path) -> int:
    """The line of `path`, or of what it lies in."""
    while path not in found and path:
        path = path[:-1]
    return found.get(path, 1)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.lengths: dict[Path, int] = {}
        """How many tables of `[[array]]` there are so far."""

    def document(self) -> None:
        table: Path = ()
        while self._skip():
            if self.text.startswith("[[", self.at):
                self.at += 2
                table = self._inside_arrays(self._keys())
                number = self.lengths.get(table, 0)
                self.lengths[table] = number + 1
                table = (*table, number)
                self._mark(table)
                self.at += 2
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._inside_arrays(self._keys(), whole=True)
                self._mark(table)
                self.at += 1
            else:
                self._pair(table)

    def _inside_arrays(self, keys: Path, whole: bool = False) -> Path:
        """`rules.results` inside of `[[rules]]` means the last of them."""
        path: Path = ()
        for place, key in enumerate(keys):
            path = (*path, key)
            if path in self.lengths and (whole or place + 1 < len(keys)):
                path = (*path, self.lengths[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._keys())
        for length in range(len(table) + 1, len(path) + 1):
            self.found.setdefault(path[:length], line)
        self.at += 1  # "="
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip()
        self._mark(path)
        text = _TEXT.match(self.text, self.at)
        if text:
            self.at = text.end()
        elif self.text[self.at] == "[":
            self.at += 1
            number = 0
            while self._skip() and self.text[self.at] != "]":
                self._value((*path, number))
                number += 1
                self._comma()
            self.at += 1
        elif self.text[self.at] == "{":
            self.at += 1
            while self._skip() and self.text[self.at] != "}":
                self._pair(path)
                self._comma()
            self.at += 1
        else:
            plain = _PLAIN.match(self.text, self.at)
            self.at = plain.end() if plain else self.at + 1

    def _keys(self) -> Path:
        keys: list[str] = []
        while True:
            match = _KEY.match(self.text, self.at)
            if match is None:  # not where we thought: give up on this line rather than loop
                self.at = len(self.text)
                return tuple(keys)
            self.at = match.end()
            quoted, literal, bare = match.groups()
            keys.append(_unquoted(quoted) if quoted is not None else literal if literal is not None else bare)
            if not self.text.startswith(".", self.at):
                return tuple(keys)
            self.at += 1

    def _comma(self) -> None:
        self._skip()
        if self.text.startswith(",", self.at):
            self.at += 1

    def _skip(self) -> bool:
        """Over blanks and comments; whether anything follows."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at < len(self.text)

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _mark(self, path: Path) -> None:
        self.found.setdefault(path, self._line())


def _unquoted(text: str) -> str:
    key: Any = next(iter(tomllib.loads(f'"{text}" = 0')))
    return str(key)
