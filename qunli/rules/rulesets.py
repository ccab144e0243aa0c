"""A rule set as it was read: what the engine, the pages and the comparison work on. Immutable."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.utils.translation import get_language

from qunli.rules.conditions import Condition
from qunli.rules.enums import Audience, Certainty, Decides
from qunli.rules.kinds import Type
from qunli.rules.terms import Term

ON = "on"
"""The day of the evaluation: a date that every rule may use and nobody has to give."""


@dataclass(frozen=True)
class Words:
    """A text in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.en if (get_language() or "").startswith("en") else self.zh

    def __bool__(self) -> bool:
        return bool(self.zh)


NOTHING = Words("", "")


@dataclass(frozen=True)
class FactType:
    """A fact of the catalogue: what it is, how to ask for it, and what asking costs."""

    name: str
    type: Type
    label: Words
    question: Words
    unit: str
    cost: int
    """How much it takes to find out: 0 on record, 1 the person can say, 5 a document is needed, 20 another office is asked."""
    room: str
    """The room that can provide it; "" when only asking helps."""
    personal: bool
    options: Mapping[str, Words]


@dataclass(frozen=True)
class ResultType:
    """A named outcome of a rule set."""

    name: str
    type: Type
    label: Words
    unit: str
    options: Mapping[str, Words]


@dataclass(frozen=True)
class Parameter:
    """A number (or text, or date) of the rules, by its name."""

    name: str
    type: Type
    value: int
    label: Words
    unit: str
    clause: Words
    options: Mapping[str, Words]

    @property
    def plain(self) -> Any:
        return self.type.read(self.value)


@dataclass(frozen=True)
class Value:
    """An intermediate value, by its name."""

    name: str
    term: Term
    label: Words
    unit: str


@dataclass(frozen=True)
class Rule:
    key: str
    text: Words
    clause: Words
    source: Words
    """Where the clause stands, when it is not the source of the whole set."""
    when: Condition | None
    """None: always (the last of a `first` set)."""
    results: Mapping[str, Term]


@dataclass(frozen=True)
class RuleSet:
    key: str
    issuer: str
    title: Words
    about: Words
    source: Words
    authority: Words
    certainty: Certainty
    audience: Audience
    decides: Decides
    effective_from: date
    effective_to: date | None
    """The first day on which it is no more in force."""
    facts: Mapping[str, FactType]
    """Those that its rules mention, as the catalogue had them when it was loaded."""
    parameters: Mapping[str, Parameter]
    values: Mapping[str, Value]
    results: Mapping[str, ResultType]
    rules: tuple[Rule, ...]
    outcome: Mapping[str, Term]
    """Results of an `all` set that is answered with yes."""
    content: str
    """Everything above as canonical JSON, without `effective_to`: what is stored and digested."""

    @cached_property
    def asking_order(self) -> tuple[str, ...]:
        """Facts from the cheapest to find out to the dearest; of the same cost those that the rules mention first."""
        mentioned: dict[str, None] = {}
        for name in self._mentions():
            mentioned.setdefault(name)
        return tuple(sorted((n for n in mentioned if n in self.facts), key=lambda name: self.facts[name].cost))

    def _mentions(self) -> Iterator[str]:
        for rule in self.rules:
            if rule.when is not None:
                yield from rule.when.names()
        for results in (self.outcome, *(rule.results for rule in self.rules)):
            for term in results.values():
                yield from term.names()
