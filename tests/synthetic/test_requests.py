"""Requests of the synthetic city: every state, in order by the nightly check, counted by the triggers, the same twice."""

from datetime import date

import pytest

from qunli.cases.checking import check_cases
from qunli.cases.enums import CaseState
from qunli.cases.models import Case, Tally
from qunli.synthetic import requests
from tests import factories

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 24)


def test_in_all_states_and_in_order() -> None:
    for nth in range(3):
        team = factories.team(division=factories.division(nth=nth))
        factories.leader(team)
        factories.membership(factories.volunteer(factories.person(division=team.division)), team)
    assert requests.write(scale=0.02, seed=1, today=TODAY) == 800
    states = set(Case.objects.values_list("state", flat=True))
    assert states >= set(CaseState.values) - {"visited_back"}, "a visit back that reached nobody is archived at once"
    found = check_cases(TODAY)
    assert found.errors == []
    assert sum(Tally.objects.values_list("received", flat=True)) == 800
    numbers = list(Case.objects.order_by("number").values_list("number", "state"))
    assert len(numbers) == 800


def test_nothing_without_teams() -> None:
    assert requests.write(scale=0.01, seed=1, today=TODAY) == 0
