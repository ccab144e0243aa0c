"""Search in Chinese by words, characters, pinyin and initials. An array column with a GIN index holds the tokens of a text.

A text gives: its characters, its pairs of neighbouring characters, its words, the joined pinyin and the initials of one word and of
two neighbouring words, and of the whole when it is short. A query gives the tokens that a hit must all contain: pairs for Chinese,
so that what was typed stands together in the text; Latin as it is, so that "jinjiang" and "jj" find 锦江区.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import rjieba
from pypinyin import Style, lazy_pinyin

LONGEST = 40
"""Characters of a token at most: the column's width."""
SHORT = 12
"""A text up to so many characters is also found by the pinyin and initials of all of it."""

HAN = r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
RUNS = re.compile(rf"(?P<han>{HAN}+)|(?P<latin>(?:(?!{HAN})[^\W_])+)")


def normal(text: str) -> str:
    """Full-width forms narrowed, case folded; without NUL, which no column holds and no statement may ask for."""
    return unicodedata.normalize("NFKC", text.replace("\x00", "")).casefold()


def seen(text: str) -> int:
    """How many characters of a text a reader sees: none of spaces, controls and those of no width."""
    return sum(letter.isprintable() and not letter.isspace() for letter in text)


@lru_cache(maxsize=50_000)
def pinyin(text: str) -> str:
    """Joined pinyin without tones: 锦江 -> jinjiang."""
    return "".join(lazy_pinyin(text, errors="ignore")).replace("ü", "v").casefold()


@lru_cache(maxsize=50_000)
def initials(text: str) -> str:
    """First letters of the syllables: 锦江 -> jj."""
    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER, errors="ignore")).casefold()


def search_tokens(text: str) -> list[str]:
    """The tokens under which `text` is found, each at most 40 characters, sorted."""
    tokens: set[str] = set()
    for run in RUNS.finditer(normal(text)):
        part = run.group()
        if run.lastgroup == "latin":
            tokens.add(part)
            continue
        tokens.update(part)
        tokens.update(part[i : i + 2] for i in range(len(part) - 1))
        words = rjieba.cut(part)
        tokens.update(words)
        spans: list[Sequence[str]] = [[word] for word in words]
        spans.extend(pairwise(words))
        spans.extend([word[:2]] for word in words if len(word) == 3)
        if len(part) <= SHORT:
            spans.append(words)
        for span in spans:  # word by word: each is read once and remembered
            tokens.add("".join(map(pinyin, span)))
            if len(span) > 1 or len(span[0]) > 1:
                tokens.add("".join(map(initials, span)))
    return sorted(token for token in tokens if 0 < len(token) <= LONGEST)


def query_tokens(text: str) -> list[str]:
    """The tokens that a text must all contain to match what was typed; [] when nothing can be searched for."""
    tokens: set[str] = set()
    for run in RUNS.finditer(normal(text)):
        part = run.group()
        if run.lastgroup == "latin":
            tokens.add(part[:LONGEST])
        elif len(part) == 1:
            tokens.add(part)
        else:
            tokens.update(part[i : i + 2] for i in range(len(part) - 1))
    return sorted(tokens)
