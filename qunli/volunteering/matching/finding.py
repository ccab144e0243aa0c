"""What pages and API ask: my best activities and why, why not this one, whom to ask, invitations, plans. Always for an actor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from qunli.divisions.selectors import tree
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Denied
from qunli.kernel.masking import mask_name
from qunli.kernel.pages import Page, paginate
from qunli.people import selectors as people_selectors
from qunli.people.enums import Purpose
from qunli.volunteering.matching import candidates, pool, reading, scoring, signals
from qunli.volunteering.matching.candidates import Asking, Best
from qunli.volunteering.matching.columns import AGREED, At, People, Ties
from qunli.volunteering.matching.reading import Open, Promised, Terms
from qunli.volunteering.matching.scoring import Part
from qunli.volunteering.models import Activity, Invitation, MatchPlan, MatchPreference, Post, Proposal, Volunteer
from qunli.volunteering.perms import Permission, may_invite

BEST = 20
MARGIN = 5
"""More are looked for than shown: some closed in the last minute."""
REASONS = {
    "nearness": gettext_lazy("离服务区域近"),
    "time": gettext_lazy("在空闲时间"),
    "skill": gettext_lazy("用得上技能"),
    "interest": gettext_lazy("喜欢的服务类别"),
    "ties": gettext_lazy("自己的队伍或常一起服务的人"),
    "need": gettext_lazy("社区缺人，或有居民点单在等"),
    "freshness": gettext_lazy("最近服务不多"),
    "rest": gettext_lazy("很久没有被邀请"),
    "fill": gettext_lazy("每补上一个名额"),
    "fairness": gettext_lazy("各社区先补上前一半名额"),
}
"""A signal (and a weight) in words."""
SAME_COMMUNITY = gettext_lazy("在同一个社区")


@lru_cache(maxsize=8)
def _words(language: str | None) -> dict[str, str]:
    """The signals in the language that is spoken now, which is `language`: a page says a hundred and sixty of them."""
    return {name: str(text) for name, text in REASONS.items()} | {"same": str(SAME_COMMUNITY)}


REFUSALS = {
    "not_asked": gettext_lazy("没有开启智能匹配，或已暂停"),
    "skills": gettext_lazy("岗位需要的技能，资料里还没有"),
    "licence": gettext_lazy("岗位需要的执业资格，资料里还没有"),
    "time": gettext_lazy("不在填写的空闲时间里"),
    "too_often": gettext_lazy("最近七天的邀请已到上限"),
    "tired": gettext_lazy("最近三十天服务已经很多，先休息"),
    "age_unknown": gettext_lazy("资料里没有出生日期"),
    "too_young": gettext_lazy("活动当天还没有到最小年龄"),
    "too_old": gettext_lazy("活动当天超过了最大年龄"),
    "consent": gettext_lazy("未满十八周岁，监护人还没有同意"),
    "category": gettext_lazy("最近婉拒过这类服务"),
    "full": gettext_lazy("名额已满"),
    "too_far": gettext_lazy("超出愿意走的距离"),
    "overlap": gettext_lazy("与已报名的活动时间冲突，或来不及赶到"),
}
"""What stands against a match, in words."""


def _speaks(part: Part) -> bool:
    """Whether a signal speaks for a match. A half says that nothing is stated or asked for, but for ties, of which any counts."""
    return part.value > (0 if part.name == "ties" else signals.FULL // 2)


@dataclass(frozen=True)
class Match:
    """A person and an opening: the score, what brought it, and how far."""

    score: int
    highest: int
    """The score that the weights admit at most."""
    parts: Sequence[Part]
    metres: int
    """0 in one's own community."""

    @property
    def percent(self) -> int:
        return self.of_hundred(self.score)

    def of_hundred(self, points: int) -> int:
        return round(points / max(self.highest, 1) * 100)

    @property
    def words(self) -> dict[str, str]:
        """Each signal in words."""
        spoken = _words(get_language())
        return spoken if self.metres else spoken | {"nearness": spoken["same"]}

    @property
    def why(self) -> list[dict[str, str]]:
        """For the panel: each signal with its points of 100."""
        words, points = self.words, _("%(points)s 分")
        return [
            {
                "text": words[part.name],
                "holds": "yes" if _speaks(part) else "unknown" if part.value else "no",
                "clause": points % {"points": self.of_hundred(part.points)},
            }
            for part in self.parts
        ]

    @property
    def best(self) -> str:
        """What speaks most for it, in a few words."""
        words = self.words
        return " · ".join([words[part.name] for part in self.parts if _speaks(part) and part.points][:2])


class Recommended(NamedTuple):
    """A post of an open activity, and how it fits."""

    activity: int
    title: str
    starts_at: datetime
    ends_at: datetime
    place: str
    """Name of the division."""
    team: str
    post: int
    post_name: str
    match: Match


def preference(*, volunteer: Volunteer) -> MatchPreference:
    """The volunteer's settings; the usual ones when none were saved."""
    return MatchPreference.objects.filter(volunteer=volunteer).first() or MatchPreference(volunteer=volunteer)


def agreed(*, volunteer: Volunteer) -> bool:
    """Whether the volunteer agreed to be matched and invited."""
    return people_selectors.has_consent(volunteer.person, Purpose.MATCHING)


def recommended(*, person: int, now: datetime, count: int = BEST) -> list[Recommended] | None:
    """The best open activities for a person, best first; None for who is no active volunteer, or did not agree to be matched."""
    terms, posts = reading.terms(now), pool.everything_open(now)
    one = reading.known(now, reading.plane(), remember=terms.remember, persons=[person]).people
    if not len(one) or not one.flags[0] & AGREED:
        return None
    if not len(posts):
        return []
    tied, held = _of_one(person, posts, now)
    wanted = count + len(held.known) + MARGIN
    best = candidates.for_person(one, 0, posts.columns, terms.city, terms.weights, ties=tied, busy=held.busy, count=wanted)
    new = np.flatnonzero([key not in held.known for key in posts.columns.activity[best.rows].tolist()])[: count + MARGIN]
    rows, scores = best.rows[new], best.scores[new]
    keys = posts.columns.post[rows].tolist()
    still = _open_posts(keys, now)
    matches = _matches(one, posts, tied, 0, rows, scores, terms)
    return [Recommended._make((*still[key], match)) for key, match in zip(keys, matches, strict=True) if key in still][:count]


def _of_one(person: int, posts: Open, now: datetime, without: int = 0) -> tuple[Ties, Promised]:
    tied = reading.ties_of_person(person, posts, now)
    return tied, reading.promised(person, reading.plane(), now=now, without=without)


_OPEN = """
SELECT a.id, a.title, a.starts_at, a.ends_at, d.name, t.name, p.id, p.name
FROM volunteering_post p JOIN volunteering_activity a ON a.id = p.activity_id
JOIN volunteering_team t ON t.id = a.team_id JOIN divisions_division d ON d.id = a.division_id
WHERE p.id = ANY(%s) AND p.taken < p.places AND a.state = 'published' AND a.starts_at > %s
"""


def _open_posts(keys: list[int], now: datetime) -> dict[int, Any]:
    """The posts as they are now, by key, as `Recommended` begins: only those one can still sign up for."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [keys, now])
        return {row[6]: row for row in cursor.fetchall()}


def _matches(people: People, posts: Open, tied: Ties, i: Any, j: Any, scores: Any, terms: Terms) -> list[Match]:
    parts = scoring.explain(people, posts.columns, tied, i, j, terms.city, terms.weights)
    far = np.broadcast_to(signals.distance(At(people, i), At(posts.columns, j)), (len(parts),))
    highest = terms.weights.highest
    return [Match(score, highest, lines, metres) for score, lines, metres in zip(scores.tolist(), parts, far.tolist(), strict=True)]


class Standing(NamedTuple):
    """How a person stands to one post in matching: what is against it, or what speaks for it."""

    post: Post
    against: list[str]
    """Codes of REFUSALS."""
    match: Match

    @property
    def why_not(self) -> list[dict[str, str]]:
        return [{"text": str(REFUSALS[code]), "holds": "no", "clause": ""} for code in self.against]


def standings(*, activity: Activity, volunteer: Volunteer, now: datetime) -> list[Standing]:
    """Why an activity is matched with a volunteer, or why not, post by post."""
    terms = reading.terms(now)
    posts = reading.openings(now, reading.plane(), activity=activity.pk)
    one = reading.known(now, reading.plane(), remember=terms.remember, persons=[volunteer.person_id]).people
    if not len(posts) or not len(one):
        return []
    tied, held = _of_one(volunteer.person_id, posts, now, activity.pk)
    rows = {post.pk: post for post in activity.posts.all()}
    every = np.arange(len(posts))
    scores = scoring.score(one, posts.columns, tied, 0, every, terms.city, terms.weights)
    clash = signals.clashes(posts.columns, held.busy, np.zeros(len(posts), dtype=np.int64), every, terms.city)
    found = []
    for j, match in enumerate(_matches(one, posts, tied, 0, every, scores, terms)):
        against = signals.refusals(one, posts.columns, 0, j, terms.city)
        if clash[j]:
            against.append("overlap")
        found.append(Standing(rows[int(posts.columns.post[j])], against, match))
    return found


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be asked. The name is masked; the key stays in the server."""

    person: int
    name: str
    place: str
    match: Match


def whom_to_ask(*, post: Post, actor: Actor, now: datetime, count: int = BEST) -> list[Candidate]:
    """Whom to ask for a post, first the least recently asked among those who fit alike. Raises Denied."""
    activity = post.activity
    if not may_invite(actor, activity):
        raise Denied(Permission.ASSIGN)
    terms, everybody = reading.terms(now), pool.everybody(now)
    posts = reading.openings(now, reading.plane(), activity=activity.pk)
    places = np.flatnonzero(posts.columns.post == post.pk)
    if not len(places) or not len(everybody.people):
        return []
    j = int(places[0])
    tied = reading.ties(posts, everybody.find)
    busy = reading.busy(activity.starts_at, activity.ends_at, reading.plane(), now=now, find=everybody.find, activity=activity.pk)
    asking = Asking(everybody.people, posts.columns, terms.city, terms.weights, tied, busy)
    best = candidates.whom_to_ask(asking, everybody.grid, j, count * 2)
    fresh = reading.known(now, reading.plane(), remember=terms.remember, persons=everybody.people.person[best.rows].tolist())
    again, best = _again(asking, best, fresh.people, j, count)
    persons = again.people.person[best.rows].tolist()
    matches = _matches(again.people, posts, again.ties, best.rows, np.full(len(best.rows), j), best.scores, terms)
    nodes = tree().by_id
    return [
        Candidate(person, mask_name(fresh.names[person]), nodes[fresh.divisions[person]].name, match)
        for person, match in zip(persons, matches, strict=True)
    ]


def _again(asking: Asking, best: Best, fresh: People, j: int, count: int) -> tuple[Asking, Best]:
    """The columns are a little old: those found in them, as they are now, looked at and ranked again."""
    there = pool.of(fresh)
    rows = there.find(asking.people.person[best.rows])
    before, rows = best.rows[rows >= 0], rows[rows >= 0]
    where = np.full(len(rows), j)
    ties = Ties.of(rows, where, asking.ties.of_pairs(before, where))
    again = asking._replace(people=there.people, ties=ties, busy=asking.busy.moved(before, rows))
    return again, candidates.brute_force(again, j, count)


def my_invitations(*, actor: Actor, now: datetime) -> list[Invitation]:
    """One's own that wait for an answer."""
    if actor.person_id is None:
        return []
    rows = Invitation.objects.visible_to(actor).filter(person=actor.person_id, state="sent", expires_at__gt=now)
    if not rows.exists():  # nearly always, and it costs a third of reading them
        return []
    return list(rows.select_related("activity__team", "activity__division", "post").order_by("expires_at", "id")[:BEST])


def invitation(*, pk: int, actor: Actor) -> Invitation:
    """One invitation that the actor may see. Raises Invitation.DoesNotExist."""
    return Invitation.objects.visible_to(actor).select_related("activity__team", "activity__division", "post").get(pk=pk)


def invitations(*, activity: Activity, actor: Actor, cursor: str | None = None, size: int = 50) -> Page[Invitation]:
    """Who was asked to an activity, latest first."""
    rows = Invitation.objects.visible_to(actor).filter(activity=activity).select_related("person", "post")
    return paginate(rows, order=("-id",), cursor=cursor, size=size)


def plan(*, pk: int, actor: Actor) -> MatchPlan:
    """One plan that the actor may see. Raises MatchPlan.DoesNotExist."""
    return MatchPlan.objects.visible_to(actor).select_related("division").get(pk=pk)


def plans(*, actor: Actor, cursor: str | None = None, size: int = BEST) -> Page[MatchPlan]:
    """Plans of one's divisions, latest first."""
    return paginate(MatchPlan.objects.visible_to(actor).select_related("division"), order=("-id",), cursor=cursor, size=size)


def plan_before(*, plan: MatchPlan, actor: Actor) -> MatchPlan | None:
    """The plan for the same days and division that was computed before this one: what a changed weight is compared with."""
    rows = MatchPlan.objects.visible_to(actor).filter(division=plan.division_id, first_day=plan.first_day, days=plan.days)
    return rows.filter(pk__lt=plan.pk, state__in=["ready", "sent", "discarded"]).exclude(figures={}).order_by("-pk").first()


def moved(*, plan: MatchPlan, other: MatchPlan) -> int:
    """How many people have another post, or one at all, in `plan` than in `other`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT person_id) FROM (SELECT person_id, post_id FROM volunteering_proposal WHERE plan_id = %s"
            " EXCEPT SELECT person_id, post_id FROM volunteering_proposal WHERE plan_id = %s) x",
            [plan.pk, other.pk],
        )
        return int(cursor.fetchone()[0])


def proposals(*, plan: MatchPlan, cursor: str | None = None, size: int = 50) -> Page[Proposal]:
    """Who is to be asked for what, names to be masked; for a plan that the actor may see."""
    rows = Proposal.objects.filter(plan=plan).select_related("person", "post__activity__division")
    return paginate(rows, order=("post_id", "id"), cursor=cursor, size=size)


def days_of(first: date, days: int) -> tuple[datetime, datetime]:
    """From the first moment of a day to that after the last, of Asia/Shanghai."""
    start = datetime.combine(first, time(), SHANGHAI)
    return start, start + timedelta(days=days)


def names_of(weights: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Weights by name, in words, and their value."""
    return [(name, str(REASONS[name]), int(weights[name])) for name in scoring.names() if name in weights]
