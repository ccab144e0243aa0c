"""The duty catalogue (职责清单), what is not accepted (rules `case-acceptance`), and words of an emergency."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import get_language

from qunli.cases.enums import Duty
from qunli.divisions.enums import Level
from qunli.rules.selectors import Rule, rule_set


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


def refusals(on: date) -> tuple[Rule, ...]:
    """The reasons for not accepting a case on a day: rules, with their text in both languages. Raises Refused "no_rules"."""
    return rule_set("case-acceptance", on).rules


@lru_cache(maxsize=1)
def _emergencies() -> list[Emergency]:
    file = Path(__file__).parent / "data" / "emergencies.toml"
    return [Emergency(**entry) for entry in tomllib.loads(file.read_text("utf-8"))["emergency"]]


def emergency_in(text: str) -> Emergency | None:
    """The emergency that a text speaks of, if its words say so."""
    low = text.casefold()
    return next((each for each in _emergencies() if any(word in low for word in each.words)), None)


def goes_too_low(duty: str, level: int) -> bool:
    """A functional department's own work never goes below the district."""
    return duty == Duty.DEPARTMENT and level > Level.DISTRICT
