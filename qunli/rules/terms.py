"""Terms: what has a value. Each says what it is twice, for one row and for columns; a property test holds the two together.

A term's type is known before any fact is: kind, decimal places, bounds. So a rule set that could overflow, divide by nothing or mix
kinds is refused when it is read, and evaluating never fails.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from qunli.rules import kinds
from qunli.rules.kinds import LIMIT, Kind, Type

Facts = Mapping[str, int]
"""The known facts, each written as a whole number (`kinds`)."""
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Unfit(ValueError):
    """A term that cannot be computed safely; the message says why and what to do."""


class Column(NamedTuple):
    values: Ints
    known: Mask | None
    """None: known in every row."""


@dataclass
class Frame:
    """Columns of facts, all of one length. A fact that is not there is known in no row."""

    size: int
    facts: dict[str, Column]
    memo: dict[int, Any] = field(default_factory=dict)

    def fact(self, name: str) -> Column:
        found = self.facts.get(name)
        if found is None:
            found = self.facts[name] = Column(np.zeros(self.size, np.int64), np.zeros(self.size, np.bool_))
        return found

    def kept(self, key: object, compute: Callable[[], Any]) -> Any:
        """What is used several times is computed once."""
        if id(key) not in self.memo:
            self.memo[id(key)] = compute()
        return self.memo[id(key)]


class Term(ABC):
    type: Type

    @abstractmethod
    def one(self, facts: Facts) -> int | None:
        """The value; None while a fact that it needs is missing."""

    @abstractmethod
    def column(self, frame: Frame) -> Column: ...

    @abstractmethod
    def missing(self, facts: Facts) -> Iterator[str]:
        """Facts that are not known and that the value needs, in the order of reading; may repeat."""

    @abstractmethod
    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        """`missing` for the rows of `live`: marks them in the masks of `into`."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """All facts that it mentions."""


@dataclass(frozen=True, eq=False)
class Constant(Term):
    value: int
    type: Type

    def one(self, facts: Facts) -> int | None:
        return self.value

    def column(self, frame: Frame) -> Column:
        return Column(np.array(self.value, np.int64), None)

    def missing(self, facts: Facts) -> Iterator[str]:
        return iter(())

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        return

    def names(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True, eq=False)
class Fact(Term):
    name: str
    type: Type

    def one(self, facts: Facts) -> int | None:
        return facts.get(self.name)

    def column(self, frame: Frame) -> Column:
        return frame.fact(self.name)

    def missing(self, facts: Facts) -> Iterator[str]:
        if self.name not in facts:
            yield self.name

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        known = frame.fact(self.name).known
        if known is not None:
            into[self.name] = into.get(self.name, False) | (live & ~known)

    def names(self) -> Iterator[str]:
        yield self.name


@dataclass(frozen=True, eq=False)
class Named(Term):
    """A parameter or an intermediate value of the rule set, called by its name."""

    name: str
    term: Term

    @property
    def type(self) -> Type:  # type: ignore[override]
        return self.term.type

    def one(self, facts: Facts) -> int | None:
        return self.term.one(facts)

    def column(self, frame: Frame) -> Column:
        found: Column = frame.kept(self.term, lambda: self.term.column(frame))
        return found

    def missing(self, facts: Facts) -> Iterator[str]:
        return self.term.missing(facts)

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        self.term.missing_columns(frame, live, into)

    def names(self) -> Iterator[str]:
        return self.term.names()


class Arguments:
    """What needs all of its arguments, whether it computes or compares: it is unknown until all of them are known."""

    args: tuple[Term, ...]

    def all_known(self, facts: Facts) -> list[int] | None:
        """Of all arguments; None when one is unknown."""
        found = []
        for arg in self.args:
            value = arg.one(facts)
            if value is None:
                return None
            found.append(value)
        return found

    def missing(self, facts: Facts) -> Iterator[str]:
        for arg in self.args:
            yield from arg.missing(facts)

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        for arg in self.args:
            arg.missing_columns(frame, live, into)

    def names(self) -> Iterator[str]:
        for arg in self.args:
            yield from arg.names()


@dataclass(frozen=True, eq=False)
class Operation(Arguments, Term):
    """A value that needs all of its arguments: the base of everything that computes."""

    args: tuple[Term, ...]
    type: Type

    @abstractmethod
    def on_ints(self, *values: int) -> int: ...

    @abstractmethod
    def on_columns(self, *values: Ints) -> Ints: ...

    def one(self, facts: Facts) -> int | None:
        values = self.all_known(facts)
        return None if values is None else self.on_ints(*values)

    def column(self, frame: Frame) -> Column:
        columns = [arg.column(frame) for arg in self.args]
        known: Mask | None = None
        for column in columns:
            if column.known is not None:
                known = column.known if known is None else known & column.known
        return Column(self.on_columns(*(column.values for column in columns)), known)


class Add(Operation):
    def on_ints(self, *values: int) -> int:
        return values[0] + values[1]

    def on_columns(self, *values: Ints) -> Ints:
        return values[0] + values[1]


class Subtract(Operation):
    def on_ints(self, *values: int) -> int:
        return values[0] - values[1]

    def on_columns(self, *values: Ints) -> Ints:
        return values[0] - values[1]


class Multiply(Operation):
    def on_ints(self, *values: int) -> int:
        return values[0] * values[1]

    def on_columns(self, *values: Ints) -> Ints:
        return values[0] * values[1]


class FloorDivide(Operation):
    """Towards minus infinity; the divisor is always above 0."""

    def on_ints(self, *values: int) -> int:
        return values[0] // values[1]

    def on_columns(self, *values: Ints) -> Ints:
        return values[0] // values[1]


class CeilDivide(Operation):
    def on_ints(self, *values: int) -> int:
        return -(-values[0] // values[1])

    def on_columns(self, *values: Ints) -> Ints:
        return -(-values[0] // values[1])


class HalfUpDivide(Operation):
    """To the nearest; a half goes up."""

    def on_ints(self, *values: int) -> int:
        return (2 * values[0] + values[1]) // (2 * values[1])

    def on_columns(self, *values: Ints) -> Ints:
        return (2 * values[0] + values[1]) // (2 * values[1])


class Smallest(Operation):
    def on_ints(self, *values: int) -> int:
        return min(values)

    def on_columns(self, *values: Ints) -> Ints:
        found = values[0]
        for value in values[1:]:
            found = np.minimum(found, value)
        return found


class Largest(Operation):
    def on_ints(self, *values: int) -> int:
        return max(values)

    def on_columns(self, *values: Ints) -> Ints:
        found = values[0]
        for value in values[1:]:
            found = np.maximum(found, value)
        return found


class Months(Operation):
    """Whole months from the first date to the second; below 0 when it lies before."""

    def on_ints(self, *values: int) -> int:
        since, until = (kinds.DATE.read(value) for value in values)
        return int((until.year - since.year) * 12 + until.month - since.month - (until.day < since.day))

    def on_columns(self, *values: Ints) -> Ints:
        (months_a, day_a), (months_b, day_b) = (_months_and_day(value) for value in values)
        found: Ints = months_b - months_a - (day_b < day_a)
        return found


EPOCH = 719163
"""1970-01-01 as `date.toordinal` counts."""


def _months_and_day(ordinals: Ints) -> tuple[Ints, Ints]:
    days = (ordinals - EPOCH).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    return months.astype(np.int64), (days - months.astype("datetime64[D]")).astype(np.int64)


# --- Building terms: kinds agree, decimal places are aligned, bounds are known ----------------------------------------------


def aligned(*terms: Term) -> tuple[Term, ...]:
    """Numbers brought to the most decimal places among them."""
    digits = max(term.type.digits for term in terms)
    return tuple(scaled(term, digits) for term in terms)


def scaled(term: Term, digits: int) -> Term:
    """A number written with more decimal places."""
    more = digits - term.type.digits
    if not more:
        return term
    factor = 10**more
    if isinstance(term, Constant):
        return Constant(term.value * factor, bounded(digits, [term.value * factor]))
    by = Constant(factor, kinds.integer(factor, factor))
    return Multiply((term, by), bounded(digits, [term.type.low * factor, term.type.high * factor]))


def bounded(digits: int, extremes: list[int]) -> Type:
    """The type of a number between these. Raises Unfit when it would not fit into 64 bits."""
    low, high = min(extremes), max(extremes)
    if low <= -LIMIT or high >= LIMIT:
        raise Unfit(_("算式可能超过 64 位整数的范围，请缩小所用事实的 min 与 max，或减少小数位。"))
    if digits > 2 * kinds.MOST_DIGITS:
        raise Unfit(_("算式的小数位太多，请先用 round(…, 2) 取整。"))
    return kinds.number(low, high, digits)


def numbers(*terms: Term) -> None:
    """Raises Unfit unless all are numbers."""
    for term in terms:
        if not term.type.is_number:
            raise Unfit(_("只有数字可以计算，这里用了“%(kind)s”。") % {"kind": term.type.kind.value})


def add(left: Term, right: Term) -> Term:
    """A sum; or a date so many days later."""
    if left.type.kind == Kind.DATE and right.type.kind == Kind.INTEGER:
        return Add((left, right), _day(left.type.low + right.type.low, left.type.high + right.type.high))
    numbers(left, right)
    left, right = aligned(left, right)
    extremes = [left.type.low + right.type.low, left.type.high + right.type.high]
    return Add((left, right), bounded(left.type.digits, extremes))


def subtract(left: Term, right: Term) -> Term:
    """A difference; the days between two dates; or a date so many days earlier."""
    extremes = [left.type.low - right.type.high, left.type.high - right.type.low]
    if left.type.kind == Kind.DATE:
        if right.type.kind == Kind.DATE:
            return Subtract((left, right), bounded(0, extremes))
        if right.type.kind == Kind.INTEGER:
            return Subtract((left, right), _day(*extremes))
    numbers(left, right)
    left, right = aligned(left, right)
    extremes = [left.type.low - right.type.high, left.type.high - right.type.low]
    return Subtract((left, right), bounded(left.type.digits, extremes))


def multiply(left: Term, right: Term) -> Term:
    numbers(left, right)
    extremes = [a * b for a, b in product((left.type.low, left.type.high), (right.type.low, right.type.high))]
    return Multiply((left, right), bounded(left.type.digits + right.type.digits, extremes))


ROUNDINGS: dict[str, type[Operation]] = {"floor": FloorDivide, "ceil": CeilDivide, "round": HalfUpDivide}


def divide(left: Term, right: Term, *, rounding: str, digits: int = 0) -> Term:
    """A quotient, rounded to `digits` decimal places. Raises Unfit when the divisor could be 0 or below."""
    numbers(left, right)
    if right.type.low <= 0:
        raise Unfit(_("除数可能为 0 或负数，请用 max(…, 1) 保证它大于 0。"))
    # left / 10**dl divided by right / 10**dr, times 10**digits, is left * 10**(digits + dr) / (right * 10**dl).
    shift = digits + right.type.digits - left.type.digits
    above = scaled(left, left.type.digits + shift) if shift > 0 else left
    below = scaled(right, right.type.digits - shift) if shift < 0 else right
    operation = ROUNDINGS[rounding]
    extremes = []
    for a, b in product((above.type.low, above.type.high), (below.type.low, below.type.high)):
        bounded(0, [2 * a + b, 2 * b])
        extremes.append(operation((), kinds.BOOLEAN).on_ints(a, b))
    return operation((above, below), bounded(digits, extremes))


def rounded(term: Term, *, rounding: str, digits: int = 0) -> Term:
    """A number with at most `digits` decimal places."""
    numbers(term)
    return term if term.type.digits <= digits else divide(term, Constant(1, kinds.integer(1, 1)), rounding=rounding, digits=digits)


def extreme(operation: type[Smallest] | type[Largest], *terms: Term) -> Term:
    """The smallest or largest of numbers, or of dates."""
    if all(term.type.kind == Kind.DATE for term in terms):
        choose = min if operation is Smallest else max
        bounds = _day(choose(term.type.low for term in terms), choose(term.type.high for term in terms))
        return operation(terms, bounds)
    numbers(*terms)
    terms = aligned(*terms)
    choose = min if operation is Smallest else max
    extremes = [choose(term.type.low for term in terms), choose(term.type.high for term in terms)]
    return operation(terms, bounded(terms[0].type.digits, extremes))


def months(since: Term, until: Term) -> Term:
    for term in (since, until):
        if term.type.kind != Kind.DATE:
            raise Unfit(_("months 和 years 只用于两个日期。"))
    most = 12 * (kinds.LAST_DAY.year - kinds.FIRST_DAY.year + 1)
    return Months((since, until), kinds.integer(-most, most))


def _day(low: int, high: int) -> Type:
    """A date that was computed. Raises Unfit when it could leave the calendar that columns can count in."""
    if low < 1 or high > 3_000_000:
        raise Unfit(_("日期可能超出年历，请缩小所加天数的 min 与 max。"))
    return Type(Kind.DATE, low, high)
