"""What a posting may be narrowed to: rooms above say which of their objects are units, where each stands and how it is called."""

from collections.abc import Callable, Collection, Iterable

from qunli.divisions.models import Division

Finder = Callable[[int], Division | None]
Namer = Callable[[Collection[int]], dict[int, str]]
_kinds: dict[str, tuple[Finder, Namer]] = {}


def on_unit(kind: str, finder: Finder, namer: Namer) -> None:
    """A room says, from its AppConfig.ready, where its unit "kind:key" stands, None when there is none that can be led; and the
    names of those that there are or were.
    """
    _kinds[kind] = (finder, namer)


def division_of_unit(unit: str) -> Division | None:
    """The division in which the unit "team:42" stands; None for what is no unit."""
    found = _read(unit)
    return _kinds[found[0]][0](found[1]) if found is not None else None


def names_of_units(units: Iterable[str]) -> dict[str, str]:
    """How people call each unit, from one query for each kind; without those that nobody knows."""
    keys: dict[str, list[int]] = {}
    for kind, key in filter(None, map(_read, units)):
        keys.setdefault(kind, []).append(key)
    return {f"{kind}:{key}": name for kind, each in keys.items() for key, name in _kinds[kind][1](each).items()}


def _read(unit: str) -> tuple[str, int] | None:
    """Kind and key. Written in one way only, since it is compared."""
    kind, _colon, key = unit.partition(":")
    if kind not in _kinds or not (key.isascii() and key.isdecimal() and len(key) <= 18 and str(int(key)) == key):
        return None
    return kind, int(key)
