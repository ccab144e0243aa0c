"""The class of confidence: by the rules of the day, from what is on record, one by one and in columns alike."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.rules.services import evaluate_columns
from qunli.service_hours.integrity.evidence import confidence_of, facts_of
from qunli.service_hours.models import ServiceRecord
from tests import factories
from tests.roles import client_of
from tests.service_hours.conftest import START, World

CASES = [
    # in, out, metres in, metres out, minutes; class, rule that decides
    ("code", "code", None, None, 120, "B", "on-the-spot"),
    ("code", "place", None, 80, 120, "A", "several"),
    ("place", "code", 80, None, 120, "A", "several"),
    ("place", "leader", 80, None, 120, "B", "on-the-spot"),
    ("place", "place", 80, 700, 120, "D", "nothing"),
    ("place", "place", 80, 90, 120, "C", "single"),
    ("leader", "leader", None, None, 120, "C", "single"),
    ("code", "place", None, 80, 181, "D", "over-plan"),
    ("code", "place", None, 80, 180, "A", "several"),
]


@pytest.mark.parametrize(("way_in", "way_out", "metres_in", "metres_out", "minutes", "grade", "rule"), CASES)
def test_classes(
    world: World, way_in: str, way_out: str, metres_in: int | None, metres_out: int | None, minutes: int, grade: str, rule: str
) -> None:
    record = world.verified(world.volunteer())
    record.in_method, record.out_method, record.minutes = way_in, way_out, minutes
    record.in_distance, record.out_distance = metres_in, metres_out
    found = confidence_of(record)
    assert found is not None
    assert (found.grade, found.reasons[-1].holds) == (grade, "yes")
    assert all(reason.holds == "no" for reason in found.reasons[:-1])
    assert found.rules == "default 2026-01-01"


def test_a_leader_is_no_witness_of_oneself(world: World) -> None:
    record = world.verified(world.volunteer())
    assert facts_of(record)["leader"]
    record.person = world.leader
    assert not facts_of(record)["leader"]
    graded = confidence_of(record)
    assert graded is not None
    assert graded.grade == "D"


def test_none_before_the_sign_out(world: World) -> None:
    assert confidence_of(world.present(world.volunteer())) is None


ROW = st.fixed_dictionaries(
    {
        "in_method": st.sampled_from(["code", "place", "leader"]),
        "out_method": st.sampled_from(["code", "place", "leader", ""]),
        "in_distance": st.none() | st.integers(0, 1000),
        "out_distance": st.none() | st.integers(0, 1000),
        "minutes": st.integers(0, 400),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_columns_give_the_same_classes(world: World, rows: list[dict[str, object]]) -> None:
    """So a whole city is graded by the columns of the same facts."""
    sample = ServiceRecord(activity=world.activity, person=world.officer, recorded_by=world.leader, signed_in_at=START)
    sample.signed_out_at, sample.pk = START, 10**12
    facts, one_by_one = [], []
    for row in rows:
        for name, value in row.items():
            setattr(sample, name, value)
        graded = confidence_of(sample)
        assert graded is not None
        facts.append(facts_of(sample))
        one_by_one.append(graded.grade)
    columns = {name: [each[name] for each in facts] for name in facts[0]}
    assert evaluate_columns("hour-confidence", columns, on=START.date()).result("confidence") == one_by_one


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "只有一项证据"), ("en", "One kind of evidence only")])
def test_the_page_says_why(world: World, language: str, words: str) -> None:
    person = world.volunteer()
    record = world.verified(person)
    browser = client_of(factories.account(person), language=language)
    page = browser.get(f"/records/{record.pk}/").content.decode()
    assert words in page
    assert "default 2026-01-01" in page


def test_programs_get_it_with_the_facts(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    address = f"/api/v1/service_hours/records/{record.pk}/confidence"
    told = client_of(factories.account(person)).get(address).json()
    assert (told["grade"], told["facts"]["leader"], told["facts"]["photo"]) == ("C", True, False)
    assert told["reasons"][-1]["holds"] == "yes"
    assert client_of(factories.account(world.volunteer())).get(address).status_code == 404
