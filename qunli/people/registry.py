"""Which rows hang on a person, read from Django's own registry: a new model is merged, exported and erased without a word here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol

from django.apps import apps
from django.db import models
from django.db.models import Count, Value

from qunli.kernel.actor import Actor
from qunli.people.models import Person

OWN = frozenset({"people.Merge", "people.Duplicate"})
"""The machinery of merging itself: never moved."""
STANDING = frozenset({"accounts.Account"})
"""Rows of which a merged person may have more than one, and that stand for the person all the same."""


@dataclass(frozen=True)
class Reference:
    """One foreign key to the model that was asked for."""

    model: type[models.Model]
    field: models.ForeignKey[Any, Any]

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def single(self) -> bool:
        """One row at most for each target."""
        return self.field.unique

    @property
    def standing(self) -> bool:
        """A row that stands for the person (the volunteer, an account): what hangs on it is the person's too."""
        return self.single or self.label in STANDING

    @property
    def acting(self) -> bool:
        """The person did something to a row about others (approved_by, person_in_charge), or keeps it for the office."""
        return self.field.name.endswith("_by") or self.field.name in {"person_in_charge", "applicant", "merged_into"}


@lru_cache(maxsize=64)
def references(target: type[models.Model]) -> tuple[Reference, ...]:
    """All foreign keys to `target`, those that allow one row first: counters that follow rows must find their owner in place."""
    found = [
        Reference(model, column)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.label not in OWN
        for column in model._meta.local_fields
        if isinstance(column, models.ForeignKey) and column.remote_field.model is target
    ]
    return tuple(sorted(found, key=lambda r: (not r.single, r.label, r.field.name)))


def counted(querysets: Sequence[models.QuerySet[Any]]) -> list[int]:
    """Rows of each queryset, asked in one statement: pages that list what hangs on a person stay cheap as rooms are added."""
    if not querysets:
        return []
    numbered = [
        # Names that no field has.
        rows.order_by()
        .annotate(nth_asked=Value(place))
        .values("nth_asked")
        .annotate(n_rows=Count("pk"))
        .values_list("nth_asked", "n_rows")
        for place, rows in enumerate(querysets)
    ]
    found = dict(numbered[0].union(*numbered[1:], all=True) if len(numbered) > 1 else numbered[0])
    return [found.get(place, 0) for place in range(len(querysets))]


Resolver = Callable[[models.Model, models.Model | None, datetime], dict[str, Any]]
"""A row that cannot move, its counterpart where there is one, the time -> values to set on the row that stays."""


class Eraser(Protocol):
    """Ends what a room does for a person who asks for deletion; may raise Refused."""

    def __call__(self, *, person: Person, by: Actor, now: datetime) -> None: ...


class Guard(Protocol):
    """Says whether two records may be merged by this actor; raises Denied or Refused."""

    def __call__(self, *, kept: Person, gone: Person, by: Actor, now: datetime) -> None: ...


class Describer(Protocol):
    """Names the office that people held on a day, such as "社区工作者，水井坊社区", by (person, day); without one, nothing."""

    def __call__(self, asked: set[tuple[int, date]]) -> dict[tuple[int, date], str]: ...


@dataclass
class _Registered:
    resolvers: dict[str, Resolver] = field(default_factory=dict)
    guards: list[Guard] = field(default_factory=list)
    erasers: list[Eraser] = field(default_factory=list)
    describers: list[Describer] = field(default_factory=list)


registered = _Registered()


def on_merge_conflict(label: str, resolver: Resolver) -> None:
    """A room says, from its AppConfig.ready, what becomes of a row of the merged person that its constraints keep from moving."""
    registered.resolvers[label] = resolver


def on_merge(guard: Guard) -> None:
    """A room says, from its AppConfig.ready, who may not merge whom. Asked inside the merge, with both records locked."""
    if guard not in registered.guards:
        registered.guards.append(guard)


def describe_by(describer: Describer) -> None:
    """A room says, from its AppConfig.ready, what office people hold, for those whose data they looked at."""
    if describer not in registered.describers:
        registered.describers.append(describer)


def on_erase(eraser: Eraser) -> None:
    """A room says, from its AppConfig.ready, what it ends when a person is erased. Called in the order of registration."""
    if eraser not in registered.erasers:
        registered.erasers.append(eraser)
