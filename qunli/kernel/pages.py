"""Pagination by key: a page begins after the last row of the one before, so that page 5,000 costs as much as page 1.

The cursor holds the order's values of a row and is signed: one that was made up, altered or taken from another list is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext as _

from qunli.kernel.errors import Refused

Row = TypeVar("Row", bound=Model)
SALT = "qunli.kernel.pages"
KINDS: dict[str, tuple[type, Any]] = {
    "t": (datetime, datetime.fromisoformat),
    "d": (date, date.fromisoformat),
    "b": (bool, lambda text: text == "True"),
    "i": (int, int),
    "f": (float, float),
    "n": (Decimal, Decimal),
    "u": (UUID, UUID),
    "s": (str, str),
}


@dataclass(frozen=True)
class Page(Generic[Row]):
    items: list[Row]
    next: str | None
    """Cursor of the page after this one; None on the last."""
    previous: str | None
    """Cursor of the page before this one; None on the first."""


def paginate(queryset: QuerySet[Row], *, order: tuple[str, ...], cursor: str | None, size: int = 20) -> Page[Row]:
    """One page of `queryset` in `order`, whose last name must be unique ("id"). Names may cross relations and annotations.

    NULL stands last in ascending and first in descending order, as PostgreSQL has it. Raises Refused with code "cursor".
    """
    values, forward = _read(cursor, order) if cursor else (None, True)
    directions = [(name.lstrip("-"), name.startswith("-") == forward) for name in order]
    rows = queryset.order_by(*(F(n).desc(nulls_first=True) if down else F(n).asc(nulls_last=True) for n, down in directions))
    if values is not None:
        rows = rows.filter(_after(directions, values))
    found = list(rows[: size + 1])
    more = len(found) > size
    del found[size:]
    if not forward:
        found.reverse()
    if not found:
        return Page([], None, None)
    has_next = more if forward else True
    has_previous = cursor is not None if forward else more
    return Page(
        found,
        _write(found[-1], order, True) if has_next else None,
        _write(found[0], order, False) if has_previous else None,
    )


def _after(directions: Sequence[tuple[str, bool]], values: Sequence[Any]) -> Q:
    """Rows that stand after `values`: equal in the first names and beyond in the next one."""
    condition, equal = Q(pk__in=[]), Q()
    for (name, down), value in zip(directions, values, strict=True):
        if value is None:
            # Descending, NULL comes first: all that is known stands after it. Ascending, nothing does.
            beyond = Q(**{f"{name}__isnull": False}) if down else Q(pk__in=[])
            same = Q(**{f"{name}__isnull": True})
        elif down:
            beyond, same = Q(**{f"{name}__lt": value}), Q(**{name: value})
        else:
            beyond, same = Q(**{f"{name}__gt": value}) | Q(**{f"{name}__isnull": True}), Q(**{name: value})
        condition |= equal & beyond
        equal &= same
    name, down = directions[0]
    if values[0] is not None and down:
        # Implied by the rest, but it lets the database start in the middle of the index.
        condition &= Q(**{f"{name}__lte": values[0]})
    return condition


def _write(row: Model, order: tuple[str, ...], forward: bool) -> str:
    cells: list[list[str] | None] = []
    for name in order:
        value: Any = row
        for step in name.lstrip("-").split("__"):
            value = getattr(value, step) if value is not None else None
        if isinstance(value, Model):
            value = value.pk
        cells.append(None if value is None else _cell(value))
    return signing.dumps([list(order), forward, cells], salt=SALT)


def _cell(value: Any) -> list[str]:
    for kind, (type_, _read_back) in KINDS.items():
        if isinstance(value, type_):
            return [kind, value.isoformat() if isinstance(value, date) else repr(value) if kind == "f" else str(value)]
    raise TypeError(f"a list cannot be ordered by {type(value).__name__}")


def _read(cursor: str, order: tuple[str, ...]) -> tuple[list[Any], bool]:
    try:
        names, forward, cells = signing.loads(cursor, salt=SALT)
        if names != list(order) or len(cells) != len(order):
            raise ValueError("a cursor of another list")
        return [None if cell is None else KINDS[cell[0]][1](cell[1]) for cell in cells], bool(forward)
    except (signing.BadSignature, ValueError, TypeError, KeyError) as error:
        raise Refused(_("这一页的链接已失效，请回到第一页重新翻看。"), code="cursor", field="cursor") from error
