"""On the day: by code, by place, by the leader; and each thing that can be wrong about it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from qunli.kernel.codes import rotating_code
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Consent
from qunli.service_hours import services
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.services import Place
from qunli.volunteering.models import Activity
from tests import factories
from tests.service_hours.conftest import World, at

THERE = Place(104.0836, 30.6571, accuracy=20)


def code(world: World, moment: Any) -> str:
    return rotating_code(bytes(world.activity.code_seed), moment)


def refusal(call: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        call(**kwargs)
    return refused.value


def test_by_code_in_and_out(world: World) -> None:
    person = world.volunteer()
    me = world.actor(person)
    record = services.sign_in(activity=world.activity, by=me, now=at(9, 10), code=code(world, at(9, 10)))
    assert (record.state, record.in_method, record.in_distance) == ("present", "code", None)
    assert record.due_on.isoformat() == "2026-03-19"  # ten working days after Thursday 5 March
    assert world.activity.sign_ups.get(person=person).state == "attended"
    record = services.sign_out(activity=world.activity, by=me, now=at(10, 40), code=code(world, at(10, 40)))
    assert (record.state, record.minutes) == ("draft", 90)


def test_the_code_before_is_still_good_and_the_next_is_not(world: World) -> None:
    me = world.actor(world.volunteer())
    now = at(9, 10)
    assert refusal(
        services.sign_in, activity=world.activity, by=me, now=now, code=code(world, now + timedelta(seconds=30))
    ).code in ("code_wrong", "code_old")
    services.sign_in(activity=world.activity, by=me, now=now, code=code(world, now - timedelta(seconds=30)))


def test_codes_are_read_generously(world: World) -> None:
    text = code(world, at(9))
    spaced = f" {text[:3]} {text[3:]} "
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in text)
    for typed in (spaced, full_width):
        record = services.sign_in(activity=world.activity, by=world.actor(world.volunteer()), now=at(9), code=typed)
        assert record.in_method == "code"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12 34", "１２３４５"])
def test_what_is_no_code(world: World, typed: str) -> None:
    refused = refusal(services.sign_in, activity=world.activity, by=world.actor(world.volunteer()), now=at(9), code=typed)
    assert (refused.code, refused.field) == ("code_form", "code")


@pytest.mark.parametrize("ago", [timedelta(minutes=2), timedelta(hours=3), timedelta(days=1)])
def test_a_code_of_before_is_named_so(world: World, ago: timedelta) -> None:
    refused = refusal(
        services.sign_in, activity=world.activity, by=world.actor(world.volunteer()), now=at(9), code=code(world, at(9) - ago)
    )
    assert (refused.code, refused.field) == ("code_old", "code")


def test_a_code_of_another_activity_is_named_so(world: World) -> None:
    other = factories.activity(world.team, starts_at=at(9), title="另一场")
    refused = refusal(
        services.sign_in,
        activity=world.activity,
        by=world.actor(world.volunteer()),
        now=at(9),
        code=rotating_code(bytes(other.code_seed), at(9)),
    )
    assert (refused.code, refused.field) == ("code_other", "code")
    assert "另一场" in str(refused)


@pytest.mark.parametrize(("when", "expected"), [(at(7, 59), "too_early"), (at(11, 1), "over")])
def test_outside_of_the_window(world: World, when: Any, expected: str) -> None:
    refused = refusal(
        services.sign_in, activity=world.activity, by=world.actor(world.volunteer()), now=when, code=code(world, when)
    )
    assert (refused.code, refused.field) == (expected, "code")
    assert not ServiceRecord.objects.exists()


def test_who_is_not_signed_up(world: World) -> None:
    stranger = world.actor(world.volunteer(signed_up=False))
    refused = refusal(services.sign_in, activity=world.activity, by=stranger, now=at(9), code=code(world, at(9)))
    assert (refused.code, refused.field) == ("not_signed_up", "code")
    waiting = world.volunteer(signed_up=False)
    factories.sign_up(waiting, world.post, state="waiting")
    refused = refusal(services.sign_in, activity=world.activity, by=world.actor(waiting), now=at(9), code=code(world, at(9)))
    assert refused.code == "waiting"


def test_a_code_cannot_be_guessed(world: World) -> None:
    """Five tries in ten minutes, counted in the database; then even the right code has to wait."""
    me = world.actor(world.volunteer())
    right = code(world, at(9))
    wrong = [f"{n:06d}" for n in range(100000, 100009) if f"{n:06d}" != right][:5]
    codes = {refusal(services.sign_in, activity=world.activity, by=me, now=at(9), code=text).code for text in wrong}
    assert codes <= {"code_wrong", "code_old"}
    refused = refusal(services.sign_in, activity=world.activity, by=me, now=at(9), code=right)
    assert (refused.code, refused.field, refused.facts["minutes"]) == ("too_many", "code", 10)
    other = world.actor(world.volunteer())
    services.sign_in(activity=world.activity, by=other, now=at(9), code=right)  # nobody else has to wait
    later = at(9, 11)
    services.sign_in(activity=world.activity, by=me, now=later, code=code(world, later))


def test_a_second_tap_changes_nothing(world: World) -> None:
    me = world.actor(world.volunteer())
    first = services.sign_in(activity=world.activity, by=me, now=at(9), code=code(world, at(9)))
    again = services.sign_in(activity=world.activity, by=me, now=at(9, 30), code="000000")
    assert (again.pk, again.signed_in_at) == (first.pk, first.signed_in_at)
    out = services.sign_out(activity=world.activity, by=me, now=at(10), code=code(world, at(10)))
    again = services.sign_out(activity=world.activity, by=me, now=at(10, 30), code="000000")
    assert (again.pk, again.signed_out_at) == (out.pk, out.signed_out_at)


def test_out_without_in(world: World) -> None:
    refused = refusal(
        services.sign_out, activity=world.activity, by=world.actor(world.volunteer()), now=at(10), code=code(world, at(10))
    )
    assert (refused.code, refused.field) == ("not_signed_in", "code")


def consent(person: Any) -> None:
    Consent.objects.create(person=person, purpose="location", wording="1", given_by=person, given_at=at(8))


def test_by_place_keeps_the_distance_only(world: World) -> None:
    person = world.volunteer()
    consent(person)
    record = services.sign_in(activity=world.activity, by=world.actor(person), now=at(9), place=THERE)
    assert (record.in_method, record.in_distance) == ("place", 0)
    near = Place(104.0836, 30.6571 + 0.001, accuracy=20)
    record = services.sign_out(activity=world.activity, by=world.actor(person), now=at(10), place=near)
    assert record.out_distance == pytest.approx(111, abs=2)
    for field in ServiceRecord._meta.get_fields():
        assert "longitude" not in field.name
        assert "latitude" not in field.name


@pytest.mark.parametrize(
    ("place", "expected", "field"),
    [
        (Place(104.0936, 30.6571, accuracy=10), "too_far", "place"),
        (Place(104.0836, 30.6571, accuracy=5000), "inaccurate", "place"),
        (Place(500, 30, accuracy=10), "place_form", "place"),
        (Place(float("nan"), 30, accuracy=10), "place_form", "place"),
        (Place(104.0836, 30.6571, accuracy=-1), "place_form", "place"),
    ],
)
def test_places_that_will_not_do(world: World, place: Place, expected: str, field: str) -> None:
    person = world.volunteer()
    consent(person)
    refused = refusal(services.sign_in, activity=world.activity, by=world.actor(person), now=at(9), place=place)
    assert (refused.code, refused.field) == (expected, field)


def test_a_place_wants_consent_and_a_pin(world: World) -> None:
    person = world.volunteer()
    refused = refusal(services.sign_in, activity=world.activity, by=world.actor(person), now=at(9), place=THERE)
    assert (refused.code, refused.field) == ("no_consent", "consent")
    world.activity.longitude = world.activity.latitude = None
    world.activity.save()
    consent(person)
    refused = refusal(services.sign_in, activity=world.activity, by=world.actor(person), now=at(9), place=THERE)
    assert refused.code == "no_place"


def test_by_the_leader(world: World) -> None:
    person = world.volunteer()
    record = world.present(person, at(9, 15))
    assert (record.in_method, record.recorded_by) == ("leader", world.leader)
    record = services.sign_out_for(record=record, by=world.actor(world.worker), now=at(11, 20))
    record.refresh_from_db()
    assert (record.state, record.minutes, record.out_method) == ("draft", 105, "leader")
    assert record.state_since == at(11, 20)


def test_only_who_runs_the_day_signs_others_in(world: World) -> None:
    person = world.volunteer()
    sign_up = world.activity.sign_ups.get(person=person)
    elsewhere = factories.person()
    factories.posting(elsewhere, "community_worker", factories.division(district=factories.OTHER_DISTRICT))
    other_leader = factories.leader(factories.team()).person
    for who in (person, world.volunteer(), elsewhere, other_leader):
        with pytest.raises(Denied):
            services.sign_in_for(sign_up=sign_up, by=world.actor(who), now=at(9))
        with pytest.raises(Denied):
            services.add_walk_in(activity=world.activity, person_id=person.pk, by=world.actor(who), now=at(9))


def test_entered_afterwards_wants_a_reason(world: World) -> None:
    sign_up = world.activity.sign_ups.get(person=world.volunteer())
    leader = world.actor(world.leader)
    refused = refusal(services.sign_in_for, sign_up=sign_up, by=leader, now=at(18), at=at(9, 5))
    assert (refused.code, refused.field) == ("reason", "reason")
    record = services.sign_in_for(sign_up=sign_up, by=leader, now=at(18), at=at(9, 5), reason="手机没电，纸质签到")
    refused = refusal(services.sign_out_for, record=record, by=leader, now=at(18), at=at(9, 4), reason="x")
    assert (refused.code, refused.field) == ("out_before_in", "signed_out_at")
    record = services.sign_out_for(record=record, by=leader, now=at(18), at=at(10, 5), reason="提前离开")
    assert record.minutes == 60
    assert record.state_reason == "提前离开"


def test_walk_in(world: World) -> None:
    stranger = world.volunteer(signed_up=False)
    record = services.add_walk_in(activity=world.activity, person_id=stranger.pk, by=world.actor(world.leader), now=at(9, 30))
    assert (record.state, record.person) == ("present", stranger)
    again = services.add_walk_in(activity=world.activity, person_id=stranger.pk, by=world.actor(world.leader), now=at(9, 31))
    assert again.pk == record.pk
    world.post.refresh_from_db()
    assert world.post.taken == 1


def test_walk_in_from_the_waiting_list(world: World) -> None:
    waiting = world.volunteer(signed_up=False)
    factories.sign_up(waiting, world.post, state="waiting")
    record = services.add_walk_in(activity=world.activity, person_id=waiting.pk, by=world.actor(world.leader), now=at(9))
    assert record.sign_up.state == "attended"


def test_walk_in_only_while_places_remain(world: World) -> None:
    world.post.places = 1
    world.post.save()
    world.volunteer()
    stranger = world.volunteer(signed_up=False)
    refused = refusal(services.add_walk_in, activity=world.activity, person_id=stranger.pk, by=world.actor(world.leader), now=at(9))
    assert (refused.code, refused.field) == ("full", "person")
    nobody = factories.person()
    world.post.places = 5
    world.post.save()
    refused = refusal(services.add_walk_in, activity=world.activity, person_id=nobody.pk, by=world.actor(world.leader), now=at(9))
    assert (refused.code, refused.field) == ("not_volunteer", "person")


def test_a_forgotten_sign_out_waits_for_the_leader(world: World) -> None:
    record = world.present(world.volunteer())
    assert services.lapse(now=at(20)) == 0
    assert services.lapse(now=at(23, 30)) == 1
    assert services.lapse(now=at(23, 45)) == 0
    record.refresh_from_db()
    assert (record.state, record.signed_out_at, record.minutes) == ("draft", None, 0)
    leader = world.actor(world.leader)
    done = services.submit(records=[record], by=leader, now=at(23, 50))
    assert [(r.pk, refused.code, refused.field) for r, refused in done.refused] == [(record.pk, "no_sign_out", "signed_out_at")]
    record = services.set_times(
        record=record, signed_in_at=at(9), signed_out_at=at(10, 30), reason="和大家一起离开", by=leader, now=at(23, 50)
    )
    assert record.minutes == 90
    assert services.submit(records=[record], by=leader, now=at(23, 51)).records


def elsewhere(world: World, *, begin: datetime, hours: float = 2) -> Activity:
    """Another activity of the same team that overlaps with that of the morning."""
    made = factories.activity(world.team, starts_at=begin, hours=hours, person_in_charge=world.leader)
    factories.post(made, places=30)
    return made


def test_nobody_is_in_two_places_at_once(world: World) -> None:
    """Signed in here and not out again, nobody is signed in there: not by code, not by the leader, not as a walk-in."""
    person = world.volunteer()
    other = elsewhere(world, begin=at(10))
    world.present(person)
    with pytest.raises(Refused) as refused:
        services.add_walk_in(activity=other, person_id=person.pk, by=world.actor(world.leader), now=at(10, 5))
    assert refused.value.code == "elsewhere"
    assert not other.sign_ups.exists()
    services.sign_out_for(record=person.service_records.get(), by=world.actor(world.leader), now=at(10, 30))
    there = services.add_walk_in(activity=other, person_id=person.pk, by=world.actor(world.leader), now=at(10, 31))
    services.sign_out_for(record=there, by=world.actor(world.leader), now=at(12))
    assert [record.minutes for record in person.service_records.order_by("pk")] == [90, 89]


@pytest.mark.parametrize(("way", "code"), [("sign in at", "overlap"), ("longer here", "elsewhere"), ("earlier there", "overlap")])
def test_times_set_afterwards_do_not_count_the_same_hour_twice(world: World, way: str, code: str) -> None:
    person, leader = world.volunteer(), world.actor(world.leader)
    other = elsewhere(world, begin=at(10))
    sign_up = factories.sign_up(person, other.posts.get(), state="no_show")
    world.draft(person, left=at(10, 30))
    call: Any = services.sign_in_for
    asked: dict[str, Any] = {"sign_up": sign_up, "at": at(10, 15)}
    if way != "sign in at":
        there = services.sign_in_for(sign_up=sign_up, by=leader, now=at(12), at=at(10, 30), reason="补记")
        here = person.service_records.exclude(pk=there.pk).get()
        call = services.set_times
        if way == "longer here":
            asked = {"record": here, "signed_in_at": at(9), "signed_out_at": at(11)}
        else:
            asked = {"record": there, "signed_in_at": at(10), "signed_out_at": at(12)}
    assert refusal(call, by=leader, now=at(12), reason="改时间", **asked).code == code
    assert sum(record.minutes for record in person.service_records.all()) == 90


def test_void_hours_are_in_nobodys_way(world: World) -> None:
    person = world.volunteer()
    other = elsewhere(world, begin=at(10))
    services.void(record=world.present(person), reason="签错了人", by=world.actor(world.officer), now=at(10))
    assert services.add_walk_in(activity=other, person_id=person.pk, by=world.actor(world.leader), now=at(10, 5)).pk


def test_two_phones_at_once_are_one_presence(committed_world: World) -> None:
    """Two activities of one hour, both codes known (a friend reads one out): one sign-in goes through."""
    world = committed_world
    person = world.volunteer()
    other = elsewhere(world, begin=at(9))
    factories.sign_up(person, other.posts.get(), state="no_show")
    me, start = world.actor(person), Barrier(2)

    def go(activity: Activity) -> str:
        start.wait()
        try:
            services.sign_in(activity=activity, by=me, now=at(9), code=rotating_code(bytes(activity.code_seed), at(9)))
        except Refused as refused:
            return refused.code
        finally:
            connection.close()
        return "in"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(go, [world.activity, other])) == ["elsewhere", "in"]
    assert ServiceRecord.objects.filter(person=person).count() == 1
