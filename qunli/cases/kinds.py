"""Who uses the engine: rooms above declare their kinds of cases from their `AppConfig.ready`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qunli.access.selectors import names_of_units
from qunli.cases.duties import Matter, catalogue
from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.cases.models import Case


class Unit(NamedTuple):
    """Somebody to whom a case may go: a division's own office (key "") or a unit in it ("team:42")."""

    division: int
    key: str
    name: str


class Panel(NamedTuple):
    """What a kind shows on a case's page, below the text: a template of its room and the context."""

    template: str
    context: Mapping[str, Any]


@dataclass(frozen=True)
class CaseKind:
    """`units_for`: whom a desk may choose from; `panel`: what the room adds to the page of a case; `on_split`: what it keeps of a
    case beside it is written for a part that is split from it too.
    """

    key: str
    name: object
    catalogue: Path
    units_for: "Callable[[Case], Iterable[Unit]] | None" = None
    panel: "Callable[[Case, Actor], Panel | None] | None" = None
    on_split: "Callable[[Case, Case], None] | None" = None

    @property
    def matters(self) -> Mapping[str, Matter]:
        return catalogue(self.catalogue)


_kinds: dict[str, CaseKind] = {}


def register_kind(kind: CaseKind) -> None:
    """A room declares a kind of its cases. The catalogue is read at once, so that a wrong line stops the start."""
    assert kind.matters
    _kinds[kind.key] = kind


def kind_of(key: str) -> CaseKind:
    """A declared kind. Raises KeyError."""
    return _kinds[key]


def matters(key: str) -> Mapping[str, Matter]:
    """The duty catalogue of a declared kind. Raises KeyError."""
    return kind_of(key).matters


def kinds() -> list[CaseKind]:
    """All declared kinds."""
    return list(_kinds.values())


def names_of(units: Iterable[str]) -> dict[str, str]:
    """The names of units, one query a kind of unit; a unit that nobody knows is called by its key."""
    keys = set(units)
    return {key: key for key in keys} | names_of_units(keys)
