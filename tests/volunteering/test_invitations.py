"""Matching on a real database: what is read into columns, whom to ask, inviting within the cap, answering, planning."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from qunli.access.selectors import actor_of
from qunli.audit.models import Event
from qunli.cases.models import Case
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import Notice
from qunli.people.enums import Purpose
from qunli.people.models import Consent
from qunli.volunteering import services, tasks
from qunli.volunteering.enums import Category, Skill
from qunli.volunteering.matching import finding, pool, reading
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.models import Invitation, MatchPlan, MatchPreference, Post, Proposal, ResidentRequest, SignUp, Volunteer
from qunli.volunteering.requests.services import Wish, ask
from tests import factories as make
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Any:
    pool.forget()
    yield
    pool.forget()


def willing(**fields: Any) -> Volunteer:
    """An active volunteer who agreed to be matched."""
    one = make.volunteer(**fields)
    make.consent(one.person, Purpose.MATCHING)
    return one


def leader_of(post: Post) -> Actor:
    return actor_of(make.account(make.leader(post.activity.team).person), local_date(timezone.now()))


def asked(post: Post, who: Volunteer, by: Actor, now: datetime | None = None) -> int:
    now = now or timezone.now()
    pool.forget()
    found = [c for c in finding.whom_to_ask(post=post, actor=by, now=now, count=100) if c.person == who.person_id]
    return services.invite(post=post, chosen=found, by=by, now=now).sent


def tomorrow(hour: int, days: int = 1) -> datetime:
    day = local_date(timezone.now()) + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)


def test_what_is_read_into_columns() -> None:
    now, on = timezone.now(), reading.plane()
    terms = reading.terms(now)
    one = willing(skills=["first_aid", "law"], categories=["elderly"], free_times=7)
    MatchPreference.objects.create(volunteer=one, reach=4, weekly_limit=2)
    make.volunteer()
    found = reading.people(now, on, remember=terms.remember)
    assert found.person.tolist() == [one.person_id]
    assert found.born.tolist() == [one.person.birth_date.toordinal()] if one.person.birth_date else False
    assert found.skills.tolist() == [1 << Skill.values.index("first_aid") | 1 << Skill.values.index("law")]
    assert found.categories.tolist() == [1 << Category.values.index("elderly")]
    assert (found.free[0], found.reach[0], found.limit[0], found.week[0], found.asked[0]) == (7, 40, 2, 0, 0)
    assert len(reading.people(now, on, remember=terms.remember, path=one.division.path)) == 1
    other = make.division(district=make.OTHER_DISTRICT)
    assert not len(reading.people(now, on, remember=terms.remember, path=other.path))


@pytest.mark.parametrize(
    ("begins", "ends", "parts"),
    [((9, 0), (11, 0), [0]), ((9, 0), (12, 30), [0, 1]), ((14, 0), (18, 0), [1]), ((19, 0), (21, 0), [2]),
     ((8, 0), (20, 0), [0, 1, 2]), ((2, 0), (4, 0), [-1])],
)  # fmt: skip
def test_the_times_that_an_activity_takes(begins: tuple[int, int], ends: tuple[int, int], parts: list[int]) -> None:
    """Monday 2 March 2026; before six in the morning counts with the evening before."""
    moments = [datetime(2026, 3, 2, *at, tzinfo=SHANGHAI) for at in (begins, ends)]
    taken = reading.slots(reading.minutes(moments[:1]), reading.minutes(moments[1:]))[0]
    assert taken == sum(1 << part % 21 for part in parts)


def test_ages_are_those_of_the_sign_up() -> None:
    """The first and the last date of birth that the ages admit, against what PostgreSQL's age() says, which the sign-up asks."""
    now, on = timezone.now(), reading.plane()
    post = make.post(make.activity(starts_at=tomorrow(10), min_age=18, max_age=30))
    opening = reading.openings(now, on, activity=post.activity_id).columns
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(d::date) - DATE '0001-01-01' + 1, max(d::date) - DATE '0001-01-01' + 1"
            " FROM generate_series(%(day)s::date - interval '40 years', %(day)s::date - interval '10 years', interval '1 day') d"
            " WHERE extract(year FROM age(%(day)s::date, d::date)) BETWEEN 18 AND 30",
            {"day": local_date(post.activity.starts_at)},
        )
        assert cursor.fetchone() == (opening.born_from[0], opening.born_to[0])


def test_the_best_activities_for_a_volunteer_and_why(max_queries: Any) -> None:
    near, far = make.division(nth=0), make.division(district=make.OTHER_DISTRICT, nth=9)
    me = willing(of=make.person(division=near), categories=["elderly"], skills=["first_aid"])
    here = make.post(make.activity(make.team(division=near), category="elderly", longitude=None, latitude=None))
    there = make.post(make.activity(make.team(division=far), category="children", longitude=None, latitude=None))
    make.post(make.activity(starts_at=tomorrow(9, 2)), places=1, skills=["law"])
    pool.forget()
    with max_queries(10):
        found = finding.recommended(person=me.person_id, now=timezone.now()) or []
    assert [r.post for r in found] == [here.pk, there.pk]
    first = found[0].match
    assert sum(part.points for part in first.parts) == first.score
    assert {part.name: part.value for part in first.parts}["interest"] == 1000
    assert str(finding.REASONS["interest"]) in [line["text"] for line in first.why]
    with translation.override("en"):
        assert all(line["text"].isascii() for line in first.why)


def test_who_did_not_agree_is_neither_matched_nor_asked() -> None:
    post = make.post()
    me, by = make.volunteer(), leader_of(post)
    pool.forget()
    assert finding.recommended(person=me.person_id, now=timezone.now()) is None
    assert asked(post, me, by) == 0
    make.consent(me.person, Purpose.MATCHING)
    assert asked(post, me, by) == 1


def test_own_team_and_friends_count() -> None:
    team = make.team()
    mine, other = make.post(make.activity(team)), make.post(make.activity(make.team(division=team.division)))
    me, friend = willing(of=make.person(division=team.division)), make.volunteer()
    for n in (3, 4):
        past = make.post(make.activity(starts_at=timezone.now() - timedelta(days=n), state="closed"))
        for who in (me, friend):
            make.sign_up(who.person, past, state="attended")
    make.membership(me, team)
    make.sign_up(friend.person, other)
    pool.forget()
    found = {r.post: r.match for r in finding.recommended(person=me.person_id, now=timezone.now()) or []}
    ties = {post: {p.name: p.value for p in match.parts}["ties"] for post, match in found.items()}
    assert ties == {mine.pk: reading.OWN_TEAM, other.pk: reading.FRIEND}
    everybody = pool.everybody(timezone.now())
    posts = reading.openings(timezone.now(), reading.plane())
    bulk = reading.ties(posts, everybody.find)
    row = int(everybody.find([me.person_id])[0])
    of_me = {int(posts.columns.post[j]): int(v) for i, j, v in zip(*bulk.pairs, bulk.values, strict=True) if i == row}
    assert of_me == {mine.pk: reading.OWN_TEAM, other.pk: reading.FRIEND}


def test_an_invitation_is_sent_told_audited_and_masked() -> None:
    post = make.post()
    me, by = willing(of=make.person(name="欧阳修", division=post.activity.division)), leader_of(post)
    pool.forget()
    found = finding.whom_to_ask(post=post, actor=by, now=timezone.now())
    assert [c.person for c in found] == [me.person_id]
    assert found[0].name != "欧阳修"
    assert services.invite(post=post, chosen=found, by=by, now=timezone.now()) == (1, 0)
    invitation = Invitation.objects.get()
    assert (invitation.state, invitation.nth, invitation.person_id) == ("sent", 1, me.person_id)
    assert invitation.why
    assert Notice.objects.filter(person=me.person, template="volunteering/invited").exists()
    assert Event.objects.filter(verb="volunteering.invite").exists()
    assert services.invite(post=post, chosen=found, by=by, now=timezone.now()) == (0, 1)
    pool.forget()
    assert finding.whom_to_ask(post=post, actor=by, now=timezone.now()) == []


def test_only_those_who_may_see_whom_is_asked() -> None:
    post = make.post()
    willing(of=make.person(division=post.activity.division))
    stranger = leader_of(make.post())
    with pytest.raises(Denied):
        finding.whom_to_ask(post=post, actor=stranger, now=timezone.now())
    with pytest.raises(Denied):
        services.invite(post=post, chosen=[], by=stranger, now=timezone.now())


def test_never_more_than_the_cap_in_seven_days() -> None:
    now = timezone.now()
    me = willing()
    posts = [make.post(make.activity(make.team(division=me.division), starts_at=tomorrow(9, n + 3))) for n in range(6)]
    sent = [asked(post, me, leader_of(post), now) for post in posts[:4]]
    assert sent == [1, 1, 1, 0]
    assert asked(posts[4], me, leader_of(posts[4]), now + timedelta(days=6, hours=23)) == 0
    assert asked(posts[5], me, leader_of(posts[5]), now + timedelta(days=7, minutes=1)) == 1
    held = Invitation.objects.order_by("id").first()
    assert held is not None
    held.pk, held.activity, held.post, held.nth = None, posts[4].activity, posts[4], 2
    with pytest.raises(IntegrityError, match="invitation_weekly_cap"), transaction.atomic():
        held.save()


def test_a_lower_limit_of_ones_own_and_a_pause() -> None:
    now = timezone.now()
    me = willing()
    settings = MatchPreference.objects.create(volunteer=me, weekly_limit=1)
    posts = [make.post(make.activity(make.team(division=me.division), starts_at=tomorrow(9, n + 2))) for n in range(3)]
    assert [asked(post, me, leader_of(post), now) for post in posts[:2]] == [1, 0]
    settings.weekly_limit, settings.paused_until = 3, local_date(now) + timedelta(days=3)
    settings.save()
    assert asked(posts[2], me, leader_of(posts[2]), now) == 0


def test_accepting_is_an_ordinary_sign_up() -> None:
    post = make.post()
    me = willing()
    asked(post, me, leader_of(post))
    invitation = Invitation.objects.get()
    with pytest.raises(Denied):
        services.accept(invitation=invitation, by=Self(make.person().pk), now=timezone.now())
    outcome = services.accept(invitation=invitation, by=Self(me.person_id), now=timezone.now())
    assert outcome.code == "confirmed"
    assert SignUp.objects.get().person_id == me.person_id
    invitation.refresh_from_db()
    assert (invitation.state, invitation.answered_at is not None) == ("accepted", True)
    with pytest.raises(Refused):
        services.decline(invitation=invitation, reason="other", by=Self(me.person_id), now=timezone.now())


def test_a_refused_sign_up_leaves_the_invitation_open() -> None:
    post = make.post(make.activity(starts_at=tomorrow(10)))
    me = willing()
    asked(post, me, leader_of(post))
    make.sign_up(me.person, make.post(make.activity(starts_at=tomorrow(10))))
    assert services.accept(invitation=Invitation.objects.get(), by=Self(me.person_id), now=timezone.now()).code == "overlap"
    assert Invitation.objects.get().state == "sent"


@pytest.mark.parametrize(
    ("reason", "code"), [("too_far", "too_far"), ("no_time", "time"), ("not_interested", "category"), ("too_often", "too_often")]
)
def test_the_reason_of_a_refusal_counts_next_time(reason: str, code: str) -> None:
    now = timezone.now()
    me = willing()
    MatchPreference.objects.create(volunteer=me, reach=50)
    team = make.team(division=make.division(nth=6))
    posts = [make.post(make.activity(team, starts_at=tomorrow(9, days), longitude=None, latitude=None)) for days in (3, 10)]
    first = finding.standings(activity=posts[0].activity, volunteer=me, now=now)[0]
    assert first.against == []
    assert asked(posts[0], me, leader_of(posts[0]), now) == 1
    invitation = Invitation.objects.get()
    assert invitation.metres > 0
    with pytest.raises(Refused, match="原因"):
        services.decline(invitation=invitation, reason="", by=Self(me.person_id), now=now)
    services.decline(invitation=invitation, reason=reason, by=Self(me.person_id), now=now)
    standing = finding.standings(activity=posts[1].activity, volunteer=me, now=now)[0]
    assert code in standing.against
    assert standing.why_not[0]["text"]
    assert asked(posts[1], me, leader_of(posts[1]), now) == 0
    long_ago = now - timedelta(days=200)
    Invitation.objects.update(created_at=long_ago, week=(long_ago, long_ago + timedelta(days=7)))
    assert finding.standings(activity=posts[1].activity, volunteer=me, now=now)[0].against == []


def test_why_not_me() -> None:
    me = make.volunteer(of=make.person(birth_date=local_date(timezone.now()) - timedelta(days=16 * 366)), free_times=0)
    post = make.post(make.activity(min_age=18), skills=["law"])
    standing = finding.standings(activity=post.activity, volunteer=me, now=timezone.now())[0]
    assert {"not_asked", "skills", "too_young", "consent"} <= set(standing.against)
    with translation.override("en"):
        assert all(line["text"].isascii() for line in standing.why_not)


def test_invitations_end_by_themselves() -> None:
    now = timezone.now()
    late, off = make.post(make.activity(starts_at=tomorrow(9, 9))), make.post(make.activity(starts_at=tomorrow(9, 8)))
    one, other = willing(), willing()
    asked(late, one, leader_of(late), now)
    asked(off, other, leader_of(off), now)
    off.activity.state = "cancelled"
    off.activity.save()
    assert services.expire_invitations(now=now) == 1
    assert services.expire_invitations(now=now + timedelta(hours=49)) == 1
    assert set(Invitation.objects.values_list("state", flat=True)) == {"expired", "withdrawn"}
    with pytest.raises(Refused):
        services.accept(invitation=Invitation.objects.get(post=late), by=Self(one.person_id), now=now)
    assert tasks.expire_invitations.func(0) == 0


def worker(at: Any) -> Actor:
    person = make.person(division=at)
    make.posting(person, "community_worker", at)
    return actor_of(make.account(person), local_date(timezone.now()))


def plan_of(at: Any, by: Actor, days: int = 1, **weights: int) -> MatchPlan:
    first = local_date(timezone.now()) + timedelta(days=2)
    return services.make_plan(division=at, first_day=first, days=days, weights=Weights(**weights), by=by, now=timezone.now())


def test_a_plan_is_optimal_compared_and_sent_once() -> None:
    at = make.division()
    by, team = worker(at), make.team(division=at)
    people = [willing(of=make.person(division=at), categories=["elderly"] if n < 2 else []) for n in range(5)]
    elderly = make.post(make.activity(team, starts_at=tomorrow(9, 2), category="elderly"), places=2)
    make.post(make.activity(team, starts_at=tomorrow(15, 2), category="culture"), places=2)
    first = plan_of(at, by)
    assert first.state == "ready"
    assert first.figures["certified"]
    assert (first.figures["people"], first.figures["places"], first.figures["filled"]) == (5, 4, 4)
    assert set(Proposal.objects.filter(plan=first, post=elderly).values_list("person", flat=True)) == {
        p.person_id for p in people[:2]
    }
    second = plan_of(at, by, interest=0)
    before = finding.plan_before(plan=second, actor=by)
    assert before == first
    assert 0 <= finding.moved(plan=second, other=first) <= 4
    assert services.send_plan(plan=first, by=by, now=timezone.now()) == (4, 0)
    assert Invitation.objects.filter(plan=first).count() == 4
    with pytest.raises(Refused):
        services.send_plan(plan=first, by=by, now=timezone.now())
    third = plan_of(at, by)
    assert (third.figures["places"], third.figures["filled"]) == (0, 0), "places that people are asked for are not planned again"
    services.discard_plan(plan=second, by=by, now=timezone.now())
    assert second.state == "discarded"


def test_a_week_keeps_one_a_day_and_the_limit_of_each() -> None:
    at = make.division()
    by, team = worker(at), make.team(division=at)
    willing(of=make.person(division=at))
    for days in (2, 2, 3, 4, 5, 6):
        make.post(make.activity(team, starts_at=tomorrow(9, days)), places=1)
    plan = plan_of(at, by, days=7)
    assert plan.figures["certified"]
    found = Proposal.objects.filter(plan=plan).select_related("post__activity")
    days_taken = [local_date(p.post.activity.starts_at) for p in found]
    assert len(days_taken) == len(set(days_taken)) == 3
    assert services.send_plan(plan=plan, by=by, now=timezone.now()) == (3, 0)


def test_plans_are_for_those_who_assign_there() -> None:
    at = make.division()
    elsewhere = worker(make.division(district=make.OTHER_DISTRICT))
    with pytest.raises(Denied):
        plan_of(at, elsewhere)
    plan = plan_of(at, worker(at))
    assert not MatchPlan.objects.visible_to(elsewhere).exists()
    for deed in (services.send_plan, services.discard_plan):
        with pytest.raises(Denied):
            deed(plan=plan, by=elsewhere, now=timezone.now())
    with pytest.raises(Refused):
        services.make_plan(
            division=at,
            first_day=local_date(timezone.now()) - timedelta(days=1),
            days=1,
            weights=Weights(),
            by=worker(at),
            now=timezone.now(),
        )


def test_a_large_plan_is_computed_by_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    from qunli.volunteering.services import matching

    monkeypatch.setattr(matching, "AT_ONCE", 0)
    at = make.division()
    willing(of=make.person(division=at))
    plan = plan_of(at, worker(at))
    assert plan.state == "queued"
    tasks.compute.func(plan.pk)
    plan.refresh_from_db()
    assert plan.state == "ready"


def test_a_consent_that_is_withdrawn_counts_at_once() -> None:
    post = make.post()
    me, by = willing(), leader_of(post)
    pool.forget()
    found = finding.whom_to_ask(post=post, actor=by, now=timezone.now())
    services.set_matching(
        volunteer=me, agrees=False, reach=5, weekly_limit=1, paused_until=None, by=Self(me.person_id), now=timezone.now()
    )
    assert not Consent.objects.filter(person=me.person, purpose=Purpose.MATCHING, withdrawn_at=None).exists()
    assert services.invite(post=post, chosen=found, by=by, now=timezone.now()) == (0, 1)
    assert finding.whom_to_ask(post=post, actor=by, now=timezone.now()) == [], (
        "the columns still hold the person; the database does not"
    )
    with pytest.raises(Denied):
        services.set_matching(
            volunteer=me, agrees=True, reach=5, weekly_limit=1, paused_until=None, by=Self(make.person().pk), now=timezone.now()
        )


def test_a_waiting_request_raises_the_need_of_its_community_for_its_kind() -> None:
    """Until it is answered, or became another activity; of another kind or another community it says nothing."""
    now = timezone.now()
    team = make.team(division=make.division())
    kind = {"category": "elderly", "places": 10, "taken": 10}
    posts = [make.post(make.activity(team, starts_at=tomorrow(9, days), **kind)) for days in (3, 4)]
    other = make.post(make.activity(team, starts_at=tomorrow(9, 5), **(kind | {"category": "law"})))
    away = make.team(division=make.division(nth=6))
    far = make.post(make.activity(away, starts_at=tomorrow(9, 6), **kind))

    def needs() -> list[int]:
        found = reading.openings(now, reading.plane())
        by_post = dict(zip(found.columns.post.tolist(), found.columns.need.tolist(), strict=True))
        return [by_post[post.pk] for post in (*posts, other, far)]

    before = needs()
    resident = make.person(division=team.division)
    wish = Wish(matter="company", division=team.division, text="想有人来陪我说说话。")
    case = ask(wish=wish, requester=resident, by=actor_of(make.account(resident), local_date(now)), now=now)
    raised = [min(1000, before[n] + 200) for n in (0, 1)]
    assert raised != before[:2]
    assert needs() == [*raised, *before[2:]]
    ResidentRequest.objects.filter(case=case).update(activity=posts[0].activity)
    assert needs() == [raised[0], *before[1:]]
    me = willing(of=make.person(division=team.division))
    why = finding.standings(activity=posts[0].activity, volunteer=me, now=now)[0].match
    assert {part.name: part.value for part in why.parts}["need"] == raised[0]
    assert any("居民点单" in line["text"] for line in why.why)
    Case.objects.filter(pk=case.pk).update(state="withdrawn")
    assert needs() == before
