"""Kinds of values, and how each is written as one whole number: what rules compute with, one by one and in columns alike.

    integer  itself                        boolean  0 or 1                     date  days, 0001-01-01 is 1
    decimal  times 10 ** digits            choice   place among the options    set   one bit an option

So nothing is ever rounded unless a rule says `round`, and both ways of computing cannot but agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from qunli.kernel.lists import listed

LIMIT = 2**62
"""No value and no intermediate result may reach it: columns are 64 bits wide. Checked when a rule set is read."""
MOST_DIGITS = 6
MOST_OPTIONS = 60
FIRST_DAY, LAST_DAY = date(1800, 1, 1), date(2300, 12, 31)


class Kind(StrEnum):
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    SET = "set"
    DATE = "date"


NUMBERS = (Kind.INTEGER, Kind.DECIMAL)


@dataclass(frozen=True)
class Type:
    """`low` and `high` bound the written value (both possible); `digits` are the decimal places of a decimal."""

    kind: Kind
    low: int
    high: int
    digits: int = 0
    options: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    def write(self, value: Any) -> int:
        """The whole number that stands for `value`. Raises ValueError with a sentence for people."""
        match self.kind:
            case Kind.BOOLEAN:
                return self._boolean(value)
            case Kind.CHOICE:
                return self._option(value)
            case Kind.SET:
                if isinstance(value, str) or not isinstance(value, Iterable):
                    raise ValueError(_("要给出选项的列表，可选：%(options)s。") % {"options": listed(self.options)})
                return sum(1 << place for place in {self._option(each) for each in value})
            case Kind.DATE:
                return self._bounded(_date(value).toordinal())
            case _:
                return self._bounded(self._number(value))

    def read(self, written: int) -> Any:
        """The value that a whole number stands for: int, Decimal, bool, str, list of str, or date."""
        match self.kind:
            case Kind.BOOLEAN:
                return bool(written)
            case Kind.CHOICE:
                return self.options[written]
            case Kind.SET:
                return [option for place, option in enumerate(self.options) if written >> place & 1]
            case Kind.DATE:
                return date.fromordinal(written)
            case Kind.DECIMAL:
                return Decimal(written).scaleb(-self.digits)
            case _:
                return written

    def plain(self, written: int) -> Any:
        """As `read`, in what JSON has: decimals and dates as text."""
        value = self.read(written)
        return str(value) if isinstance(value, Decimal | date) else value

    def _boolean(self, value: Any) -> int:
        if not isinstance(value, bool):
            raise ValueError(_("要填“是”或“否”（true 或 false）。"))
        return int(value)

    def _option(self, value: Any) -> int:
        if value not in self.options:
            raise ValueError(_("“%(value)s”不在选项里，可选：%(options)s。") % {"value": value, "options": listed(self.options)})
        return self.options.index(str(value))

    def _number(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise ValueError(_("要填数字。"))
        if isinstance(value, int):
            return int(value * 10**self.digits)
        try:
            exact = Decimal(str(value))
        except InvalidOperation:
            exact = Decimal("NaN")
        if not exact.is_finite() or abs(exact.adjusted()) > 30:
            raise ValueError(_("“%(value)s”不是数字。") % {"value": value})
        written = exact.scaleb(self.digits)
        if written != written.to_integral_value():
            if self.digits:
                raise ValueError(_("“%(value)s”最多 %(digits)d 位小数。") % {"value": value, "digits": self.digits})
            raise ValueError(_("“%(value)s”不是整数。") % {"value": value})
        return int(written)

    def _bounded(self, written: int) -> int:
        if not self.low <= written <= self.high:
            low, high = self.plain(self.low), self.plain(self.high)
            raise ValueError(_("要在 %(low)s 与 %(high)s 之间。") % {"low": low, "high": high})
        return written


BOOLEAN = Type(Kind.BOOLEAN, 0, 1)
DATE = Type(Kind.DATE, FIRST_DAY.toordinal(), LAST_DAY.toordinal())


def integer(low: int, high: int) -> Type:
    return Type(Kind.INTEGER, low, high)


def number(low: int, high: int, digits: int) -> Type:
    """An integer without decimal places, a decimal with some."""
    return Type(Kind.DECIMAL if digits else Kind.INTEGER, low, high, digits)


def choice(options: tuple[str, ...]) -> Type:
    return Type(Kind.CHOICE, 0, max(0, len(options) - 1), options=options)


def set_of(options: tuple[str, ...]) -> Type:
    return Type(Kind.SET, 0, (1 << len(options)) - 1, options=options)


def literal(value: Any) -> tuple[int, Type]:
    """A number as it stands in a formula, with the decimal places that it is written with."""
    if isinstance(value, int):
        return value, integer(value, value)
    exact = Decimal(str(value))
    digits = max(0, -int(exact.normalize().as_tuple().exponent))
    written = int(exact.scaleb(digits))
    return written, number(written, written, digits)


def _date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise ValueError(_("“%(value)s”不是日期，请写成 2026-03-05。") % {"value": value}) from None
