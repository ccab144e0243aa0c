"""What a refusal does to the next day's plan: never the same activity again, and its reason counts for as long as the rules say."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from qunli.kernel.clock import local_date
from qunli.rules import services as rules
from qunli.volunteering import services
from qunli.volunteering.matching import pool
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.models import Invitation, Proposal
from tests import factories as make
from tests.volunteering.test_invitations import plan_of, tomorrow, willing, worker
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Any:
    pool.forget()
    yield
    pool.forget()


def proposed(plan: Any) -> set[tuple[int, int]]:
    return set(Proposal.objects.filter(plan=plan).values_list("person", "post__activity"))


def test_a_plan_never_offers_again_what_was_declined() -> None:
    at = make.division()
    by, team = worker(at), make.team(division=at)
    me, other = (willing(of=make.person(division=at)) for _n in range(2))
    post = make.post(make.activity(team, starts_at=tomorrow(9, 2)), places=2)
    first = plan_of(at, by)
    assert proposed(first) == {(me.person_id, post.activity_id), (other.person_id, post.activity_id)}
    services.send_plan(plan=first, by=by, now=timezone.now())
    services.decline(
        invitation=Invitation.objects.get(person=me.person_id), reason="other", by=Self(me.person_id), now=timezone.now()
    )
    third = willing(of=make.person(division=at))
    second = plan_of(at, by)
    assert second.figures["places"] == 1, "the place of who has not answered is kept, that of who declined is free again"
    assert proposed(second) == {(third.person_id, post.activity_id)}
    assert services.send_plan(plan=second, by=by, now=timezone.now()) == (1, 0)


@pytest.mark.parametrize(("reason", "other"), [("no_time", {"hour": 15}), ("not_interested", {"category": "culture"})])
def test_the_reason_counts_in_the_plan_of_another_day_until_it_is_forgotten(reason: str, other: dict[str, Any]) -> None:
    """Not the same kind again, but another is offered; after `remember_days` of the rule set both are."""
    at = make.division()
    by, team = worker(at), make.team(division=at)
    me = willing(of=make.person(division=at))
    declined = make.post(make.activity(team, starts_at=tomorrow(9, 2), category="elderly"), places=1)
    services.send_plan(plan=plan_of(at, by), by=by, now=timezone.now())
    services.decline(invitation=Invitation.objects.get(), reason=reason, by=Self(me.person_id), now=timezone.now())

    def offered(day: date, same: int, different: int) -> set[int]:
        made = services.make_plan(division=at, first_day=day, days=1, weights=Weights(), by=by, now=timezone.now())
        return {activity for _person, activity in proposed(made)} & {same, different}

    week = 2 + 7  # the same day of the week
    same = make.post(make.activity(team, starts_at=tomorrow(9, week), category="elderly"), places=1).activity_id
    assert offered(local_date(tomorrow(9, week)), same, 0) == set()
    hour, category = other.get("hour", 9), other.get("category", "elderly")
    different = make.post(make.activity(team, starts_at=tomorrow(hour, week), category=category), places=1).activity_id
    assert offered(local_date(tomorrow(9, week)), same, different) == {different}
    remembered = timedelta(days=int(rules.parameters("matching", on=local_date(timezone.now()))["remember_days"]))
    Invitation.objects.filter(post=declined).update(created_at=timezone.now() - remembered - timedelta(days=1))
    different_post = make.post(make.activity(team, starts_at=tomorrow(9, week + 7), category="elderly"), places=1)
    assert offered(local_date(tomorrow(9, week + 7)), different_post.activity_id, 0) == {different_post.activity_id}
