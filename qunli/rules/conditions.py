"""Conditions: yes, no, or unknown (Kleene). Each for one row and for columns, as terms are."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.utils.translation import gettext as _

from qunli.rules import terms
from qunli.rules.kinds import Kind, Type
from qunli.rules.terms import Arguments, Column, Fact, Facts, Frame, Mask, Term, Unfit

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class Truth(NamedTuple):
    """A condition over columns: rows in which it holds, rows in which it does not; unknown in the others."""

    yes: Mask
    no: Mask

    @property
    def unknown(self) -> Mask:
        return ~(self.yes | self.no)


class Condition(ABC):
    @abstractmethod
    def one(self, facts: Facts) -> bool | None:
        """True, False, or None for unknown."""

    @abstractmethod
    def column(self, frame: Frame) -> Truth: ...

    @abstractmethod
    def missing(self, facts: Facts) -> Iterator[str]:
        """Facts that could still settle it; none when it is settled."""

    @abstractmethod
    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None: ...

    @abstractmethod
    def names(self) -> Iterator[str]: ...


@dataclass(frozen=True, eq=False)
class Comparison(Arguments, Condition):
    """A test on terms: unknown until all of them are known."""

    op: str
    args: tuple[Term, ...]

    def on_ints(self, *values: int) -> bool:
        return bool(COMPARISONS[self.op](*values))

    def on_columns(self, *values: Any) -> Mask:
        found: Mask = COMPARISONS[self.op](*values)
        return found

    def one(self, facts: Facts) -> bool | None:
        values = self.all_known(facts)
        return None if values is None else self.on_ints(*values)

    def column(self, frame: Frame) -> Truth:
        columns = [arg.column(frame) for arg in self.args]
        yes = np.broadcast_to(self.on_columns(*(column.values for column in columns)), (frame.size,))
        known = [column.known for column in columns if column.known is not None]
        if not known:
            return Truth(yes, ~yes)
        all_known = known[0] if len(known) == 1 else np.logical_and.reduce(known)
        return Truth(yes & all_known, ~yes & all_known)


@dataclass(frozen=True, eq=False)
class Among(Comparison):
    """The value is one of those."""

    values: tuple[int, ...] = ()

    def on_ints(self, *values: int) -> bool:
        return values[0] in self.values

    def on_columns(self, *values: Any) -> Mask:
        return np.isin(values[0], self.values)


class Covers(Comparison):
    """The first set holds everything that is in the second."""

    def on_ints(self, *values: int) -> bool:
        return values[0] & values[1] == values[1]

    def on_columns(self, *values: Any) -> Mask:
        found: Mask = values[0] & values[1] == values[1]
        return found


class Present(Comparison):
    """The fact is known, whatever it is: yes, or unknown until it is given."""

    def on_ints(self, *values: int) -> bool:
        return True

    def on_columns(self, *values: Any) -> Mask:
        return np.ones(np.shape(values[0]), np.bool_)


@dataclass(frozen=True, eq=False)
class Group(Condition):
    """`all` or `any` of several."""

    items: tuple[Condition, ...]
    settled_by: bool
    """False for `all`: one that does not hold settles it. True for `any`."""

    def one(self, facts: Facts) -> bool | None:
        found: bool | None = not self.settled_by
        for item in self.items:
            value = item.one(facts)
            if value is self.settled_by:
                return value
            if value is None:
                found = None
        return found

    def column(self, frame: Frame) -> Truth:
        found: Truth = frame.kept(self, lambda: self._column(frame))
        return found

    def _column(self, frame: Frame) -> Truth:
        truths = [item.column(frame) for item in self.items]
        yes = (np.logical_or if self.settled_by else np.logical_and).reduce([truth.yes for truth in truths])
        no = (np.logical_and if self.settled_by else np.logical_or).reduce([truth.no for truth in truths])
        return Truth(yes, no)

    def missing(self, facts: Facts) -> Iterator[str]:
        if self.one(facts) is None:
            for item in self.items:
                yield from item.missing(facts)

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        open_rows = live & self.column(frame).unknown
        if open_rows.any():
            for item in self.items:
                item.missing_columns(frame, open_rows, into)

    def names(self) -> Iterator[str]:
        for item in self.items:
            yield from item.names()


@dataclass(frozen=True, eq=False)
class Not(Condition):
    item: Condition

    def one(self, facts: Facts) -> bool | None:
        value = self.item.one(facts)
        return None if value is None else not value

    def column(self, frame: Frame) -> Truth:
        truth = self.item.column(frame)
        return Truth(truth.no, truth.yes)

    def missing(self, facts: Facts) -> Iterator[str]:
        return self.item.missing(facts)

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        self.item.missing_columns(frame, live, into)

    def names(self) -> Iterator[str]:
        return self.item.names()


@dataclass(frozen=True, eq=False)
class If(Term):
    """`a if condition else b`: needs the condition and then the side that it chooses."""

    condition: Condition
    then: Term
    otherwise: Term
    type: Type

    def one(self, facts: Facts) -> int | None:
        chosen = self.condition.one(facts)
        return None if chosen is None else (self.then if chosen else self.otherwise).one(facts)

    def column(self, frame: Frame) -> Column:
        truth = self.condition.column(frame)
        then, otherwise = self.then.column(frame), self.otherwise.column(frame)
        values = np.where(truth.yes, then.values, otherwise.values)
        known = truth.yes if then.known is None else truth.yes & then.known
        known = known | (truth.no if otherwise.known is None else truth.no & otherwise.known)
        return Column(values, known)

    def missing(self, facts: Facts) -> Iterator[str]:
        chosen = self.condition.one(facts)
        if chosen is None:
            return self.condition.missing(facts)
        return (self.then if chosen else self.otherwise).missing(facts)

    def missing_columns(self, frame: Frame, live: Mask, into: dict[str, Mask]) -> None:
        truth = self.condition.column(frame)
        self.condition.missing_columns(frame, live & truth.unknown, into)
        self.then.missing_columns(frame, live & truth.yes, into)
        self.otherwise.missing_columns(frame, live & truth.no, into)

    def names(self) -> Iterator[str]:
        yield from self.condition.names()
        yield from self.then.names()
        yield from self.otherwise.names()


def every(items: tuple[Condition, ...]) -> Condition:
    return items[0] if len(items) == 1 else Group(items, settled_by=False)


def some(items: tuple[Condition, ...]) -> Condition:
    return items[0] if len(items) == 1 else Group(items, settled_by=True)


def compare(op: str, left: Term, right: Term) -> Condition:
    """A comparison of two of a kind. Raises Unfit when they cannot be compared so."""
    if left.type.is_number and right.type.is_number:
        return Comparison(op, terms.aligned(left, right))
    if left.type.kind != right.type.kind or left.type.options != right.type.options:
        raise Unfit(
            _("“%(left)s”和“%(right)s”不能比较，两边要是同一类。") % {"left": left.type.kind.value, "right": right.type.kind.value}
        )
    if op not in ("eq", "ne") and left.type.kind != Kind.DATE:
        raise Unfit(_("“%(kind)s”没有大小，只能用 eq 或 ne。") % {"kind": left.type.kind.value})
    return Comparison(op, (left, right))


def covers(left: Term, right: Term) -> Condition:
    if left.type.kind != Kind.SET or left.type != right.type:
        raise Unfit(_("covers 只用于选项相同的两个集合（set）。"))
    return Covers("covers", (left, right))


def choose(condition: Condition, then: Term, otherwise: Term) -> Term:
    if then.type.is_number and otherwise.type.is_number:
        then, otherwise = terms.aligned(then, otherwise)
        bounds = [then.type.low, then.type.high, otherwise.type.low, otherwise.type.high]
        return If(condition, then, otherwise, terms.bounded(then.type.digits, bounds))
    if then.type.kind != otherwise.type.kind or then.type.options != otherwise.type.options:
        raise Unfit(_("if 与 else 两边要是同一类。"))
    low, high = min(then.type.low, otherwise.type.low), max(then.type.high, otherwise.type.high)
    return If(condition, then, otherwise, Type(then.type.kind, low, high, options=then.type.options))


def present(term: Term) -> Condition:
    if not isinstance(term, Fact):
        raise Unfit(_("present 只用于事实。"))
    return Present("present", (term,))
