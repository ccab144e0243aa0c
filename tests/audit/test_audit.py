"""Append-only, chained, honest about what was altered; only the auditor reads it."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError, InternalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.audit import selectors, services
from qunli.audit.context import Origin, origin
from qunli.audit.models import Event
from qunli.kernel.actor import NOBODY, SYSTEM
from tests import factories

pytestmark = pytest.mark.django_db


def write(number: int, **facts: Any) -> list[Event]:
    before = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    with transaction.atomic():
        for n in range(number):
            services.record(f"test.verb{n}", f"thing:{n}", by=SYSTEM, n=n, **facts)
    return list(Event.objects.filter(id__gt=before).order_by("id"))


def tamper(statement: str, *values: Any) -> None:
    """What somebody with the database's password could do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


def test_an_event_belongs_into_a_transaction() -> None:
    connection.in_atomic_block = False
    try:
        with pytest.raises(RuntimeError):
            services.record("test.verb", "thing:1", by=SYSTEM)
    finally:
        connection.in_atomic_block = True


def test_address_and_request_are_recorded() -> None:
    token = origin.set(Origin("203.0.113.7", "abc"))
    try:
        event = write(1)[0]
    finally:
        origin.reset(token)
    assert (event.address, event.request_id, event.actor, event.facts) == ("203.0.113.7", "abc", "system", {"n": 0})
    assert write(1)[0].address is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET verb = 'x' WHERE id = %s",
        "UPDATE audit_event SET digest = '\\x00' WHERE id = %s",
        "UPDATE audit_event SET digest = '\\x00', position = 999999, verb = 'x' WHERE id = %s",
        "DELETE FROM audit_event WHERE id = %s",
        "TRUNCATE audit_event",
    ],
)
def test_events_are_append_only(statement: str) -> None:
    event = write(1)[0]
    with pytest.raises((InternalError, IntegrityError, DatabaseError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [event.pk] if "%s" in statement else None)
    assert Event.objects.get(pk=event.pk).verb == "test.verb0"


def test_sealed_once_and_never_again() -> None:
    events = write(3)
    assert services.seal() >= 3
    assert services.seal() == 0
    first = Event.objects.get(pk=events[0].pk)
    assert first.position
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.filter(pk=first.pk).update(digest=bytes(32))
    more = write(2)
    assert services.verify().unsealed == 2
    services.seal()
    assert services.verify().broken is None
    assert services.head().position == Event.objects.get(pk=more[-1].pk).position


def test_writers_do_not_wait_for_the_sealer_and_sealers_not_for_each_other() -> None:
    write(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone() == (0,)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_alteration_is_found_at_its_row(data: st.DataObject) -> None:
    with transaction.atomic():
        events = write(6, who="王")
        services.seal()
        assert services.verify().broken is None
        victim = data.draw(st.sampled_from(events))
        change = data.draw(
            st.sampled_from(
                [
                    "actor = 'other'",
                    "person_id = 7",
                    "verb = 'test.other'",
                    "subject = 'thing:9'",
                    "facts = '{\"n\": 99}'",
                    "address = '198.51.100.1'",
                    "request_id = 'x'",
                    "at = at + interval '1 microsecond'",
                    "digest = sha256('x')",
                ]
            )
        )
        tamper(f"UPDATE audit_event SET {change} WHERE id = %s", victim.pk)  # noqa: S608
        verdict = services.verify()
        assert verdict.broken == victim.pk
        transaction.set_rollback(True)


def test_a_row_that_was_removed_is_noticed_by_the_next_and_a_tail_by_the_kept_head() -> None:
    events = write(4)
    services.seal()
    head = services.head()
    tamper("DELETE FROM audit_event WHERE id = %s", events[1].pk)
    verdict = services.verify()
    assert (verdict.broken, "missing" in verdict.reason) == (events[2].pk, True)
    with pytest.raises(CommandError, match=f"broken at event {events[2].pk}"):
        call_command("verify_audit")
    tamper("DELETE FROM audit_event WHERE id >= %s", events[1].pk)
    assert services.verify().broken is None
    with pytest.raises(CommandError, match="cut off"):
        call_command("verify_audit", head=f"{head.position}:{head.digest.hex()}")


def test_the_commands_print_the_head(capsys: pytest.CaptureFixture[str]) -> None:
    write(2)
    call_command("seal_audit")
    position, digest = services.head()
    assert f"{position}:{digest.hex()}" in capsys.readouterr().out
    call_command("verify_audit", head=f"{position}:{digest.hex()}")
    assert "intact" in capsys.readouterr().out


def test_only_the_auditor_reads() -> None:
    write(3)
    assert selectors.search(actor=NOBODY).count() == 0
    assert selectors.search(actor=SYSTEM, verb="test.verb1").count() == 1
    assert selectors.search(actor=SYSTEM, subject="thing:2").get().verb == "test.verb2"


def test_the_page_is_the_auditor_s_and_searches(as_role: Any) -> None:
    person = factories.person()
    with transaction.atomic():
        services.record("test.done", f"person:{person.pk}", by=SYSTEM, rows=3, scopes=["a:read", "b:read"])
    for role in ("city_officer", "system_administrator", "resident"):
        assert as_role(role).get("/audit/").status_code == 403
    auditor = as_role("auditor")
    page = auditor.get("/audit/", {"subject": f"person:{person.pk}", "since": "2020-01-01"})
    assert "test.done" in page.content.decode()
    assert "scopes: a:read, b:read" in page.content.decode()
    assert Event.objects.filter(verb="look.audit.events", subject=f"person:{person.pk}").count() == 1
    assert "没有符合条件" in auditor.get("/audit/", {"verb": "none.such"}).content.decode()
    assert auditor.get("/audit/", {"since": "soon"}).status_code == 422
    assert auditor.get("/audit/", {"cursor": "x"}).status_code == 302


def test_the_api_needs_its_scope_and_right(api_as: Any) -> None:
    write(1)
    assert api_as("resident").get("/api/v1/audit/").status_code == 403
    items = api_as("auditor").get("/api/v1/audit/", {"verb": "test."}).json()["items"]
    assert items[0]["verb"] == "test.verb0"
