"""One field that finds what the reader may see: activities, teams, divisions, and people for those who may look them up."""

from dataclasses import dataclass, field
from datetime import datetime

from qunli.divisions.selectors import Node, find, tree
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.people import selectors as people
from qunli.people.models import Person
from qunli.people.perms import Permission as People
from qunli.volunteering import selectors as volunteering
from qunli.volunteering.models import Activity, Team

EACH = 6
"""Results of each kind; the room's own list shows the rest."""


@dataclass
class Found:
    activities: list[Activity] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    divisions: list[tuple[Node, str]] = field(default_factory=list)
    """With their full names."""

    def __bool__(self) -> bool:
        return bool(self.activities or self.teams or self.people or self.divisions)


def look_for(words: str, actor: Actor, now: datetime) -> Found:
    """At most one query for each kind. Words that cannot be searched (only punctuation) find nothing."""
    found = Found()
    if not words:
        return found
    try:
        wanted, teams = volunteering.Wanted(words=words), volunteering.WantedTeams(words=words)
        found.activities = volunteering.find_activities(wanted=wanted, actor=actor, now=now, size=EACH).items
        found.teams = volunteering.find_teams(wanted=teams, actor=actor, size=EACH).items
    except Refused:
        pass
    found.divisions = [(node, tree().full_name(node)) for node in find(words, limit=EACH)]
    if actor.has(People.SEE) and not any(letter.isdigit() for letter in words):
        # A number is looked up on the page of people, which keeps it out of the address.
        found.people = list(people.search(words, actor=actor).order_by("id")[:EACH])
    return found
