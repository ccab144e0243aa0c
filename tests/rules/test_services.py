"""The doors of the room on the rules that come with it."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from qunli.kernel.errors import Refused
from qunli.rules import services
from qunli.rules.enums import Verdict

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 5)


def test_stars_with_their_approval() -> None:
    found = services.evaluate("volunteer-stars", {"verified_minutes": 600 * 60}, on=DAY)
    assert found.verdict == Verdict.YES
    assert found.results == {"stars": 3, "approval": "city", "next_in": 400}
    assert found.applied == ("three-stars",)
    assert services.evaluate("volunteer-stars", {"verified_minutes": 100 * 60 - 1}, on=DAY).verdict == Verdict.NO


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({"rotating_code": True, "place": True}, "A"),
        ({"served_person_confirmed": True, "photo": True}, "A"),
        ({"rotating_code": True}, "B"),
        ({"place": True, "leader": True}, "B"),
        ({"leader": True}, "C"),
        ({}, "D"),
    ],
)
def test_confidence_by_evidence(evidence: dict[str, bool], expected: str) -> None:
    served = ("served_person_confirmed", "served_person_denied")
    nothing = dict.fromkeys(("rotating_code", "sent_late", "place", "leader", "photo", *served), False)
    facts = {**nothing, **evidence, "minutes": 120, "planned_minutes": 120}
    assert services.evaluate("hour-confidence", facts, on=DAY).results["confidence"] == expected
    assert services.evaluate("hour-confidence", facts | {"minutes": 181}, on=DAY).results["confidence"] == "D"


def test_what_is_missing_is_asked_from_the_cheapest() -> None:
    told = {"sent_late": False, "served_person_denied": False}
    facts = told | {"rotating_code": False, "place": False, "minutes": 120, "planned_minutes": 120}
    found = services.evaluate("hour-confidence", facts, on=DAY)
    assert found.verdict == Verdict.UNKNOWN
    assert found.missing == ("leader", "photo", "served_person_confirmed")
    assert found.question == "leader"
    enough = told | {"rotating_code": True, "place": True, "minutes": 1, "planned_minutes": 60}
    settled = services.evaluate("hour-confidence", enough, on=DAY)
    assert (settled.results["confidence"], settled.missing) == ("A", ())


def test_a_child_needs_the_activity_and_the_guardian() -> None:
    facts = {
        "age": 12, "admits_children": True, "guardian_consent": True, "post_min_age": 8, "post_max_age": 150, "licences": [],
        "post_licences": [], "post_needs_training": False, "danger": False, "risks_told": True,
    }  # fmt: skip
    assert services.evaluate("post-eligibility", facts, on=DAY).verdict == Verdict.YES
    refused = services.evaluate("post-eligibility", facts | {"guardian_consent": False}, on=DAY)
    assert [rule.key for rule in refused.rules if rule.verdict == Verdict.NO] == ["children", "minors"]
    sixteen = facts | {"age": 16, "guardian_consent": False, "own_income": True}
    assert services.evaluate("post-eligibility", sixteen, on=DAY).verdict == Verdict.YES
    nurse = services.evaluate("post-eligibility", facts | {"post_licences": ["nurse"]}, on=DAY)
    assert [rule.key for rule in nurse.rules if rule.verdict == Verdict.NO] == ["licences"]


def test_what_does_not_count() -> None:
    facts = {
        "public_benefit": True, "voluntary": True, "paid_by_served": False, "paid_work": False, "subsidy": 0, "own_interest": False,
        "nature": "service",
    }  # fmt: skip
    assert services.evaluate("service-counts", facts, on=DAY).verdict == Verdict.YES
    assert services.evaluate("service-counts", facts | {"nature": "internship"}, on=DAY).verdict == Verdict.NO
    paid = services.evaluate("service-counts", facts | {"paid_work": True}, on=DAY)
    assert (paid.verdict, paid.missing) == (Verdict.UNKNOWN, ("in_working_hours",))
    rich = facts | {"subsidy": Decimal("150.01"), "own_cost": 100}
    assert services.evaluate("service-counts", rich, on=DAY).verdict == Verdict.NO
    assert services.evaluate("service-counts", rich | {"subsidy": 150}, on=DAY).verdict == Verdict.YES


def test_findings_stand_each_for_itself() -> None:
    found = services.evaluate("hour-integrity", {"minutes_on_day": 1441, "recorder_is_volunteer": True, "distance": 20}, on=DAY)
    assert found.applied == ("over-day", "own-recorder")
    by_key = {rule.key: rule for rule in found.rules}
    assert by_key["over-day"].results == {"severity": "impossible"}
    assert by_key["elsewhere"].verdict == Verdict.NO
    assert by_key["overlap"].verdict == Verdict.UNKNOWN


def test_parameters_by_name() -> None:
    found = services.parameters("hour-integrity", on=DAY)
    assert found["max_hours_a_day"] == 24
    assert found["over_plan_factor"] == Decimal("1.50")
    assert services.parameters("invitations", on=DAY) == {"cap_a_week": 3}


def test_columns_of_integrity() -> None:
    found = services.evaluate_columns(
        "hour-integrity",
        {"minutes": np.array([180, 181, 60]), "planned_minutes": np.array([120, 120, 0]), "on_duty": [None, True, False]},
        on=DAY,
    )
    assert found.rules["over-plan"].tolist() == [0, 1, 1]
    assert found.rules["on-duty"].tolist() == [-1, 1, 0]
    assert found.rules["overlap"].tolist() == [-1, -1, -1]


def test_mistakes_of_the_caller_name_the_fact() -> None:
    with pytest.raises(Refused) as refused:
        services.evaluate("volunteer-stars", {"verified_minuets": 1}, on=DAY)
    assert (refused.value.code, refused.value.field) == ("unknown_fact", "verified_minuets")
    with pytest.raises(Refused) as refused:
        services.evaluate("volunteer-stars", {"verified_minutes": -1}, on=DAY)
    assert (refused.value.code, refused.value.field) == ("fact", "verified_minutes")
    with pytest.raises(Refused) as refused:
        services.evaluate_columns("volunteer-stars", {"verified_minutes": np.array([5, 7, -1])}, on=DAY)
    assert refused.value.facts == {"row": 2}
    with pytest.raises(Refused) as refused:
        services.evaluate("volunteer-stars", {}, on=date(2001, 1, 1))
    assert refused.value.code == "no_rules"


def test_clocks_of_cases() -> None:
    days = [
        services.evaluate("case-clocks", {"case_nature": n}, on=DAY).results for n in ("consultation", "suggestion", "complaint")
    ]
    assert [found["reply_days"] for found in days] == [3, 7, 15]
    assert services.evaluate("case-acceptance", {"case_circumstance": "litigation"}, on=DAY).applied == ("litigation",)
    assert services.evaluate("case-acceptance", {"case_circumstance": "ordinary"}, on=DAY).applied == ()
