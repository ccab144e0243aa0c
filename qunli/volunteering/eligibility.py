"""Ages and the guardian's consent at a post, by the rules "post-eligibility" of the activity's day, with their clauses.

The panel "why I can or cannot sign up" says it; the sign-up statement (`signing_up`) settles the same in SQL, and a property test
holds the two together. Skills, overlap and capacity are not of these rules.
"""

from typing import NamedTuple

from qunli.kernel.clock import local_date
from qunli.rules import selectors
from qunli.rules import services as rules
from qunli.rules.enums import Verdict
from qunli.volunteering.models import Activity

RULES = "post-eligibility"
AGE, CHILD, MINOR = "age-of-post", "children", "minors"
"""Keys of the rules on age."""
ANY_AGE = 150
"""What a post without a highest age gives as one: the most that the fact may be."""


class Said(NamedTuple):
    """What the rules say of one person at one activity."""

    old_enough: bool
    age_clause: str
    consented: bool
    consent_clause: str
    """The clause that asks for the consent; of the two on children and minors the one that is broken, else that on minors."""


def said(activity: Activity, *, age: int | None, agrees: bool) -> Said:
    """`agrees`: a guardian's consent stands, or the person lives on own income and counts as an adult."""
    on = local_date(activity.starts_at)
    facts = {
        "age": age,
        "post_min_age": activity.min_age,
        "post_max_age": ANY_AGE if activity.max_age is None else activity.max_age,
        "admits_children": activity.min_age < rules.parameters(RULES, on=on)["child_below"],
        "guardian_consent": agrees,
    }
    answer = rules.evaluate(RULES, facts, on=on, trace=False)
    holds = {rule.key: rule.verdict == Verdict.YES for rule in answer.rules}
    clauses = {rule.key: str(rule.clause) for rule in selectors.rule_set(RULES, on).rules}
    # A version that leaves a rule out has nothing against it; the statement still settles by its own ages.
    child, minor = holds.get(CHILD, True), holds.get(MINOR, True)
    return Said(holds.get(AGE, True), clauses.get(AGE, ""), child and minor, clauses.get(MINOR if child else CHILD, ""))
