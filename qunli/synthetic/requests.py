"""Resident requests of the city, in all states: asked by members of the communities' teams, taken by those teams.

Unlike the other tables they go through the models: there are few of them, and their triggers keep the three
rates. Each has the steps of its way, as the services would have written them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from qunli.cases.models import Case, CaseEvent, Reply
from qunli.cases.selectors import clocks_on, number_of
from qunli.cases.services import matters
from qunli.cases.states import CASE
from qunli.kernel.clock import SHANGHAI, add_working_days
from qunli.synthetic.places import read
from qunli.synthetic.plan import draws
from qunli.volunteering.models import Activity, Membership, ResidentRequest, Team

REQUESTS = 40_000
"""At scale 1.0, were there no bound."""
MOST = 4_000
"""Enough to look at and to try; they go through the models, one by one."""
BATCH = 2_000
ANSWERED = ["dispatch", "take", "contact", "handle", "reply"]
WAYS: list[tuple[float, tuple[int, int], list[str]]] = [
    # share, days back from and to, the steps after the receipt
    (0.07, (0, 3), []),
    (0.08, (0, 4), ["dispatch"]),
    (0.07, (1, 6), ["dispatch", "take"]),
    (0.10, (1, 8), ["dispatch", "take", "contact", "handle"]),
    (0.03, (1, 5), ["dispatch", "return"]),
    (0.07, (4, 9), ANSWERED),
    (0.06, (5, 9), [*ANSWERED, "rate"]),
    (0.02, (6, 9), [*ANSWERED, "rate", "reopen"]),
    (0.42, (20, 330), [*ANSWERED, "rate", "archive"]),
    (0.03, (25, 330), [*ANSWERED, "visit_back", "archive"]),
    (0.02, (5, 200), ["refuse"]),
    (0.02, (5, 200), ["withdraw"]),
    (0.01, (0, 3), ["merge"]),
]


@dataclass(frozen=True)
class _Asker:
    """A team with its leader, and a member of it who asks."""

    team: Team
    leader: int
    member: int
    activity: int | None
    """One that took place."""


def write(*, scale: float, seed: int, today: date) -> int:
    """Write the requests of a city that stands; returns how many."""
    rng = draws(seed, "requests")
    askers = _askers()
    count = min(round(REQUESTS * scale), MOST)
    if not askers or not count:
        return 0
    texts = read("requests")["text"]
    serials = rng.permutation(10**6)[:count] if count <= 10**6 else np.arange(count)
    ways = rng.choice(len(WAYS), size=count, p=np.array([way[0] for way in WAYS]) / sum(way[0] for way in WAYS))
    rows = [_drawn(rng, askers, texts, int(serials[n]), WAYS[int(way)], today) for n, way in enumerate(ways)]
    with transaction.atomic():
        for start in range(0, count, BATCH):
            _save(rows[start : start + BATCH])
    return count


def _askers() -> list[_Asker]:
    teams = {team.pk: team for team in Team.objects.filter(state="active", level="community").select_related("division")}
    held = Membership.objects.filter(state="active", team__in=teams).order_by("team", "id").distinct("team")
    leaders = dict(held.filter(leader=True).values_list("team", "volunteer__person"))
    members = dict(held.filter(leader=False).values_list("team", "volunteer__person"))
    past = Activity.objects.filter(state="closed", team__in=teams).order_by("team", "starts_at", "id").distinct("team")
    activities = dict(past.values_list("team", "pk"))
    both = sorted(leaders.keys() & members.keys())
    return [_Asker(teams[key], leaders[key], members[key], activities.get(key)) for key in both]


@dataclass
class _Row:
    case: Case
    reply: Reply | None
    events: list[CaseEvent]
    request: ResidentRequest


def _drawn(rng: np.random.Generator, askers: list[_Asker], texts: list[dict[str, str]], serial: int, way: Any, today: date) -> _Row:
    _share, (nearest, farthest), verbs = way
    asker = askers[int(rng.integers(len(askers)))]
    text = texts[int(rng.integers(len(texts)))]
    matter = matters("resident_request")[text["matter"]]
    day = today - timedelta(days=int(rng.integers(nearest, farthest + 1)))
    at = datetime.combine(day, time(9, 0), SHANGHAI) + timedelta(minutes=int(rng.integers(0, 480)))
    clocks = clocks_on(day)
    due = clocks.reply_by(matter.nature, day).date
    place = asker.team.division
    case = Case(
        number=number_of(day, serial), kind="resident_request", matter=matter.key, nature=matter.nature, duty=matter.duty,
        division=place, title=matter.zh, text=text["zh"], place=f"{rng.integers(1, 30)}栋", requester_id=asker.member,
        urgent=bool(rng.random() < 0.06), state_since=at, desk=place, owner_division=place, due_on=due, promised_on=due,
        clocks_id=clocks.clocks, follow_up_id=clocks.follow_up,
        received_at=at,
    )  # fmt: skip
    events = [CaseEvent(case=case, verb="receive", state="received", at=at, acted_by_id=asker.member)]
    reply: Reply | None = None
    for verb in verbs:
        at += timedelta(minutes=int(rng.integers(30, 900)))
        unit, who = asker.team.unit, asker.leader
        if verb == "dispatch":
            case.owner_unit, case.dispatched_at, case.contact_until = unit, at, clocks.contact_by(at)
        elif verb == "contact":
            at = case.contact_until + timedelta(hours=3) if rng.random() < 0.08 and case.contact_until else at
            case.contacted_at = at
        elif verb == "reply":
            words = "志愿者已上门帮忙，事情办好了。"
            reply = Reply(text=words, length=len(words), channel="visit", replied_at=at, replied_by_id=who)
            case.reply, case.contacted_at = reply, case.contacted_at or at
            case.due_on = add_working_days(at.date(), clocks.limit("visit_back_days")).date
        elif verb == "rate":
            case.solved, case.satisfied, case.rated_at = bool(rng.random() < 0.95), bool(rng.random() < 0.93), at
            if "reopen" in verbs:
                case.solved = False
            case.due_on, who, unit = add_working_days(at.date(), clocks.limit("archive_days")).date, asker.member, ""
        elif verb == "reopen":
            case.reply = case.rated_at = case.solved = case.satisfied = None
            case.round, case.owner_unit, who, unit = 1, "", asker.member, ""
            case.due_on = case.promised_on = clocks.reply_by(matter.nature, at.date()).date
        elif verb == "visit_back":
            case.failed_contacts, case.failed_first_at, case.failed_last_at = 3, at, at + timedelta(days=1)
            at += timedelta(days=1)
        elif verb == "return":
            case.owner_unit, case.returns = "", 1
        if verb != "contact":
            case.state = CASE.target(verb, case.state)
        note = {"return": "队伍最近没有人手", "refuse": "不在本平台受理范围，已告知受理单位", "reopen": "没有解决"}.get(verb, "")
        by_team = verb in ("take", "contact", "handle", "reply", "return")
        given = reply if verb == "reply" else None
        acted = who if by_team or verb in ("rate", "reopen", "withdraw") else None
        concerned = unit if by_team or verb == "dispatch" else ""
        events.append(
            CaseEvent(
                case=case, verb=verb, state=case.state, at=at, acted_by_id=acted, unit=concerned, note=note,
                reply=given,
            )
        )  # fmt: skip
        case.state_since, case.state_reason = at, note
    became = asker.activity if "archive" in verbs and rng.random() < 0.5 else None
    return _Row(case, reply, events, ResidentRequest(case=case, activity_id=became))


def _save(rows: list[_Row]) -> None:
    """Replies first, since cases name them; a repeat is merged into the case before it when that is still open."""
    Reply.objects.bulk_create(row.reply for row in rows if row.reply is not None)
    leads: list[Case] = []
    kept: list[_Row] = []
    for row in rows:
        if row.case.state != "merged":
            kept.append(row)
            if not row.case.ended and row.case.reply is None:
                leads.append(row.case)
    for row in rows:
        if row.case.reply is not None:
            row.case.reply_id = row.case.reply.pk
    Case.objects.bulk_create(row.case for row in kept)
    repeats = [row for row in rows if row.case.state == "merged" and leads]
    for number, row in enumerate(repeats):
        lead = leads[number % len(leads)]
        row.case.lead, row.case.title, row.case.matter = lead, lead.title, lead.matter
        row.case.division = row.case.desk = row.case.owner_division = lead.division
    Case.objects.bulk_create(row.case for row in repeats)
    written = [*kept, *repeats]
    CaseEvent.objects.bulk_create(_linked(written))
    ResidentRequest.objects.bulk_create(row.request for row in written)


def _linked(rows: list[_Row]) -> Iterator[CaseEvent]:
    for row in rows:
        for event in row.events:
            if event.reply is not None:
                event.reply_id = event.reply.pk
            yield event
