"""The nightly check finds what the database cannot hold, and what was planted past it."""

from datetime import date

import pytest
from django.db import connection

from qunli.cases.checking import check_cases
from qunli.cases.models import Case
from tests import factories
from tests.cases.conftest import Place

pytestmark = pytest.mark.django_db


def test_the_nightly_check(place: Place) -> None:
    case = place.taken()
    place.replied()
    assert check_cases(date(2026, 3, 6)).errors == []
    factories.posting(place.rival, "team_leader", place.community, unit="team:999999")
    Case.objects.filter(pk=case.pk).update(owner_unit="team:424242")
    assert check_cases(date(2026, 3, 6)).errors == [f"{case.number}: owned by a unit that nobody leads"]


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("state = 'archived', rated_at = NULL, solved = NULL, satisfied = NULL", "closed without rating or three failed contacts"),
        ("reply_id = NULL", "answered without a reply"),
        ("due_on = NULL", "open without owner or deadline"),
        ("owner_division_id = NULL", "open without owner or deadline"),
        (
            "state = 'archived', failed_contacts = 3, failed_first_at = now(), failed_last_at = now()",
            "closed after failed contacts that lie too close together",
        ),
    ],
)
def test_the_nightly_check_finds_what_was_planted_past_the_database(place: Place, planted: str, found: str) -> None:
    """Guards and constraints are taken away for the planting, as somebody with the database's own rights could."""
    case = place.replied()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'cases_case'::regclass AND contype = 'c'")
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE cases_case DROP CONSTRAINT "{name}"')
        cursor.execute("ALTER TABLE cases_case ALTER due_on DROP NOT NULL, ALTER owner_division_id DROP NOT NULL")
        cursor.execute("ALTER TABLE cases_case DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE cases_case SET {planted} WHERE id = %s", [case.pk])  # noqa: S608
    assert f"{case.number}: {found}" in check_cases(date(2026, 3, 6)).errors
