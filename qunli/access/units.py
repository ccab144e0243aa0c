"""What a posting may be narrowed to: rooms above say which of their objects are units, and in which division each stands."""

from collections.abc import Callable

from qunli.divisions.models import Division

Finder = Callable[[int], Division | None]
_finders: dict[str, Finder] = {}


def on_unit(kind: str, finder: Finder) -> None:
    """A room says, from its AppConfig.ready, where its unit "kind:key" stands; None when there is none that can be led."""
    _finders[kind] = finder


def division_of_unit(unit: str) -> Division | None:
    """The division in which the unit "team:42" stands; None for what is no unit. Written in one way only, since it is compared."""
    kind, _colon, key = unit.partition(":")
    finder = _finders.get(kind)
    if finder is None or not (key.isascii() and key.isdecimal() and len(key) <= 18 and str(int(key)) == key):
        return None
    return finder(int(key))
