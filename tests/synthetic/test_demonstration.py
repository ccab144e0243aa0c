"""The people by whom the demonstration is tried: one of each role, a day in every state, signed in by command."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from qunli.access.roles import ROLES
from qunli.access.selectors import actor_of
from qunli.kernel.clock import local_date
from qunli.service_hours.models import ServiceRecord
from qunli.synthetic.demonstration import building, signing_in
from qunli.volunteering.models import Activity

pytestmark = pytest.mark.django_db


@pytest.fixture
def demonstration(settings: Any) -> None:
    settings.DEMO = True
    building.build(now=timezone.now())


def test_every_role_of_the_roles_file_has_a_person() -> None:
    assert [one["role"] for one in signing_in.sign_ins()] == list(ROLES)


def test_a_day_stands_in_every_state(demonstration: None) -> None:
    now = timezone.now()
    assert set(Activity.objects.values_list("state", flat=True)) == {
        "draft", "submitted", "returned", "published", "cancelled", "closed",
    }  # fmt: skip
    assert {"present", "draft", "submitted", "verified", "confirmed", "disputed", "corrected"} == set(
        ServiceRecord.objects.values_list("state", flat=True)
    )
    running = Activity.objects.get(state="published", starts_at__lte=now, ends_at__gt=now)
    mine = running.sign_ups.get(person=building.account_of("0002").person)
    assert mine.state == "confirmed", "so that signing in can be tried"
    full = Activity.objects.get(title__startswith="院坝里的健康日")
    assert full.sign_ups.filter(state="waiting").exists()


def test_each_role_signs_in_with_cookie_and_token(demonstration: None) -> None:
    for role, about in ROLES.items():
        out = StringIO()
        call_command("demo_login", role, stdout=out)
        given = json.loads(out.getvalue())
        assert given["role"] == role
        browser = Client()
        browser.cookies[given["cookie"]["name"]] = given["cookie"]["value"]
        assert browser.get("/").status_code == 200
        account = building.account_of(given["phone"][-4:])
        if role != "resident":
            assert role in actor_of(account, local_date(timezone.now())).roles
        assert Authenticator.objects.filter(user=account).exists() == about.second_factor
        assert given["token"]


def test_what_is_over_is_made_again(demonstration: None) -> None:
    now = timezone.now()
    assert building.refresh(now=now) == 0
    later = now + timedelta(days=20)
    made = building.refresh(now=later)
    assert made >= 5
    assert Activity.objects.filter(state="published", starts_at__lte=later, ends_at__gt=later).count() == 1
    assert building.refresh(now=later) == 0


def test_nobody_is_signed_in_outside_of_a_demonstration(settings: Any) -> None:
    settings.DEMO = False
    for command in (["demo_login", "volunteer"], ["demo_people"]):
        with pytest.raises(CommandError, match="演示环境"):
            call_command(*command, stdout=StringIO())


def test_an_unknown_role_is_answered_with_the_known_ones(settings: Any) -> None:
    settings.DEMO = True
    with pytest.raises(CommandError, match="team_leader"):
        call_command("demo_login", "king", stdout=StringIO())


def test_before_the_people_are_made_the_remedy_is_told(settings: Any) -> None:
    settings.DEMO = True
    with pytest.raises(CommandError, match="synthesize"):
        call_command("demo_login", "volunteer", stdout=StringIO())
    out = StringIO()
    call_command("demo_people", "--json", stdout=out)
    assert json.loads(out.getvalue()) == []
    assert configured.DEMO
