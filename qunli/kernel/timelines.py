"""The path of a state machine as a person reads it: what happened, what is now, what comes next and when it is due.

A room gathers the moments it has (they need not be complete) and names the states still ahead; `<c-timeline>` draws the steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from qunli.kernel.clock import is_provisional, working_days_between
from qunli.kernel.states import Machine

Status = Literal["done", "now", "next", "stopped"]


class Moment(NamedTuple):
    """When a state was entered, by whom (a name as the reader may see it) and why."""

    state: str
    at: datetime | None = None
    who: str = ""
    note: str = ""


@dataclass(frozen=True)
class Step:
    """One line of a timeline. `days_left` are working days to `due_on`, negative when it has passed."""

    name: str
    status: Status
    at: datetime | None = None
    who: str = ""
    note: str = ""
    due_on: date | None = None
    days_left: int = 0
    provisional: bool = False

    @property
    def days_late(self) -> int:
        return max(0, -self.days_left)


def timeline(
    machine: Machine,
    *,
    happened: Sequence[Moment],
    ahead: Iterable[str] = (),
    stopped: Iterable[str] = (),
    due_on: date | None = None,
    today: date | None = None,
) -> list[Step]:
    """Steps for `happened` (in order; the last is the present state) and for the states `ahead`.

    A present state named in `stopped` ended the path against the person's wish (rejected, cancelled, void). A present state with
    nothing ahead is done. `due_on` belongs to the next step, and to the present one when nothing is ahead.
    """
    future, bad = list(ahead), set(stopped)
    steps: list[Step] = []
    for number, moment in enumerate(happened):
        last = number == len(happened) - 1
        status: Status = "done"
        if last and moment.state in bad:
            status = "stopped"
        elif last and future:
            status = "now"
        steps.append(Step(str(machine.states(moment.state).label), status, moment.at, moment.who, moment.note))
    for number, state in enumerate(future):
        due = due_on if number == 0 else None
        left = working_days_between(today, due) if due and today else 0
        provisional = is_provisional(due.year) if due else False
        steps.append(Step(str(machine.states(state).label), "next", due_on=due, days_left=left, provisional=provisional))
    return steps
