"""Pages of postings, the refusal that explains itself, and the check of roles.toml."""

from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qunli.access import checks
from qunli.access.models import Posting
from qunli.access.roles import BOOK, ROLES, Book
from qunli.audit.models import Event
from qunli.divisions.models import Division
from qunli.volunteering.models import Team
from tests.factories import DISTRICT, OTHER_DISTRICT, person, posting, team
from tests.roles import client_of, person_of

pytestmark = pytest.mark.django_db


def street(district: str = DISTRICT) -> Division:
    root = Division.objects.get(code=district, valid_to=None)
    return Division.objects.filter(path__startswith=root.path, level=3, valid_to=None)[0]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("page", ["postings", "grant", "roles"])
def test_pages_are_shown_to_an_officer(page: str, language: str) -> None:
    account, _place = person_of("district_officer")
    assert client_of(account, language=language).get(reverse(f"access:{page}")).status_code == 200


def test_a_leader_is_listed_with_the_teams_name() -> None:
    """Not by its number; all names of a page from one query, those of dissolved teams too; an unknown unit stays as it is."""
    account, place = person_of("district_officer")
    teams = [team(name=name, division=place) for name in ("红星路社区志愿服务队", "锦江应急队")]
    leaders = [posting(person(), "team_leader", place, unit=f"team:{each.pk}") for each in teams]
    posting(person(), "team_leader", place, unit="team:999999999")
    Team.objects.filter(pk=teams[1].pk).update(state="dissolved")
    browser = client_of(account)
    with CaptureQueriesContext(connection) as asked:
        listed = browser.get(reverse("access:postings")).content.decode()
    for each in teams:
        assert each.name in listed
        assert f"team:{each.pk}" not in listed
    assert "team:999999999" in listed
    assert sum('"volunteering_team"' in query["sql"] for query in asked) == 1
    assert teams[0].name in browser.get(reverse("access:end", args=[leaders[0].pk])).content.decode()


def test_an_appointment_is_given_listed_and_ended_in_the_pages() -> None:
    account, _place = person_of("district_officer")
    browser = client_of(account)
    colleague = person(name="陈明")
    form = {
        "phone": str(colleague.phone),
        "name": "陈明",
        "role": "street_officer",
        "division": street().code,
        "unit": "",
        "valid_from": "2026-01-01",
        "valid_to": "",
        "reason": "锦委〔2026〕1号",
    }
    assert browser.post(reverse("access:grant"), form).status_code == 302
    posting = Posting.objects.get(person=colleague)
    assert (posting.granted_by_id, posting.reason) == (account.person_id, "锦委〔2026〕1号")
    listed = browser.get(reverse("access:postings")).content.decode()
    assert "陈" in listed
    assert "陈明" not in listed
    url = reverse("access:end", args=[posting.pk])
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"on": "2026-02-01", "reason": "调任"}).status_code == 302
    posting.refresh_from_db()
    assert posting.valid_to == date(2026, 2, 1)
    assert set(Event.objects.filter(subject=f"person:{colleague.pk}").values_list("verb", flat=True)) >= {
        "access.grant",
        "access.end",
    }
    assert browser.get(reverse("access:postings"), {"ended": "1", "role": "street_officer"}).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone": "12"}, "phone"),
        ({"name": "别人"}, "phone"),
        ({"division": "999999999999"}, "division"),
        ({"valid_to": "2025-01-01"}, "valid_to"),
        ({"role": "city_officer"}, "role"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_wrong_input_is_said_at_its_field_and_nothing_is_granted(change: dict[str, str], field: str) -> None:
    account, _place = person_of("district_officer")
    colleague = person(name="陈明")
    form = {"phone": str(colleague.phone), "name": "陈明", "role": "street_officer", "division": street().code}
    form |= {"valid_from": "2026-01-01", "valid_to": "", "reason": "x", "unit": ""} | change
    answer = client_of(account).post(reverse("access:grant"), form)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Posting.objects.filter(person=colleague).exists()


def test_outside_of_ones_range_nothing_is_granted_or_ended() -> None:
    account, _place = person_of("district_officer")
    browser = client_of(account)
    colleague = person(name="陈明")
    form = {"phone": str(colleague.phone), "name": "陈明", "role": "street_officer", "division": street(OTHER_DISTRICT).code}
    form |= {"valid_from": "2026-01-01", "reason": "x"}
    assert "division" in browser.post(reverse("access:grant"), form).context["form"].errors
    far, _place = person_of("street_officer", street(OTHER_DISTRICT))
    posting = Posting.objects.get(person=far.person)
    assert browser.post(reverse("access:end", args=[posting.pk]), {"on": "2026-02-01", "reason": "x"}).status_code == 404


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_refusal_names_what_was_tried_the_roles_and_who_grants_them(language: str) -> None:
    officer, _place = person_of("street_officer", name="王建国")
    account, _place = person_of("resident", division=street())
    answer = client_of(account, language=language).get(reverse("access:postings"))
    assert answer.status_code == 403
    assert answer.context["permission"] == "access.view_postings"
    assert "community_worker" in [role.key for role in answer.context["roles"]]
    assert [row["name"] for row in answer.context["granters"]]
    assert "王建国" not in answer.content.decode()
    assert officer.person


def test_roles_toml_and_the_rooms_say_the_same() -> None:
    assert checks.check_roles() == []
    assert {room for room, _permission in checks.declared()} >= {
        "access",
        "audit",
        "divisions",
        "people",
        "volunteering",
        "service_hours",
    }


def test_a_difference_is_found_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        checks, "declared", lambda: iter([("people", "people.see"), ("people", "people.fly"), ("people", "other.x")])
    )
    found = {(message.id, message.msg.split("'")[1]) for message in checks.check_roles()}
    assert ("access.E002", "people.fly") in found
    assert ("access.E001", "audit.search") in found
    assert ("access.E003", "other.x") in found


@pytest.mark.parametrize(
    "text",
    [
        '[roles]\n[permissions.people]\nsee = ["ghost"]',
        '[roles]\n[permissions.people]\nsee = ["@ghosts"]',
        '[roles.a]\nzh = "a"\nen = "a"\nabout_zh = "a"\nabout_en = "a"\nlevels = []\ngranted_by = ["ghost"]',
    ],
)
def test_a_role_that_does_not_exist_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="no role or group"):
        Book(text)


def test_roles_keep_to_the_rules_of_the_house() -> None:
    """System and security administrators see no personal data; officers need a second factor; nobody grants above the own level."""
    personal = {"people.see", "people.unmask", "people.export", "volunteering.see_names", "service_hours.see"}
    for key in ("system_administrator", "security_administrator", "auditor"):
        assert not personal & ROLES[key].permissions, key
    for key in (
        "street_officer",
        "district_officer",
        "city_officer",
        "supervisor",
        "auditor",
        "system_administrator",
        "security_administrator",
    ):
        assert ROLES[key].second_factor, key
    for role in ROLES.values():
        assert role.key not in role.granted_by
        assert role.names["zh"]
        assert role.names["en"]
        for granter in role.granted_by:
            if role.levels and not role.unit:
                assert min(ROLES[granter].levels) <= max(role.levels), (role.key, granter)


def test_every_permission_of_a_scope_exists() -> None:
    assert {permission for held in BOOK.scopes.values() for permission in held} <= BOOK.declared


def test_the_first_administrator_is_appointed_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    colleague = person()
    call_command("appoint", str(colleague.phone), "security_administrator", "510100000000", reason="市委任命")
    assert Posting.objects.get(person=colleague).role == "security_administrator"
    with pytest.raises(CommandError, match="exactly one"):
        call_command("appoint", "+8613912345678", "security_administrator", "510100000000")
    with pytest.raises(CommandError, match="510199"):
        call_command("appoint", str(colleague.phone), "city_officer", "510199000000")
    with pytest.raises(CommandError, match="不同的人"):
        call_command("appoint", str(colleague.phone), "auditor", "510100000000")


def test_signing_in_as_everybody_needs_no_posting() -> None:
    account, _place = person_of("resident")
    answer: Any = client_of(account).get(reverse("access:roles"))
    assert answer.status_code == 200
    assert ROLES["volunteer"].names["zh"] in answer.content.decode()
