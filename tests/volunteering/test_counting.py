"""What counts as voluntary service: asked when an activity is submitted, decided and kept when it is approved."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from qunli.access.selectors import actor_of
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.rules import services as rules
from qunli.rules.enums import Verdict
from qunli.rules.models import Decision
from qunli.volunteering import counting, services
from qunli.volunteering.enums import Nature
from qunli.volunteering.models import Activity
from tests import factories as make
from tests.roles import client_of

pytestmark = pytest.mark.django_db


def draft(**more: Any) -> tuple[Activity, Any]:
    """A draft with a post, and its leader as an actor."""
    team = make.team()
    leader = make.leader(team)
    activity = make.activity(team, state="draft", **more)
    make.post(activity)
    return activity, actor_of(leader.person, local_date(timezone.now()))


@pytest.mark.parametrize(
    ("values", "field", "clause"),
    [
        ({"nature": "internship"}, "nature", "不计入情形"),
        ({"nature": "internal_management"}, "nature", "不计入情形"),
        ({"subsidy": Decimal("30.01"), "own_cost": Decimal(20)}, "subsidy", "不计入情形"),
        ({"service_declared": False}, "service_declared", "请确认"),
    ],
)
def test_what_does_not_count_is_not_submitted(values: dict[str, Any], field: str, clause: str) -> None:
    activity, leader = draft(**values)
    with pytest.raises(Refused, match=clause) as refused:
        services.submit_activity(activity=activity, by=leader, now=timezone.now())
    assert refused.value.field == field
    activity.refresh_from_db()
    assert activity.state == "draft"


def test_the_decision_is_kept_with_its_clauses_and_replayed() -> None:
    activity, leader = draft(subsidy=Decimal(30), own_cost=Decimal(20))
    services.submit_activity(activity=activity, by=leader, now=timezone.now())
    assert not Decision.objects.exists()
    services.approve_activity(activity=activity, by=SYSTEM, now=timezone.now())
    decision = Decision.objects.get(subject=f"activity:{activity.pk}")
    assert (decision.version.key, decision.division_id) == ("service-counts", activity.division_id)
    facts = rules.facts_of(decision)
    assert (facts["subsidy"], facts["nature"]) == ("30.00", "service")
    replay = rules.replay(decision)
    assert replay.same
    assert replay.answer.missing == ("paid_work", "in_working_hours"), "what only each person can say"


def test_another_day_is_decided_anew() -> None:
    activity, leader = draft()
    services.submit_activity(activity=activity, by=leader, now=timezone.now())
    services.approve_activity(activity=activity, by=SYSTEM, now=timezone.now())
    values = services.ActivityValues.of(activity)
    posts = [services.PostValues(p.name, p.places, list(p.skills), p.pk) for p in activity.posts.all()]
    later = replace(values, starts_at=values.starts_at + timedelta(days=7), ends_at=values.ends_at + timedelta(days=7))
    services.change_activity(activity=activity, values=later, posts=posts, reason="改期", by=leader, now=timezone.now())
    days = list(Decision.objects.filter(subject=f"activity:{activity.pk}").order_by("id").values_list("on", flat=True))
    assert days == [local_date(values.starts_at), local_date(later.starts_at)]


def test_who_leads_and_who_decides_see_what_was_declared(as_role: Callable[..., Any]) -> None:
    activity, leader = draft(subsidy=Decimal(12), own_cost=Decimal(12))
    services.submit_activity(activity=activity, by=leader, now=timezone.now())
    officer = as_role("street_officer", activity.division.parent)
    address = reverse("volunteering:activity", args=[activity.pk])
    assert "队伍已确认" in officer.get(address).content.decode()
    officer.post(reverse("volunteering:approve", args=[activity.pk]))
    page = officer.get(address).content.decode()
    link = reverse("rules:decision", args=[Decision.objects.get().pk])
    assert link in page
    told = officer.get(link).content.decode()
    assert "补贴不明显高于本人支出" in told
    assert "队伍已确认" not in as_role("volunteer").get(address).content.decode()


def test_a_mistake_stands_at_its_field() -> None:
    activity, _leader = draft(nature="meeting")
    leader = activity.team.memberships.get(leader=True).volunteer.person
    answer = client_of(make.account(leader)).post(reverse("volunteering:submit", args=[activity.pk]), follow=True)
    assert "按规定不算志愿服务" in answer.content.decode()


@given(
    st.sampled_from(Nature.values),
    st.decimals(0, 200, places=2),
    st.decimals(0, 200, places=2),
    st.booleans(),
)
def test_submitted_exactly_when_no_rule_is_broken_and_it_is_declared(
    nature: str, subsidy: Decimal, own_cost: Decimal, declared: bool
) -> None:
    activity = Activity(nature=nature, subsidy=subsidy, own_cost=own_cost, service_declared=declared, starts_at=timezone.now())
    said = rules.evaluate("service-counts", counting.facts_of(activity), on=timezone.now().date())
    try:
        counting.require_service(activity)
        passed = True
    except Refused:
        passed = False
    assert passed == (declared and said.verdict != Verdict.NO)
    assert passed == (declared and nature == "service" and (subsidy == 0 or subsidy <= own_cost * Decimal("1.5")))
