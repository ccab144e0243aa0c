"""Signed-in people and activities of their own for the benches; made in the bench's database, beside the city's."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django
from django.conf import settings

KEY = "bench{number:027d}"
"""The session's key of the person with this number: known, so that pgbench can look it up too."""
CSRF = "b" * 32


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in."""

    number: int
    person: int
    key: str

    @property
    def cookies(self) -> dict[str, str]:
        return {settings.SESSION_COOKIE_NAME: self.key, settings.CSRF_COOKIE_NAME: CSRF}


def start() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()


def visitors(count: int) -> list[Visitor]:
    """Volunteers of the city with accounts and open sessions; the same ones at every run."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.utils import timezone

    from qunli.accounts.models import Account, Session
    from qunli.accounts.services import BACKEND
    from qunli.accounts.sessions import SessionStore, digest_of
    from qunli.volunteering.models import Volunteer

    now = timezone.now()
    adults = Volunteer.objects.filter(
        state="active", person__birth_date__lt=now.date() - timedelta(days=30 * 365), person__accounts=None
    )
    Session.objects.filter(device="bench").delete()
    known = list(Account.objects.filter(username__startswith="bench-").order_by("id"))
    missing = adults.order_by("id").values_list("person_id", flat=True)[: max(0, count - len(known))]
    Account.objects.bulk_create([Account(username=f"bench-{person}", person_id=person, password="!") for person in missing])  # noqa: S106
    known = list(Account.objects.filter(username__startswith="bench-").order_by("id")[:count])
    if len(known) < count:
        raise ValueError(f"the city has only {len(known)} volunteers that fit, {count} are needed")
    store = SessionStore()
    found, sessions = [], []
    for number, account in enumerate(known):
        key = KEY.format(number=number)
        data = {SESSION_KEY: str(account.pk), BACKEND_SESSION_KEY: BACKEND, HASH_SESSION_KEY: account.get_session_auth_hash()}
        sessions.append(
            Session(
                digest=digest_of(key),
                data=store.encode(data),
                expires_at=now + timedelta(days=1),
                account=account,
                device="bench",
            )
        )
        found.append(Visitor(number, account.person_id or 0, key))
    Session.objects.bulk_create(sessions)
    return found


def activities(count: int, places: int, *, apart: timedelta = timedelta(hours=2), days: int = 60) -> list[tuple[int, int]]:
    """Open activities of a bench team, one post each: (activity, post). They follow one another `apart`, from `days` ahead."""
    from django.utils import timezone

    from qunli.volunteering.models import Activity, Post, Team

    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    team = Team.objects.filter(state="active").order_by("id").first()
    assert team is not None
    assert team.applicant_id is not None
    made: Sequence[Any] = Activity.objects.bulk_create(
        [
            Activity(
                team=team,
                division=team.division,
                title=f"bench {number}",
                category="community",
                content="bench",
                starts_at=now + timedelta(days=days) + apart * number,
                ends_at=now + timedelta(days=days, hours=1) + apart * number,
                address="bench",
                risk_notice="bench",
                person_in_charge_id=team.applicant_id,
                state="published",
                code_seed=bytes(20),
            )
            for number in range(count)
        ]
    )
    posts = Post.objects.bulk_create([Post(activity=activity, name="bench", places=places) for activity in made])
    return [(post.activity_id, post.pk) for post in posts]


def clear() -> None:
    """Take away what earlier runs made."""
    from django.db import connection

    ours = "SELECT id FROM volunteering_activity WHERE title LIKE 'bench %%'"
    with connection.cursor() as cursor:
        for statement in (
            f"DELETE FROM volunteering_signup WHERE activity_id IN ({ours})",  # noqa: S608
            f"DELETE FROM volunteering_post WHERE activity_id IN ({ours})",  # noqa: S608
            "DELETE FROM volunteering_activity WHERE title LIKE 'bench %%'",
            "DELETE FROM notices_notice n USING accounts_account a WHERE n.person_id = a.person_id AND a.username LIKE 'bench-%%'",
        ):
            cursor.execute(statement, [])
