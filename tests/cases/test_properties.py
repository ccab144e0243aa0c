"""Held for every sequence of steps and every day: the machine, the clocks, the numbers."""

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qunli.cases import numbers
from qunli.cases.clocks import clocks_on
from qunli.cases.duties import goes_too_low
from qunli.cases.enums import ANSWERED, ENDED, Duty, Nature, Pressure
from qunli.cases.services.pressing import ORDER
from qunli.cases.similar import likeness
from qunli.cases.states import CASE
from qunli.kernel.clock import SHANGHAI, is_working_day, working_days_between

DAYS = st.dates(date(2025, 12, 1), date(2027, 11, 30))


class Way(RuleBasedStateMachine):
    """Any verb that the machine allows, in any order: what it can never lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.replied, self.surveyed = "received", False, False

    @precondition(lambda self: bool(CASE.verbs(self.state)))
    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        verb = data.draw(st.sampled_from(CASE.verbs(self.state)))
        self.state = CASE.target(verb, self.state)
        if verb == "reply":
            self.replied = True
        if verb in ("rate", "visit_back"):
            self.surveyed = True
        if verb == "reopen":
            self.replied = self.surveyed = False

    @precondition(lambda self: not CASE.verbs(self.state))
    @rule()
    def rest(self) -> None:
        """An end stays an end."""
        assert self.state in ENDED

    @invariant()
    def nothing_ends_unanswered(self) -> None:
        if self.state == "archived":
            assert self.replied
            assert self.surveyed
        if self.state in ANSWERED:
            assert self.replied
        if self.state in ENDED and self.state != "merged":
            assert not CASE.verbs(self.state)


TestWay = Way.TestCase
TestWay.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@settings(deadline=None)  # the first look at a year reads its holidays
@given(DAYS, st.sampled_from(Nature.values), st.integers(0, 7))
def test_the_clock_counts_working_days(day: date, nature: str, extended: int) -> None:
    clocks = clocks_on(day)
    due = clocks.reply_by(nature, day, extended).date
    assert is_working_day(due)
    assert working_days_between(day, due) == clocks.days(nature)[0] + extended
    assert due > clocks.reply_by(nature, day).date or extended == 0


@settings(deadline=None)
@given(DAYS, st.integers(0, 40), st.integers(0, 40))
def test_pressure_only_grows_with_time(due: date, first: int, more: int) -> None:
    clocks = clocks_on(due)
    early = ORDER.index(Pressure(clocks.pressure(due, due + timedelta(days=first))))
    late = ORDER.index(Pressure(clocks.pressure(due, due + timedelta(days=first + more))))
    assert early <= late
    assert (first == 0) == (early == 0)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001
def test_first_contact_within_a_day(at: datetime) -> None:
    dispatched = at.replace(tzinfo=SHANGHAI)
    assert clocks_on(dispatched.date()).contact_by(dispatched) - dispatched == timedelta(hours=24)


@given(DAYS, st.integers(0, 14), st.integers(1, 9))
def test_a_wrong_digit_of_a_number_is_found(day: date, place: int, shift: int) -> None:
    number = numbers.make(day)
    assert numbers.normal(numbers.shown(number)) == number
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert numbers.normal(wrong) is None


@given(st.sampled_from(Duty.values), st.integers(1, 4))
def test_departments_stay_above_the_grassroots(duty: str, level: int) -> None:
    assert goes_too_low(duty, level) == (duty == "department" and level > 2)


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_symmetric_and_whole_for_the_same(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, one) == 1
