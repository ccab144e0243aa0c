"""Which letters the certificate's typefaces have: PDF/A refuses what cannot be shown, and names and titles hold anything."""

import re
import struct
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

import pylopdf_fonts_zh_cn

FOLDER = Path(pylopdf_fonts_zh_cn.sans_path()).parent
MISSING = "〓"
"""What printers set for a letter that they do not have."""

LATIN = re.compile("[\u0020-\u007e\u00a1-\u024f\u1e00-\u1eff]")
"""Letters that the typesetter brings itself."""


def plain(text: str) -> str:
    """Composed, without control and format characters: one that turns the direction of a line makes a paper say another thing."""
    composed = unicodedata.normalize("NFC", text)
    if composed.isprintable():
        return composed
    return "".join(letter for letter in composed if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Cn", "Co"))


def shown(text: str) -> str:
    """`text` as the typefaces can show it: letters that they lack become `MISSING`, pictures and marks are left out."""
    starts, ends = _covered()
    found = []
    for letter in text:
        place = bisect_right(starts, ord(letter)) - 1
        if LATIN.match(letter) or (place >= 0 and ord(letter) <= ends[place]):
            found.append(letter)
        elif unicodedata.category(letter)[0] in "LN":
            found.append(MISSING)
    return "".join(found)


@lru_cache(maxsize=1)
def _covered() -> tuple[list[int], list[int]]:
    """First and last code points of the ranges that every typeface of the paper has, in order."""
    tables = [set(_letters(path.read_bytes())) for path in sorted(FOLDER.glob("*.otf"))]
    starts: list[int] = []
    ends: list[int] = []
    for code in sorted(set.intersection(*tables)):
        if ends and code == ends[-1] + 1:
            ends[-1] = code
        else:
            starts.append(code)
            ends.append(code)
    return starts, ends


def _letters(font: bytes) -> list[int]:
    """Code points of an OpenType font: its `cmap`, the table of format 12, which has them all."""
    count = struct.unpack_from(">H", font, 4)[0]
    tables = {font[at : at + 4]: struct.unpack_from(">I", font, at + 8)[0] for at in range(12, 12 + 16 * count, 16)}
    cmap = tables[b"cmap"]
    for n in range(struct.unpack_from(">H", font, cmap + 2)[0]):
        at = cmap + struct.unpack_from(">I", font, cmap + 8 + 8 * n)[0]
        if struct.unpack_from(">H", font, at)[0] == 12:
            groups = struct.unpack_from(">I", font, at + 12)[0]
            ranges = [struct.unpack_from(">II", font, at + 16 + 12 * g) for g in range(groups)]
            return [code for first, last in ranges for code in range(first, last + 1)]
    raise ValueError("a font without a cmap of format 12")
