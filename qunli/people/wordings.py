"""The texts of consent as dated data: what a version said stays readable as long as a consent names it."""

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import get_language


class Wording(NamedTuple):
    purpose: str
    version: str
    effective_from: date
    needed: bool
    """The service cannot be given without it."""
    zh: str
    en: str

    @property
    def text(self) -> str:
        """In the reader's language."""
        return self.en if (get_language() or "").startswith("en") else self.zh


@lru_cache(maxsize=1)
def wordings() -> tuple[Wording, ...]:
    """All versions of all texts."""
    file = Path(__file__).parent / "data" / "consents.toml"
    return tuple(Wording(**entry) for entry in tomllib.loads(file.read_text("utf-8"))["text"])


def current(purpose: str, on: date) -> Wording:
    """The version in force on a day; before the first one, the first."""
    known = sorted((w for w in wordings() if w.purpose == purpose), key=lambda w: w.effective_from)
    if not known:
        raise KeyError(purpose)
    return next((w for w in reversed(known) if w.effective_from <= on), known[0])


def version_of(purpose: str, version: str) -> Wording | None:
    """The text that a consent names."""
    return next((w for w in wordings() if w.purpose == purpose and w.version == version), None)
