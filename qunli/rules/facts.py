"""Who provides which fact. A room says from its AppConfig.ready what it has on record about a person:

    from qunli.rules import facts

    @facts.provide("verified_minutes")
    def verified_minutes(person: Person, on: date) -> int | None: ...

A provider gives the value on that day, or None when nothing is on record; it asks nobody's permission: who gathers facts does.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from qunli.people.enums import Purpose
from qunli.people.identity import age_on
from qunli.people.models import Person
from qunli.people.selectors import counts_as_adult, has_consent

Provider = Callable[[Person, date], Any]
_providers: dict[str, Provider] = {}


def provide(name: str) -> Callable[[Provider], Provider]:
    """Register the provider of a fact; the fact must stand in the catalogue (a test holds that). The last one registered counts."""

    def register(provider: Provider) -> Provider:
        _providers[name] = provider
        return provider

    return register


def provided() -> frozenset[str]:
    """Names of all facts that some room has on record."""
    return frozenset(_providers)


def gather(names: Iterable[str], *, person: Person, on: date) -> dict[str, Any]:
    """What is on record about a person, of these facts."""
    found = {}
    for name in names:
        provider = _providers.get(name)
        value = provider(person, on) if provider else None
        if value is not None:
            found[name] = value
    return found


# What the rooms below this one have: they cannot register by themselves.


@provide("age")
def _age(person: Person, on: date) -> int | None:
    return age_on(person.birth_date, on) if person.birth_date else None


@provide("guardian_consent")
def _guardian_consent(person: Person, on: date) -> bool:
    return has_consent(person, Purpose.MINOR)


@provide("own_income")
def _own_income(person: Person, on: date) -> bool:
    return person.self_supporting_on is not None and counts_as_adult(person, on)
