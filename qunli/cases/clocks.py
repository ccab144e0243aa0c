"""The clocks of a case: the rule sets `case-clocks` (until the reply) and `case-follow-up` (after it), as they stand on a day.

A case keeps both versions, so that its deadlines can be computed again when the rules have long changed.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from qunli.kernel.clock import SHANGHAI, WorkingDay, add_working_days, local_date
from qunli.kernel.errors import Refused
from qunli.rules import selectors as rules
from qunli.rules.services import evaluate_version, parameters_of

if TYPE_CHECKING:
    from qunli.cases.models import Case

CLOCKS, FOLLOW_UP = "case-clocks", "case-follow-up"


@dataclass(frozen=True)
class Clocks:
    """One version of each rule set, by their keys in the database. Working days, unless a name says otherwise."""

    clocks: int
    follow_up: int

    def limit(self, name: str) -> int:
        """A parameter of `case-follow-up`, such as "visit_back_days". Raises KeyError."""
        return int(parameters_of(self.follow_up)[name])

    @property
    def rule_set(self) -> rules.RuleSet:
        """What set the deadline of the reply."""
        return rules.held_as(self.clocks).rule_set

    def days(self, nature: str) -> tuple[int, int, str]:
        """Days until the reply, days of an extension at most, and the key of the rule that says so. Raises Refused "no_clock"."""
        found = evaluate_version(self.clocks, {"case_nature": nature}, on=self.rule_set.effective_from, trace=False)
        if not found.applied:
            words = _("规则“%(title)s”没有这类诉求的时限。") % {"title": self.rule_set.title}
            raise Refused(words, code="no_clock", field="matter")
        return found.results["reply_days"], found.results["extension_days"], found.applied[0]

    def reply_by(self, nature: str, received: date, extended: int = 0) -> WorkingDay:
        """The last day for the reply to a case received (or opened again) on a day."""
        return add_working_days(received, self.days(nature)[0] + extended)

    def contact_by(self, dispatched: datetime) -> datetime:
        """The last moment for the first contact with the requester."""
        return dispatched + timedelta(hours=int(parameters_of(self.clocks)["contact_hours"]))

    def next_try(self, first: datetime, last: datetime, count: int) -> datetime:
        """From when one more failed contact counts, after `count` of them: hours after the last; the closing one on a later day."""
        apart = last + timedelta(hours=self.limit("failed_contact_hours"))
        if count + 1 < self.limit("failed_contacts"):
            return apart
        day = local_date(first) + timedelta(days=self.limit("failed_contact_span"))
        return max(apart, datetime(day.year, day.month, day.day, tzinfo=SHANGHAI))

    def pressure(self, due: date, today: date) -> str:
        """How far an unanswered case due on `due` should have been pressed by `today`."""
        if today <= due:
            return "calm"
        if today > add_working_days(due, self.limit("supervise_after_days")).date:
            return "supervised"
        return "urged" if today > add_working_days(due, self.limit("urge_after_days")).date else "overdue"


def clocks_on(day: date) -> Clocks:
    """The versions that count on a day. Raises Refused "no_rules"."""
    return Clocks(rules.held(CLOCKS, day).pk, rules.held(FOLLOW_UP, day).pk)


def clocks_of(case: "Case") -> Clocks:
    """The versions of the day on which the case was received, opened again or split off."""
    return Clocks(case.clocks_id, case.follow_up_id)
