"""Reads of stars: one's own, what waits for an officer, what was decided, one proposal."""

from dataclasses import dataclass
from datetime import datetime

from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.kernel.pages import Page, paginate
from qunli.rules import selectors as rules
from qunli.rules.services import evaluate, parameters
from qunli.service_hours.enums import StarState
from qunli.service_hours.models import StarEntry, StarProposal
from qunli.service_hours.stars.earning import MINUTES, RULES
from qunli.volunteering.models import Volunteer

SHOWN = 50
"""Entries of one person that a page shows: five stars, each granted and taken back a few times."""


@dataclass(frozen=True)
class MyStars:
    """A volunteer's star: what is held, what waits, how far the next one is, and all that happened."""

    level: int
    minutes: int
    next_in: int | None
    """Whole hours until the rules of today give more; None where they do not say."""
    proposals: list[StarProposal]
    """Waiting or decided, the latest first."""
    entries: list[StarEntry]
    """The latest first."""


def my_stars(*, actor: Actor, now: datetime) -> MyStars:
    """The actor's own."""
    person = actor.person_id or 0
    entries = list(StarEntry.objects.filter(person=person).order_by("-id")[:SHOWN])
    reversed_ones = {entry.reverses_id for entry in entries}
    level = max((entry.level for entry in entries if entry.kind == "granted" and entry.pk not in reversed_ones), default=0)
    minutes = Volunteer.objects.filter(person=person).values_list("minutes", flat=True).first() or 0
    proposals = StarProposal.objects.filter(person=person).order_by("-id")[:SHOWN]
    return MyStars(level, minutes, _next_in(minutes, now), list(proposals), entries)


def _next_in(minutes: int, now: datetime) -> int | None:
    on = local_date(now)
    try:
        found = evaluate(RULES, {MINUTES: minutes}, on=on, trace=False)
        first = parameters(RULES, on=on).get("star_1")
    except Refused:
        return None
    if found.verdict == "yes":
        left = found.results.get("next_in")
        return int(left) if left else None
    return max(1, int(first) - minutes // 60) if first is not None else None


def waiting(*, actor: Actor, cursor: str | None, size: int = 30) -> Page[StarProposal]:
    """What waits for the actor's decision, the longest wait first."""
    rows = StarProposal.objects.decided_by(actor).filter(state=StarState.PROPOSED)
    return paginate(rows.select_related("person__volunteer", "division"), order=("id",), cursor=cursor, size=size)


def decided(*, actor: Actor, cursor: str | None, size: int = 30) -> Page[StarProposal]:
    """What was decided in the actor's reach, the latest first; each says by `taken_back` whether the star was reversed since."""
    rows = StarProposal.objects.visible_to(actor).exclude(state=StarState.PROPOSED).exclude(person=actor.person_id or 0)
    page = paginate(rows.select_related("person__volunteer", "division"), order=("-decided_at", "-id"), cursor=cursor, size=size)
    keys = [one.pk for one in page.items]
    reversed_ones = set(StarEntry.objects.filter(proposal__in=keys, kind="reversal").values_list("proposal", flat=True))
    for one in page.items:
        one.taken_back = one.pk in reversed_ones  # type: ignore[attr-defined]
    return page


def visible(*, proposal_id: int, actor: Actor) -> StarProposal | None:
    """A proposal that the actor may see, with who it is for."""
    rows = StarProposal.objects.visible_to(actor).select_related("person__volunteer", "division", "decision__version", "decided_by")
    return rows.filter(pk=proposal_id).first()


def approval_label(proposal: StarProposal) -> str:
    """Which level approves, in the reader's language, as the rules of the decision name it."""
    options = rules.of_version(proposal.decision.version).results["approval"].options
    return str(options.get(proposal.approval, proposal.approval))


def entries_of(proposal: StarProposal) -> list[StarEntry]:
    """What became of a star: granted, and perhaps reversed."""
    return list(proposal.entries.order_by("id"))
