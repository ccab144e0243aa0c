"""States are data: which transition leads from where to where, who may take it, and why it exists.

The database holds the same table: `machine.trigger()` gives the trigger that refuses any other change of the column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pgtrigger
from django.db import models
from django.utils.translation import gettext as _

from qunli.kernel.errors import Refused


@dataclass(frozen=True)
class Transition:
    verb: str
    sources: tuple[str, ...]
    target: str
    who: str
    """A permission, "self" (the person concerned) or "system"."""
    why: str


class Machine:
    """The states of one column. `states` is a TextChoices; its first member is the initial state."""

    def __init__(self, name: str, states: type[models.TextChoices], transitions: Sequence[Transition]) -> None:
        self.name = name
        self.states = states
        self.transitions: Mapping[str, Transition] = {t.verb: t for t in transitions}
        known = set(states.values)
        for transition in transitions:
            unknown = {*transition.sources, transition.target} - known
            if unknown:
                raise ValueError(f"{name}.{transition.verb}: unknown states {sorted(unknown)}")

    def target(self, verb: str, state: str) -> str:
        """The state that `verb` leads to from `state`. Raises Refused with code "state" when it is not allowed from there."""
        transition = self.transitions[verb]
        if state not in transition.sources:
            raise Refused(
                _("现在是“%(state)s”，不能执行这一步。请刷新页面查看最新状态。") % {"state": self.states(state).label},
                code="state",
                state=state,
                verb=verb,
            )
        return transition.target

    def verbs(self, state: str) -> list[str]:
        return [verb for verb, t in self.transitions.items() if state in t.sources]

    def pairs(self) -> list[tuple[str, str]]:
        return sorted({(s, t.target) for t in self.transitions.values() for s in t.sources if s != t.target})

    def trigger(self, field: str = "state") -> pgtrigger.FSM:
        """The database's own copy of the table."""
        return pgtrigger.FSM(name=f"{self.name}_{field}", field=field, transitions=self.pairs())

    def check(self, field: str = "state") -> models.CheckConstraint:
        return models.CheckConstraint(
            condition=models.Q(**{f"{field}__in": list(self.states.values)}), name=f"{self.name}_{field}_known"
        )
