"""Matching: agreeing to it, inviting, answering, planning a day or a week.

An invitation is written by one statement that looks at everything again: agreed, active, not paused, not signed up, not
asked before, and a place free among the cap's of the last seven days; the exclusion constraint settles a race for that
place.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.copying import copy_rows
from qunli.kernel.errors import Denied, Refused
from qunli.notices import services as notices
from qunli.people import services as people
from qunli.people.enums import Purpose
from qunli.volunteering.enums import DeclineReason
from qunli.volunteering.matching import candidates, pool, reading, scoring, signals
from qunli.volunteering.matching.columns import At
from qunli.volunteering.matching.finding import Candidate, days_of
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.models import Activity, Invitation, MatchPlan, MatchPreference, Post, Proposal, Volunteer
from qunli.volunteering.perms import Permission, may_assign, may_invite
from qunli.volunteering.services.sign_ups import sign_up, told
from qunli.volunteering.signing_up import Outcome
from qunli.volunteering.states import INVITATION, PLAN

AT_ONCE = 2_000
"""People up to whom a plan is computed at once; a larger one is computed by the queue."""
LAST = timedelta(hours=1)
"""An invitation ends at the latest so long before the activity begins."""
EACH = 30


def set_matching(
    *, volunteer: Volunteer, agrees: bool, reach: int, weekly_limit: int, paused_until: date | None, by: Actor, now: datetime
) -> None:
    """Agree to be matched and invited, or withdraw that; and how. One's own only. Raises Refused."""
    if by.person_id is None or by.person_id != volunteer.person_id:
        raise Denied(Permission.REGISTER)
    with transaction.atomic():
        if agrees:
            people.give_consent(person=volunteer.person, purpose=Purpose.MATCHING, by=by, now=now)
        else:
            people.withdraw_consent(person=volunteer.person, purpose=Purpose.MATCHING, by=by, now=now)
        MatchPreference.objects.update_or_create(
            volunteer=volunteer, defaults={"reach": reach, "weekly_limit": weekly_limit, "paused_until": paused_until}
        )
        facts = {"agrees": agrees, "reach": reach, "weekly_limit": weekly_limit}
        audit.record("volunteering.set_matching", f"volunteer:{volunteer.pk}", by=by, **facts)


_INVITE = """
WITH wanted AS (
    SELECT * FROM unnest(
        %(persons)s::bigint[], %(posts)s::bigint[], %(scores)s::int[], %(metres)s::int[], %(slots)s::int[], %(why)s::jsonb[]
    ) AS w (person, post, score, metres, slots, why)
),
fit AS (
    SELECT w.*, a.id AS activity, LEAST(%(expires)s::timestamptz, a.starts_at - %(last)s::interval) AS expires,
        (SELECT min(n) FROM generate_series(1, LEAST(%(cap)s::int, COALESCE(m.weekly_limit, 7))) n
         WHERE NOT EXISTS (SELECT FROM volunteering_invitation i
             WHERE i.person_id = w.person AND i.nth = n AND i.state <> 'withdrawn'
             AND i.week && tstzrange(%(now)s::timestamptz, %(now)s::timestamptz + interval '7 days'))) AS nth
    FROM wanted w
    JOIN volunteering_post p ON p.id = w.post
    JOIN volunteering_activity a ON a.id = p.activity_id AND a.state = 'published'
        AND a.starts_at - %(last)s::interval > %(now)s::timestamptz
    JOIN volunteering_volunteer v ON v.person_id = w.person AND v.state = 'active'
    JOIN people_consent k ON k.person_id = w.person AND k.purpose = 'matching' AND k.withdrawn_at IS NULL
    LEFT JOIN volunteering_matchpreference m ON m.volunteer_id = v.id
    WHERE (m.paused_until IS NULL OR m.paused_until <= %(day)s::date)
        AND NOT EXISTS (SELECT FROM volunteering_invitation i
                        WHERE i.person_id = w.person AND i.activity_id = a.id AND i.state <> 'withdrawn')
        AND NOT EXISTS (SELECT FROM volunteering_signup s WHERE s.person_id = w.person
                        AND (s.activity_id = a.id AND s.state <> 'cancelled'
                             OR s.state = 'confirmed' AND s.during && tstzrange(a.starts_at, a.ends_at)))
)
INSERT INTO volunteering_invitation
    (post_id, activity_id, person_id, plan_id, state, reason, nth, week, score, metres, slots, why,
    created_at, created_by_id, expires_at)
SELECT post, activity, person, %(plan)s::bigint, 'sent', '', nth,
    tstzrange(%(now)s::timestamptz, %(now)s::timestamptz + interval '7 days'), score, metres, slots, why, %(now)s::timestamptz,
    %(by)s::bigint, expires
FROM fit WHERE nth IS NOT NULL ORDER BY person
ON CONFLICT DO NOTHING
RETURNING person_id, activity_id, expires_at
"""


class Wanted(NamedTuple):
    """One person to be asked for one post."""

    person: int
    post: int
    score: int
    metres: int
    slots: int
    why: Sequence[scoring.Part]


class Invited(NamedTuple):
    sent: int
    passed: int
    """Who was not asked, because something has changed meanwhile or the week's cap is reached."""


def invite(*, post: Post, chosen: Sequence[Candidate], by: Actor, now: datetime) -> Invited:
    """Ask people for a post. Whoever may not be asked (any more) is passed over."""
    if not may_invite(by, post.activity):
        raise Denied(Permission.ASSIGN)
    slots = int(reading.slots(reading.minutes([post.activity.starts_at]), reading.minutes([post.activity.ends_at]))[0])
    wanted = [Wanted(c.person, post.pk, c.match.score, c.match.metres, slots, c.match.parts) for c in chosen]
    with transaction.atomic():
        sent = _invite(wanted, plan=None, by=by, now=now)
        audit.record("volunteering.invite", f"activity:{post.activity_id}", by=by, post=post.pk, sent=sent, wanted=len(wanted))
    return Invited(sent, len(wanted) - sent)


def _invite(wanted: Sequence[Wanted], *, plan: int | None, by: Actor, now: datetime) -> int:
    """One statement for people who are all different; then their notices. Returns how many were asked."""
    if not wanted:
        return 0
    terms = reading.terms(now)
    values: dict[str, Any] = _columns(wanted) | {
        "cap": terms.city.cap,
        "expires": now + terms.answer,
        "last": LAST,
        "now": now,
        "day": local_date(now),
        "plan": plan,
        "by": by.person_id,
    }
    rows: list[tuple[int, int, datetime]] = []
    with connection.cursor() as cursor:
        # Who lost a race for a place may still get the next one: each loss means that one of the cap's places was taken.
        for _try in range(terms.city.cap + 1):
            cursor.execute(_INVITE, values)
            found = cursor.fetchall()
            rows += found
            left = [w for w in wanted if w.person not in {row[0] for row in rows}]
            if not left:
                break
            values |= _columns(left)
    by_activity: dict[int, list[tuple[int, datetime]]] = {}
    for person, key, expires in rows:
        by_activity.setdefault(key, []).append((person, expires))
    for activity in Activity.objects.filter(pk__in=by_activity):
        asked = by_activity[activity.pk]
        until = f"{asked[0][1].astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        notices.tell(
            [person for person, _e in asked],
            "volunteering/invited",
            url="/volunteer/matches/",
            sms=True,
            until=until,
            **told(activity),
        )
    return len(rows)


def _columns(wanted: Sequence[Wanted]) -> dict[str, Any]:
    return {
        "persons": [w.person for w in wanted],
        "posts": [w.post for w in wanted],
        "scores": [w.score for w in wanted],
        "metres": [w.metres for w in wanted],
        "slots": [w.slots for w in wanted],
        "why": [Jsonb([list(part) for part in w.why]) for w in wanted],
    }


def accept(*, invitation: Invitation, by: Actor, now: datetime) -> Outcome:
    """Accept one's own invitation: an ordinary sign-up. When the sign-up is refused, the invitation stays as it was."""
    with transaction.atomic():
        current = _own(invitation, by, now)
        outcome = sign_up(post=current.post_id, by=by, now=now, wait=True)
        if not outcome.accepted and outcome.code != "already":
            return outcome
        _answer(current, "accept", "", now)
        audit.record("volunteering.accept_invitation", f"activity:{current.activity_id}", by=by, invitation=current.pk)
    return outcome


def decline(*, invitation: Invitation, reason: str, by: Actor, now: datetime) -> None:
    """Decline one's own invitation; the reason counts at the next match."""
    if reason not in DeclineReason.values:
        raise Refused(_("请选择一个原因，下次会按它匹配。"), code="reason", field="reason")
    with transaction.atomic():
        current = _own(invitation, by, now)
        _answer(current, "decline", reason, now)
        audit.record(
            "volunteering.decline_invitation", f"activity:{current.activity_id}", by=by, invitation=current.pk, reason=reason
        )


def _own(invitation: Invitation, by: Actor, now: datetime) -> Invitation:
    if by.person_id is None or invitation.person_id != by.person_id:
        raise Denied(Permission.SIGN_UP)
    current = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if current.state == "sent" and current.expires_at <= now:
        raise Refused(_("邀请已过答复时间。活动还在招募的话，可以自己报名。"), code="expired")
    return current


def _answer(current: Invitation, verb: str, reason: str, now: datetime) -> None:
    current.state = INVITATION.target(verb, current.state)
    current.reason, current.answered_at = reason, now
    current.save(update_fields=["state", "reason", "answered_at"])


def expire_invitations(*, now: datetime) -> int:
    """End what was not answered in time, and withdraw what is asked for activities that were called off."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE volunteering_invitation i SET state = CASE WHEN a.state = 'cancelled' THEN 'withdrawn' ELSE 'expired' END"
            " FROM volunteering_activity a WHERE a.id = i.activity_id AND i.state = 'sent'"
            " AND (i.expires_at <= %s OR a.state = 'cancelled')",
            [now],
        )
        return int(cursor.rowcount)


def make_plan(*, division: Division, first_day: date, days: int, weights: Weights, by: Actor, now: datetime) -> MatchPlan:
    """A new plan. A small one is ready at once, a large one is computed by the queue. Raises Refused at the field."""
    if not may_assign(by, division):
        raise Denied(Permission.ASSIGN)
    today = local_date(now)
    if not today <= first_day <= today + timedelta(days=60):
        raise Refused(_("第一天要在今天到六十天之内。"), code="first_day", field="first_day")
    if not 1 <= days <= 7:
        raise Refused(_("一次安排一到七天。"), code="days", field="days")
    with transaction.atomic():
        plan = MatchPlan.objects.create(
            division=division, first_day=first_day, days=days, weights=asdict(weights), created_at=now, created_by_id=by.person_id
        )
        audit.record("volunteering.make_plan", f"plan:{plan.pk}", by=by, first_day=str(first_day), days=days)
        if _people_in(division) <= AT_ONCE:
            compute_plan(plan=plan, now=now)
        else:
            from qunli.volunteering.tasks import compute

            compute.defer(plan=plan.pk)
    return plan


def _people_in(division: Division) -> int:
    """How many who agreed live there; counting stops past AT_ONCE."""
    rows = Volunteer.objects.filter(
        state="active", division__path__startswith=division.path, person__consents__purpose=Purpose.MATCHING,
        person__consents__withdrawn_at=None,
    )  # fmt: skip
    return rows[: AT_ONCE + 1].count()


def compute_plan(*, plan: MatchPlan, now: datetime) -> None:
    """Find the best assignment and write it down."""
    from qunli.volunteering.matching import assignment

    terms, on = reading.terms(now), reading.plane()
    weights = Weights(**plan.weights)
    first, until = days_of(plan.first_day, plan.days)
    everybody = pool.of(reading.people(now, on, remember=terms.remember, path=plan.division.path))
    posts = reading.openings(now, on, path=plan.division.path, first=first, until=until)
    tied = reading.ties(posts, everybody.find)
    busy = reading.busy(first, until, on, now=now, find=everybody.find)
    free = np.maximum(posts.columns.places - reading.waiting(posts, now), 0)
    edges = candidates.edges(everybody.people, everybody.grid, posts.columns, terms.city, weights, ties=tied, busy=busy, each=EACH)
    edges = _without_known(edges, everybody, posts, now)
    keys, community = np.unique(posts.columns.community, return_inverse=True)
    room = np.minimum(everybody.people.limit, terms.city.cap).astype(np.int64) - everybody.people.week
    task = assignment.Task(
        edges,
        free,
        community,
        posts.columns.day - plan.first_day.toordinal(),
        weights,
        None if plan.days == 1 else np.maximum(room, 0),
    )
    best = assignment.assign(task)
    i, j = edges.row[best.chosen].astype(np.int64), edges.opening[best.chosen].astype(np.int64)
    metres = signals.distance(At(everybody.people, i), At(posts.columns, j))
    with transaction.atomic():
        current = MatchPlan.objects.select_for_update().get(pk=plan.pk)
        current.state = PLAN.target("compute", current.state)
        places = np.bincount(community, weights=free, minlength=len(keys))
        filled = np.bincount(community[j], minlength=len(keys))
        current.figures = {
            "people": len(everybody.people),
            "activities": len(np.unique(posts.columns.activity)),
            "places": int(free.sum()),
            "filled": len(i),
            "metres": int(metres.mean()) if len(metres) else 0,
            "value": best.value,
            "certified": best.certified,
            "edges": len(edges.row),
            "communities": [[int(key), int(p), int(f)] for key, p, f in zip(keys, places, filled, strict=True)],
        }
        current.save(update_fields=["state", "figures"])
        rows = zip(
            [plan.pk] * len(i),
            posts.columns.post[j].tolist(),
            everybody.people.person[i].tolist(),
            edges.score[best.chosen].tolist(),
            metres.tolist(),
            strict=True,
        )
        copy_rows(connection, Proposal._meta.db_table, ("plan_id", "post_id", "person_id", "score", "metres"), rows)
        audit.record("volunteering.compute_plan", f"plan:{plan.pk}", by=SYSTEM, filled=len(i), certified=best.certified)
    plan.refresh_from_db()


def _without_known(edges: candidates.Edges, everybody: pool.Pool, posts: reading.Open, now: datetime) -> candidates.Edges:
    """Without those who are signed up for the activity, or were asked before."""
    activities = np.unique(posts.columns.activity).tolist()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_id, activity_id FROM volunteering_signup WHERE activity_id = ANY(%s) AND state <> 'cancelled'"
            " UNION SELECT person_id, activity_id FROM volunteering_invitation"
            " WHERE activity_id = ANY(%s) AND state <> 'withdrawn'",
            [activities, activities],
        )
        known = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    rows = everybody.find(known[:, 0])
    against = (rows << 32) | known[:, 1]
    pairs = (edges.row.astype(np.int64) << 32) | posts.columns.activity[edges.opening]
    keep = ~np.isin(pairs, against[rows >= 0])
    return candidates.Edges(*(column[keep] for column in edges))


def fail_plan(*, plan: MatchPlan, why: str) -> None:
    """The queue could not compute it."""
    with transaction.atomic():
        current = MatchPlan.objects.select_for_update().get(pk=plan.pk)
        current.state = PLAN.target("fail", current.state)
        current.figures = {"error": why[:200]}
        current.save(update_fields=["state", "figures"])
        audit.record("volunteering.fail_plan", f"plan:{plan.pk}", by=SYSTEM)


def send_plan(*, plan: MatchPlan, by: Actor, now: datetime) -> Invited:
    """Invite everybody of the plan, a day after another. Who may not be asked any more is passed over."""
    if not may_assign(by, plan.division):
        raise Denied(Permission.ASSIGN)
    sent = wanted = 0
    with transaction.atomic():
        current = MatchPlan.objects.select_for_update().get(pk=plan.pk)
        current.state = PLAN.target("send", current.state)
        current.sent_at, current.sent_by_id = now, by.person_id
        current.save(update_fields=["state", "sent_at", "sent_by"])
        rounds: dict[date, list[Wanted]] = {}
        for row in Proposal.objects.filter(plan=plan).select_related("post__activity").order_by("id").iterator(2_000):
            activity = row.post.activity
            slots = int(reading.slots(reading.minutes([activity.starts_at]), reading.minutes([activity.ends_at]))[0])
            of_day = rounds.setdefault(local_date(activity.starts_at), [])
            of_day.append(Wanted(row.person_id, row.post_id, row.score, row.metres, slots, ()))
        for day in sorted(rounds):
            wanted += len(rounds[day])
            sent += _invite(rounds[day], plan=plan.pk, by=by, now=now)
        audit.record("volunteering.send_plan", f"plan:{plan.pk}", by=by, sent=sent, wanted=wanted)
    plan.refresh_from_db()
    return Invited(sent, wanted - sent)


def discard_plan(*, plan: MatchPlan, by: Actor, now: datetime) -> None:
    """Put a plan aside; it stays to be compared with."""
    if not may_assign(by, plan.division):
        raise Denied(Permission.ASSIGN)
    with transaction.atomic():
        current = MatchPlan.objects.select_for_update().get(pk=plan.pk)
        current.state = PLAN.target("discard", current.state)
        current.save(update_fields=["state"])
        audit.record("volunteering.discard_plan", f"plan:{plan.pk}", by=by)
    plan.refresh_from_db()
