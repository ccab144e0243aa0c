"""The sign-up statement, the panel beside it and the rules "post-eligibility" say the same of every age and consent."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.kernel.clock import SHANGHAI, local_date
from qunli.people import selectors as people
from qunli.people.identity import age_on
from qunli.rules import services as rules
from qunli.rules.enums import Verdict
from qunli.volunteering import eligibility, selectors, services
from tests import factories as make
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db

NOW = datetime(2028, 2, 27, 9, tzinfo=SHANGHAI)
DAYS = st.sampled_from([date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2028, 3, 2)])
BORN = st.one_of(
    st.dates(date(1950, 1, 1), date(2023, 1, 1)),
    st.builds(
        lambda age, off: date(2028, 2, 29).replace(year=2028 - age, day=28) + timedelta(days=off),
        st.integers(6, 20),
        st.integers(-2, 3),
    ),
    st.sampled_from([date(2008, 2, 29), date(2012, 2, 29), date(2016, 2, 29)]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    born=BORN,
    day=DAYS,
    min_age=st.sampled_from([0, 8, 13, 14, 16, 18]),
    room=st.one_of(st.none(), st.integers(0, 60)),
    consent=st.booleans(),
    own_income=st.booleans(),
)
def test_statement_panel_and_rules_agree(
    born: date, day: date, min_age: int, room: int | None, consent: bool, own_income: bool
) -> None:
    with transaction.atomic():
        # What is recorded as checked of own income counts from 16 on; a row of a younger person stands for a mistake of the data.
        person = make.volunteer(
            make.person(birth_date=born, self_supporting_on=born + timedelta(days=1) if own_income else None)
        ).person
        if consent:
            make.consent(person, "minor", given_at=NOW)
        starts_at = datetime.combine(day, NOW.time(), SHANGHAI)
        max_age = None if room is None else min_age + room
        activity = make.activity(starts_at=starts_at, min_age=min_age, max_age=max_age)
        post = make.post(activity)
        facts: dict[str, Any] = {
            "age": age_on(born, day),
            "post_min_age": min_age,
            "post_max_age": 150 if max_age is None else max_age,
            "admits_children": min_age < 14,
            "guardian_consent": consent,
            "own_income": own_income,
            "licences": [],
            "post_licences": [],
            "post_needs_training": False,
            "danger": False,
            "risks_told": True,
        }
        expected = rules.evaluate("post-eligibility", facts, on=day)
        panel = selectors.standings_of(activity=activity, posts=[post], person_id=person.pk, now=NOW)[0]
        outcome = services.sign_up(post=post.pk, by=Self(person.pk), now=NOW)
        assert outcome.accepted == (expected.verdict == Verdict.YES), (outcome.code, expected.data())
        assert panel.ready == outcome.accepted
        if not outcome.accepted:
            assert outcome.code in {check.code for check in panel.missing}
            broken = {rule.key for rule in expected.rules if rule.verdict == Verdict.NO}
            assert (outcome.code in ("too_young", "too_old")) == (eligibility.AGE in broken)
        transaction.set_rollback(True)


def test_the_ages_in_the_code_are_those_of_the_rules() -> None:
    today = rules.parameters("post-eligibility", on=local_date(timezone.now()))
    assert (today["adult_from"], today["own_income_from"], today["child_below"]) == (people.ADULT, people.OWN_INCOME, people.CHILD)


def test_the_panel_cites_the_clauses() -> None:
    activity = make.activity(min_age=10)
    child = make.volunteer(make.person(birth_date=local_date(activity.starts_at) - timedelta(days=12 * 366))).person
    standing = selectors.standings_of(activity=activity, posts=[make.post(activity)], person_id=child.pk, now=timezone.now())[0]
    missing = {check.code: check.clause for check in standing.missing}
    assert "《个人信息保护法》第三十一条" in missing["consent_missing"]
