"""What was noted in a dead spot and sent afterwards: once, at its time, only with the code of that time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from qunli.audit.models import Event
from qunli.kernel.codes import rotating_code
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person
from qunli.service_hours import offline, services
from qunli.service_hours.enums import Way
from qunli.service_hours.models import LateStatement, ServiceRecord
from qunli.service_hours.services import Statement
from qunli.service_hours.windows import Span
from tests import factories
from tests.conftest import FrozenClock
from tests.roles import client_of
from tests.service_hours.conftest import World, at
from tests.service_hours.test_day import code, refusal

EVENING = at(20)
"""When the telephone has a network again."""


def noted(
    world: World, person: Person, moment: datetime, way: Way = Way.IN, *, opened: datetime | None = None, key: UUID | None = None
) -> Statement:
    """As a device notes it whose page was opened at eight."""
    given = offline.ticket(person_id=person.pk, activity_id=world.activity.pk, now=opened or at(8))
    return Statement(key or uuid4(), way, moment, given, skew=3)


def sent(world: World, person: Person, statement: Statement, *, text: str = "", now: datetime = EVENING) -> ServiceRecord:
    me = world.actor(person)
    text = text or code(world, statement.at)
    return services.sign_late(activity=world.activity, statement=statement, code=text, by=me, now=now)


def refused(world: World, person: Person, statement: Statement, *, text: str = "", now: datetime = EVENING) -> str | None:
    with pytest.raises(Refused) as raised:
        sent(world, person, statement, text=text, now=now)
    assert not LateStatement.objects.exists()
    return raised.value.code


def test_in_and_out_count_at_their_time(world: World) -> None:
    person = world.volunteer()
    record = sent(world, person, noted(world, person, at(9, 3)))
    assert (record.state, record.signed_in_at, record.in_method) == ("present", at(9, 3), "code")
    record = sent(world, person, noted(world, person, at(10, 33), Way.OUT))
    assert (record.state, record.signed_out_at, record.minutes) == ("draft", at(10, 33), 90)
    first, second = record.late_statements.order_by("way")
    assert (first.way, first.stated_at, first.received_at, first.skew, first.sent_by) == ("in", at(9, 3), EVENING, 3, person)
    assert second.way == "out"
    assert Event.objects.filter(verb="service_hours.late", subject=f"record:{record.pk}").count() == 2
    assert world.activity.sign_ups.get(person=person).state == "attended"


def test_sent_again_changes_nothing(world: World) -> None:
    person = world.volunteer()
    statement = noted(world, person, at(9, 3))
    record = sent(world, person, statement)
    events = Event.objects.count()
    assert sent(world, person, statement, now=EVENING + timedelta(days=9)) == record
    assert sent(world, person, statement, text="000000") == record, "known by its key, not proved again"
    assert sent(world, person, noted(world, person, at(9, 4))) == record, "a second tab with a key of its own"
    assert (ServiceRecord.objects.count(), LateStatement.objects.count(), Event.objects.count()) == (1, 1, events)


def test_who_signed_in_with_a_network_stays_as_they_were(world: World) -> None:
    person = world.volunteer()
    record = services.sign_in(activity=world.activity, by=world.actor(person), now=at(9, 10), code=code(world, at(9, 10)))
    assert sent(world, person, noted(world, person, at(9, 3))).signed_in_at == record.signed_in_at
    assert not LateStatement.objects.exists()


@pytest.mark.parametrize("off", [timedelta(seconds=-30), timedelta(seconds=30)])
def test_clocks_may_differ_by_a_window(world: World, off: timedelta) -> None:
    person = world.volunteer()
    assert sent(world, person, noted(world, person, at(9, 3)), text=code(world, at(9, 3) + off)).signed_in_at == at(9, 3)


@pytest.mark.parametrize("off", [timedelta(minutes=-2), timedelta(minutes=1), timedelta(hours=1)])
def test_the_code_of_another_time(world: World, off: timedelta) -> None:
    person = world.volunteer()
    assert refused(world, person, noted(world, person, at(9, 3)), text=code(world, at(9, 3) + off)) == "code_wrong"


def test_the_code_of_another_activity(world: World) -> None:
    person, other = world.volunteer(), factories.activity(world.team, starts_at=at(9))
    text = rotating_code(bytes(other.code_seed), at(9, 3))
    assert refused(world, person, noted(world, person, at(9, 3)), text=text) == "code_wrong"


@pytest.mark.parametrize("text", ["12345", "abcdef", "1234567"])
def test_what_is_no_code(world: World, text: str) -> None:
    person = world.volunteer()
    assert refused(world, person, noted(world, person, at(9, 3)), text=text) == "code_form"


def test_wrong_codes_are_counted_over_the_whole_time(world: World) -> None:
    person = world.volunteer()
    wrong = [f"{n:06d}" for n in range(1, 12) if f"{n:06d}" != code(world, at(9, 3))][:10]
    for number, text in enumerate(wrong):
        assert refused(world, person, noted(world, person, at(9, 3)), text=text, now=at(12 + number)) == "code_wrong"
    assert refused(world, person, noted(world, person, at(9, 3)), now=at(22)) == "too_many"
    other = world.volunteer()
    assert sent(world, other, noted(world, other, at(9, 3))), "nobody else has to pay for it"


@pytest.mark.parametrize(
    ("moment", "way", "now", "expected"),
    [
        (at(7, 59), Way.IN, EVENING, "too_early"),
        (at(11, 1), Way.IN, EVENING, "over"),
        (at(9, 3), Way.IN, at(9, 1), "future"),
        (at(9, 3), Way.IN, at(9, 4, days=2), "too_old"),
        (at(10), Way.OUT, EVENING, "not_signed_in"),
        (at(23, 30), Way.OUT, at(23, 59), "over"),
    ],
)
def test_times_that_cannot_be(world: World, moment: datetime, way: Way, now: datetime, expected: str) -> None:
    person = world.volunteer()
    statement = noted(world, person, moment, way, opened=at(7, 30))
    assert refused(world, person, statement, now=now) == expected
    assert not ServiceRecord.objects.exists()


def test_a_clock_that_runs_ahead_a_little_is_forgiven(world: World) -> None:
    person = world.volunteer()
    record = sent(world, person, noted(world, person, at(9, 0) + timedelta(seconds=40)), now=at(9))
    assert record.signed_in_at == at(9), "nothing is recorded in the future"


def test_out_before_in(world: World) -> None:
    person = world.volunteer()
    sent(world, person, noted(world, person, at(9, 30)))
    with pytest.raises(Refused) as raised:
        sent(world, person, noted(world, person, at(9, 10), Way.OUT))
    assert raised.value.code == "out_before_in"


def test_the_ticket_binds_person_activity_and_time(world: World) -> None:
    """A code that somebody passes on later is of no use to who did not have the page open."""
    person, other = world.volunteer(), world.volunteer()
    activity = factories.activity(world.team, starts_at=at(9))
    moment = at(9, 3)
    elsewhere = offline.ticket(person_id=person.pk, activity_id=activity.pk, now=at(8))
    for ticket in ("", "nonsense", noted(world, other, moment).ticket, elsewhere, noted(world, person, moment).ticket[:-1] + "?"):
        assert refused(world, person, Statement(uuid4(), Way.IN, moment, ticket)) == "ticket"
    assert refused(world, person, noted(world, person, moment, opened=at(9, 30))) == "ticket", (
        "opened after it is said to have been"
    )
    assert refused(world, person, noted(world, person, moment, opened=at(8, days=-3))) == "ticket", "opened days ago"


def test_who_is_not_signed_up(world: World) -> None:
    person = world.volunteer(signed_up=False)
    assert refused(world, person, noted(world, person, at(9, 3))) == "not_signed_up"


def test_a_sign_out_that_comes_after_the_lapse_is_kept(world: World) -> None:
    person = world.volunteer()
    sent(world, person, noted(world, person, at(9)), now=at(9, 5))
    assert services.lapse(now=at(23, 30)) == 1
    record = sent(world, person, noted(world, person, at(10, 30), Way.OUT), now=at(8, days=1))
    assert (record.state, record.minutes) == ("draft", 90)


def test_a_record_that_was_made_void_stays_so(world: World) -> None:
    person = world.volunteer()
    services.void(record=world.draft(person), reason="没有来", by=world.actor(world.officer), now=at(12))
    assert refused(world, person, noted(world, person, at(9, 3))) == "state"


def test_the_leaders_ticks(world: World) -> None:
    person, leader = world.volunteer(), world.actor(world.leader)
    row = world.activity.sign_ups.get(person=person)
    statement = noted(world, world.leader, at(9, 3))
    for _ in range(2):
        record = services.sign_late_for(sign_up=row, statement=statement, by=leader, now=EVENING)
    out = noted(world, world.leader, at(10, 3), Way.OUT)
    record = services.sign_late_for(sign_up=row, statement=out, by=leader, now=EVENING)
    assert (record.in_method, record.out_method, record.minutes, record.recorded_by) == ("leader", "leader", 60, world.leader)
    assert LateStatement.objects.count() == 2
    with pytest.raises(Denied):
        services.sign_late_for(sign_up=row, statement=noted(world, person, at(9, 3)), by=world.actor(person), now=EVENING)


def test_a_key_is_good_for_one_statement(world: World) -> None:
    """The key of the sign-in, sent as a sign-out, is answered with what it wrote."""
    person, key = world.volunteer(), uuid4()
    sent(world, person, noted(world, person, at(9), key=key))
    record = sent(world, person, noted(world, person, at(10), Way.OUT, key=key))
    assert record.signed_out_at is None


@pytest.mark.django_db(transaction=True)
def test_two_equal_sends_at_once(committed_world: World) -> None:
    """Two tabs send the same: both are told yes, one record is written."""
    world = committed_world
    person = world.volunteer()
    statement, barrier, me = noted(world, person, at(9, 3)), Barrier(4), world.actor(person)
    text = code(world, at(9, 3))

    def send(_: int) -> int:
        try:
            barrier.wait()
            return services.sign_late(activity=world.activity, statement=statement, code=text, by=me, now=EVENING).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(send, range(4)))
    assert len(answers) == 1
    assert (ServiceRecord.objects.count(), LateStatement.objects.count()) == (1, 1)


def test_evidence_cannot_be_changed(world: World) -> None:
    person = world.volunteer()
    sent(world, person, noted(world, person, at(9, 3)))
    for change in (lambda rows: rows.update(stated_at=at(8)), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(LateStatement.objects.all())


@given(st.integers(min_value=-3 * 3600, max_value=4 * 3600), st.integers(min_value=0, max_value=6 * 3600))
def test_the_leaders_list_holds_the_code_of_each_moment(since: int, later: int) -> None:
    """Property: reckoned as the screen does, the list gives the code that the server would show, until an hour after the end."""
    seed, span = b"s" * 20, Span(at(9), at(11))
    now = at(9) + timedelta(seconds=since)
    begin, codes = offline.codes_ahead(seed=seed, span=span, now=now)
    moment = now + timedelta(seconds=later)
    place = (moment - begin) // offline.STEP
    if max(now, at(8)) <= moment < at(12):
        assert codes[place] == rotating_code(seed, moment)
    if moment >= at(12) + offline.STEP:
        assert place >= len(codes)


# --- The addresses ---------------------------------------------------------------------------------------------------------


def post(client: Any, path: str, statement: Statement, **more: Any) -> Any:
    data = {
        "key": str(statement.key),
        "at": int(statement.at.timestamp() * 1000),
        "skew": statement.skew,
        "ticket": statement.ticket,
        **more,
    }
    return client.post(path, data)


def signed_in(person: Person) -> Client:
    return client_of(factories.account(person))


def test_the_volunteers_address(world: World, frozen: FrozenClock) -> None:
    person = world.volunteer()
    client = signed_in(person)
    frozen.now = at(8, 5)
    kit = client.get(f"/day/{world.activity.pk}/offline/").json()
    assert (kit["codes"], kit["now"]) == ([], int(at(8, 5).timestamp() * 1000)), "codes are for who runs the day"
    frozen.now = EVENING
    statement = Statement(uuid4(), Way.IN, at(9, 3), kit["ticket"])
    path = f"/day/{world.activity.pk}/in/late/"
    assert post(client, path, statement, code="").json()["code"] == "code_form"
    assert post(client, path, statement, code=code(world, at(9, 3))).json() == {"message": "签到 09:03 已补传。"}
    assert post(client, path, statement, code=code(world, at(9, 3))).status_code == 200
    for wrong in ({"key": "x"}, {"at": "9" * 30}, {"at": -1}, {"skew": 10**12}, {"ticket": ""}):
        assert post(client, path, statement, code="123456", **wrong).status_code == 422
    record = ServiceRecord.objects.get()
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "离线登记" in page
    assert "补传" in page


def test_the_leaders_address(world: World, frozen: FrozenClock) -> None:
    client = signed_in(world.leader)
    frozen.now = at(8, 30)
    kit = client.get(f"/day/{world.activity.pk}/offline/").json()
    assert kit["codes"][0] == code(world, at(8, 30))
    assert len(kit["codes"]) == 2 * 210, "until an hour after the end"
    row = world.activity.sign_ups.get(person=world.volunteer())
    frozen.now = EVENING
    path = f"/day/{world.activity.pk}/people/{row.pk}/in/late/"
    assert post(client, path, Statement(uuid4(), Way.IN, at(9, 3), kit["ticket"])).status_code == 200
    assert ServiceRecord.objects.get().signed_in_at == at(9, 3)


def test_another_persons_session(world: World, frozen: FrozenClock) -> None:
    """On a device that two use, the second neither sends the first one's notes as their own, nor the leader's."""
    person, other = world.volunteer(), world.volunteer()
    frozen.now = EVENING
    client = signed_in(other)
    statement = noted(world, person, at(9, 3))
    answer = post(client, f"/day/{world.activity.pk}/in/late/", statement, code=code(world, at(9, 3)))
    assert (answer.status_code, answer.json()["code"]) == (409, "ticket")
    row = world.activity.sign_ups.get(person=person)
    assert post(client, f"/day/{world.activity.pk}/people/{row.pk}/in/late/", statement).status_code == 404
    assert not ServiceRecord.objects.exists()
    assert refusal(sent, world=world, person=other, statement=statement).code == "ticket"


def test_without_a_session(world: World, client: Any) -> None:
    """The script is sent to the sign-in, keeps what it has and says so."""
    assert client.get(f"/day/{world.activity.pk}/offline/").status_code == 302
    assert client.post(f"/day/{world.activity.pk}/in/late/").status_code == 302
