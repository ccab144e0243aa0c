"""What every test stands on: one database with the city's real divisions, the hostile harness, a clock, a client per role.

`as_role("community_worker")` gives a signed-in client, `api_as(...)` one with a bearer token, `frozen` a clock that
stands still, `max_queries(10)` a budget. The harness (`tests/harness.py`) needs nothing: it watches every test.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.cache import caches
from django.template import base
from django.test import Client, TransactionTestCase
from django.utils import timezone

from tests import database, harness

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread; the ORM is used beside it
SHANGHAI = ZoneInfo("Asia/Shanghai")


def pytest_configure(config: pytest.Config) -> None:
    """Settings that differ in tests only: quick passwords, no manifest of static files, the hostile middleware outermost."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    kept = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]  # the live server has its own static files
    settings.MIDDLEWARE = ["tests.harness.HostileMiddleware", *kept]
    settings.DEMO = False
    settings.API_RATE = 0
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    # A test's rows need not outlive the machine.
    settings.DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
    TransactionTestCase._fixture_teardown = database.empty  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The test database, made once a process, with the real tree of divisions in it."""
    with django_db_blocker.unblock():
        database.fill()


@pytest.fixture(autouse=True)
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No mistake passes: not even one that was swallowed on its way."""
    monkeypatch.setattr(base.FilterExpression, "resolve", harness.strict_resolve)
    harness.VIOLATIONS.clear()
    yield
    found, harness.VIOLATIONS[:] = list(harness.VIOLATIONS), []
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Rate limits and lock-outs of one test do not reach the next."""
    caches["figures"].clear()


@pytest.fixture(autouse=True)
def files_of_the_test(tmp_path_factory: pytest.TempPathFactory, settings: Any, request: pytest.FixtureRequest) -> None:
    """Attachments land in a place of the test's own."""
    if "db" in request.fixturenames or "transactional_db" in request.fixturenames or "live_server" in request.fixturenames:
        location = tmp_path_factory.mktemp("files")
        storages = dict(settings.STORAGES)
        storages["default"] = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": location}}
        settings.STORAGES = storages


class FrozenClock:
    """A clock that stands still until it is moved. `timezone.now()` reads it everywhere in this process."""

    def __init__(self, at: datetime) -> None:
        self.now = at

    def __call__(self) -> datetime:
        return self.now

    def set(self, *at: int) -> datetime:
        """Sets Shanghai's wall clock: `frozen.set(2026, 3, 5, 9, 30)`."""
        self.now = datetime(*at, tzinfo=SHANGHAI)  # type: ignore[misc]
        return self.now

    def move(self, **by: float) -> datetime:
        """Moves by a `timedelta`'s arguments: `frozen.move(seconds=31)`."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """Thursday 2026-03-05 09:00 in Shanghai, until the test moves it."""
    clock = FrozenClock(datetime(2026, 3, 5, 9, 0, tzinfo=SHANGHAI))
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def max_queries() -> Callable[[int], Any]:
    return harness.max_queries


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def as_role(db: None) -> Callable[..., "Any"]:
    """`as_role(role, division="510104000000", unit="")` signs a new person of that role in: a client with `.person`, `.account`."""
    from tests.roles import sign_in

    return sign_in


@pytest.fixture
def api_as(db: None) -> Callable[..., "Any"]:
    """As `as_role`, with a bearer token in place of a session: `api_as("volunteer").get("/api/v1/...")`."""
    from tests.roles import api_client

    return api_client
