"""The duty catalogue (职责清单), what is not accepted, and emergencies: dated tables, read once, and pure decisions over them."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import get_language

from qunli.cases.enums import Duty
from qunli.divisions.enums import Level


def _text(zh: str, en: str) -> str:
    return en if (get_language() or "").startswith("en") else zh


class Matter(NamedTuple):
    """One line of a catalogue: what may be asked for, and whose work it is."""

    key: str
    zh: str
    en: str
    nature: str
    duty: str
    level: int
    """The level of the tree that answers for it: 2 district, 3 street, 4 community."""
    department: str = ""
    """Key of the functional department that does it, for its own work."""
    icon: str = "circle-help"

    @property
    def name(self) -> str:
        """In the reader's language."""
        return _text(self.zh, self.en)

    def __str__(self) -> str:
        return self.name


class Refusal(NamedTuple):
    key: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """In the reader's language."""
        return _text(self.zh, self.en)


class Emergency(NamedTuple):
    number: str
    """The telephone number to call."""
    zh: str
    en: str
    words: list[str]

    @property
    def name(self) -> str:
        """In the reader's language."""
        return _text(self.zh, self.en)


@lru_cache(maxsize=16)
def catalogue(file: Path) -> Mapping[str, Matter]:
    """The matters of a caller's catalogue by key. Raises ValueError naming the file and the line that is wrong."""
    found: dict[str, Matter] = {}
    for entry in tomllib.loads(file.read_text("utf-8"))["matter"]:
        matter = Matter(**entry)
        wrong = matter.duty == Duty.DEPARTMENT and (matter.level > Level.DISTRICT or not matter.department)
        if matter.key in found or wrong:
            raise ValueError(f"{file.name}: {matter.key}: a key once; a department's work has a department, and no level below it")
        found[matter.key] = matter
    return found


@lru_cache(maxsize=1)
def _acceptance() -> dict[str, list[dict[str, object]]]:
    return tomllib.loads((Path(__file__).parent / "data" / "acceptance.toml").read_text("utf-8"))


def refusals() -> list[Refusal]:
    """The reasons for not accepting a case."""
    return [Refusal(**entry) for entry in _acceptance()["refusal"]]  # type: ignore[arg-type]


def emergency_in(text: str) -> Emergency | None:
    """The emergency that a text speaks of, if its words say so."""
    low = text.casefold()
    for entry in _acceptance()["emergency"]:
        emergency = Emergency(**entry)  # type: ignore[arg-type]
        if any(word in low for word in emergency.words):
            return emergency
    return None


def goes_too_low(duty: str, level: int) -> bool:
    """A functional department's own work never goes below the district."""
    return duty == Duty.DEPARTMENT and level > Level.DISTRICT
