"""Photos and the word of who was served: what is taken, from whom, and what the classes make of it."""

import io
import re
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from qunli.accounts.services import issue_token
from qunli.audit.models import Event
from qunli.files.models import Attachment
from qunli.files.services import read
from qunli.kernel import geo
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import DemoSms
from qunli.people.models import Person
from qunli.rules.services import evaluate, evaluate_columns
from qunli.service_hours import attesting, services
from qunli.service_hours.enums import ServedAnswer, ServedRole
from qunli.service_hours.integrity.evidence import confidence_of, facts_of
from qunli.service_hours.models import LateStatement, Photo, SampleItem, ServedStatement, ServiceRecord
from tests import factories
from tests.roles import client_of, person_of
from tests.service_hours.conftest import START, World, at

OUTSIDE = "13700001111"
"""A phone of nobody on record: the factories count up from 139 0000 0001."""


def picture(
    *, longitude: float | None = None, latitude: float | None = None, taken: datetime | None = None, shade: int = 60, **exif: Any
) -> SimpleUploadedFile:
    """A photo with the metadata of a phone."""
    data = Image.Exif()
    if longitude is not None and latitude is not None:
        place = data.get_ifd(ExifTags.IFD.GPSInfo)
        place[1], place[2] = ("N" if latitude >= 0 else "S"), (abs(latitude), 0.0, 0.0)
        place[3], place[4] = ("E" if longitude >= 0 else "W"), (abs(longitude), 0.0, 0.0)
    if taken is not None:
        data.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
    written = io.BytesIO()
    Image.new("RGB", (64, 48), (180, 40, shade)).save(written, "JPEG", exif=data)
    return SimpleUploadedFile("现场.jpg", written.getvalue(), "image/jpeg")


def add(world: World, record: ServiceRecord, upload: SimpleUploadedFile, by: Person | None = None) -> Photo:
    return services.add_photo(record=record, upload=upload, by=world.actor(by or world.leader), now=at(12))


def test_a_photo_is_measured_and_cleaned(world: World) -> None:
    record = world.verified(world.volunteer())
    longitude, latitude = world.activity.longitude, world.activity.latitude
    assert longitude is not None
    assert latitude is not None
    photo = add(world, record, picture(longitude=longitude, latitude=latitude + 0.001, taken=at(10)))
    assert photo.distance == round(geo.metres(longitude, latitude, longitude, latitude + 0.001)) == 111
    assert photo.taken_at == at(10)
    assert photo.attachment is not None
    with Image.open(io.BytesIO(read(photo.attachment))) as kept:
        assert not dict(kept.getexif())
    graded = confidence_of(record)
    assert facts_of(record)["photo"]
    assert graded is not None
    assert graded.grade == "C", "leader and photo are no two independent kinds"


def test_a_phone_that_writes_the_shifted_grid_is_at_the_place_too(world: World) -> None:
    record = world.verified(world.volunteer())
    longitude, latitude = geo.to_map(world.activity.longitude or 0, world.activity.latitude or 0)
    photo = add(world, record, picture(longitude=longitude, latitude=latitude))
    assert photo.distance is not None
    assert photo.distance < 2


@pytest.mark.parametrize(
    ("given_", "fits"),
    [
        ({}, True),
        ({"longitude": 104.9, "latitude": 30.6}, False),
        ({"longitude": 0.0, "latitude": 0.0}, True),
        ({"longitude": float(10**6), "latitude": 30.6}, True),
        ({"taken": at(7, 59)}, False),
        ({"taken": at(8, 1)}, True),
        ({"taken": at(12, 1)}, False),
        ({"taken": at(9, days=-3)}, False),
    ],
)
def test_what_speaks_against_a_photo(world: World, given_: dict[str, Any], fits: bool) -> None:
    record = world.verified(world.volunteer())
    add(world, record, picture(**given_))
    assert facts_of(record)["photo"] is fits


def test_the_same_photo_again_changes_nothing_and_never_proves_another_activity(world: World) -> None:
    person, friend = world.volunteer(), world.volunteer()
    record, second = world.verified(person), world.verified(friend)
    first = add(world, record, picture())
    assert add(world, record, picture()) == first
    assert add(world, second, picture()) != first, "one picture may show two people"
    assert Attachment.objects.count() == 2
    other = factories.activity(world.team, starts_at=at(14), title="下午")
    elsewhere = factories.record(factories.sign_up(person, factories.post(other)), signed_in_at=at(14), signed_out_at=at(16))
    with pytest.raises(Refused) as refused:
        add(world, elsewhere, picture())
    assert refused.value.code == "used"


def test_no_more_than_the_most_by_taking_away_and_adding_again(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    first, *_others = [add(world, record, picture(shade=shade)) for shade in range(1, 241, 40)]
    services.remove_photo(photo=first, by=world.actor(person))
    add(world, record, picture(shade=250))
    with pytest.raises(Refused) as refused:
        add(world, record, picture(shade=1))
    assert refused.value.code == "most"


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (SimpleUploadedFile("a.pdf", b"%PDF-1.7\n%%EOF\n"), "kind"),
        (SimpleUploadedFile("a.jpg", b"no picture"), "kind"),
        (SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40), "content"),
    ],
)
def test_what_is_no_photo(world: World, upload: SimpleUploadedFile, code: str) -> None:
    record = world.verified(world.volunteer())
    with pytest.raises(Refused) as refused:
        add(world, record, upload)
    assert (refused.value.code, refused.value.field) == (code, "file")
    assert not Attachment.objects.exists()


def test_who_may_add_and_see_and_until_when(world: World) -> None:
    person, stranger = world.volunteer(), world.volunteer()
    record = world.verified(person)
    with pytest.raises(Denied):
        add(world, record, picture(), stranger)
    photo = add(world, record, picture(), person)
    assert photo.attachment is not None
    address = f"/files/{photo.attachment.key}/"
    for who, status in ((person, 200), (world.leader, 200), (world.worker, 200), (stranger, 404)):
        assert client_of(who.accounts.first() or factories.account(who)).get(address).status_code == status
    with pytest.raises(Refused) as refused:
        services.add_photo(record=record, upload=picture(shade=9), by=world.actor(person), now=at(9, days=30))
    assert refused.value.code == "over"


def test_a_photo_goes_with_the_person_and_counts_no_more(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    photo = add(world, record, picture())
    with pytest.raises(Denied):
        services.remove_photo(photo=photo, by=world.actor(world.leader))
    services.remove_photo(photo=photo, by=world.actor(person))
    record = ServiceRecord.objects.get(pk=record.pk)
    assert not Attachment.objects.exists()
    assert not facts_of(record)["photo"]
    assert add(world, record, picture()).pk == photo.pk, "taken back: the same row"
    from qunli.files.services import remove_with_person

    remove_with_person(person=person, by=SYSTEM, now=at(13))
    photo.refresh_from_db()
    assert photo.attachment is None


# --- who was served ------------------------------------------------------------


def asked(world: World, *records: ServiceRecord, by: Person | None = None, phone: str = OUTSIDE) -> tuple[ServedStatement, str]:
    return services.ask_served(records=records, phone=phone, role=ServedRole.PERSON, by=world.actor(by or world.leader), now=at(12))


def sent_code() -> str:
    text = DemoSms.objects.latest("pk").text
    found = re.search(r"确认码 (\d{6})", text)
    assert found, text
    return found[1]


@pytest.fixture
def inbox(settings: Any) -> None:
    settings.SMS_SENDER = "qunli.notices.sms.InboxSender"


pytestmark = pytest.mark.usefixtures("inbox")


def test_the_link_confirms_whom_they_name_once(world: World, frozen: Any) -> None:
    frozen.now = at(12)
    first, second = world.verified(world.volunteer("王小明")), world.verified(world.volunteer("李大力"))
    statement, token = asked(world, first, second)
    assert statement.contact == "137****1111"
    assert OUTSIDE not in str(vars(statement))
    visitor = Client()
    page = visitor.get(f"/served/{token}/").content.decode()
    assert "王**" in page
    assert "王小明" not in page
    line = attesting.lines_about(record=first)[0].pk
    assert visitor.post(f"/served/{token}/", {"came": "yes"}).status_code == 422
    assert visitor.post(f"/served/{token}/", {"came": "yes", "line": [line]}).status_code == 302
    assert visitor.post(f"/served/{token}/", {"came": "no"}).status_code == 302
    assert "已收到您的答复" in visitor.get(f"/served/{token}/").content.decode()
    statement.refresh_from_db()
    assert (statement.answer, statement.way) == ("came", "link")
    assert [facts_of(one)["served_person_confirmed"] for one in (first, second)] == [True, False]
    assert [facts_of(one)["served_person_denied"] for one in (first, second)] == [False, True]
    grades = [confidence_of(one) for one in (first, second)]
    assert [graded.grade for graded in grades if graded] == ["A", "D"]
    assert visitor.get("/served/nobody-knows-this/").status_code == 404


def test_the_code_confirms_by_whoever_was_told_it(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    statement, _token = asked(world, record, by=person)
    code = sent_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for text, expected in (("12", "code_form"), (wrong, "code_wrong")):
        with pytest.raises(Refused) as refused:
            services.tell_code(statement=statement, code=text, by=world.actor(person), now=at(12))
        assert refused.value.code == expected
    with pytest.raises(Denied):
        services.tell_code(statement=statement, code=code, by=world.actor(world.volunteer()), now=at(12))
    said = services.tell_code(statement=statement, code=code, by=world.actor(person), now=at(12))
    assert (said.answer, said.way) == (ServedAnswer.CAME, "code")
    assert services.tell_code(statement=said, code=code, by=world.actor(person), now=at(13)).answered_at == at(12)
    assert facts_of(record)["served_person_confirmed"]


def test_a_code_cannot_be_guessed(world: World) -> None:
    record = world.verified(world.volunteer())
    statement, _token = asked(world, record)
    code = int(sent_code())
    for number in range(5):
        with pytest.raises(Refused) as refused:
            services.tell_code(
                statement=statement, code=f"{(code + 1 + number) % 10**6:06d}", by=world.actor(world.leader), now=at(12)
            )
        assert refused.value.code == "code_wrong"
    with pytest.raises(Refused) as refused:
        services.tell_code(statement=statement, code=f"{code:06d}", by=world.actor(world.leader), now=at(12))
    assert refused.value.code == "too_many"


def test_nobody_is_a_witness_of_themselves(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    phones = [str(who.phone) for who in (person, world.leader, world.worker) if who.phone]
    assert phones
    for phone in phones:
        with pytest.raises(Refused) as refused:
            asked(world, record, phone=phone)
        assert refused.value.code == "own_phone"


def test_those_who_take_part_or_lead_are_no_witnesses_of_each_other(world: World) -> None:
    person, friend = world.volunteer(), world.volunteer()
    record = world.verified(person)
    for other in (friend, factories.leader(world.team).person):
        with pytest.raises(Refused) as refused:
            asked(world, record, by=person, phone=str(other.phone))
        assert refused.value.code == "own_phone"
    assert not ServedStatement.objects.exists()


def test_nobody_tries_out_whose_phone_it_is(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    for _try in range(3):
        with pytest.raises(Refused):
            asked(world, record, by=person, phone=str(person.phone))
    with pytest.raises(Refused) as refused:
        asked(world, record, by=person, phone=OUTSIDE)
    assert refused.value.code == "too_many"


def test_an_answer_names_lines_of_its_own(world: World) -> None:
    record, other = world.verified(world.volunteer()), world.verified(world.volunteer())
    statement, _token = asked(world, record)
    asked(world, other)
    foreign = attesting.lines_about(record=other)[0].pk
    with pytest.raises(Refused) as refused:
        services.say_served(statement=statement, came=True, lines=[foreign], now=at(13))
    assert refused.value.code == "nobody"
    statement.refresh_from_db()
    assert not statement.answer


def test_a_code_after_the_link_says_so(world: World) -> None:
    person = world.volunteer()
    record = world.verified(person)
    statement, _token = asked(world, record)
    code = sent_code()
    services.say_served(statement=statement, came=False, lines=None, now=at(13))
    with pytest.raises(Refused) as refused:
        services.tell_code(statement=statement, code=code, by=world.actor(person), now=at(14))
    assert refused.value.code == "answered"


def test_nobody_is_pestered_and_late_is_late(world: World) -> None:
    record = world.verified(world.volunteer())
    statement, _token = asked(world, record)
    asked(world, record)
    asked(world, record)
    with pytest.raises(Refused) as refused:
        asked(world, record)
    assert refused.value.code == "too_many"
    with pytest.raises(Refused) as refused:
        services.say_served(statement=statement, came=True, lines=None, now=at(12, days=4))
    assert refused.value.code == "over"
    assert not facts_of(record)["served_person_confirmed"]


def test_what_cannot_be_asked(world: World) -> None:
    present, void = world.present(world.volunteer()), world.verified(world.volunteer())
    services.void(record=void, reason="x", by=world.actor(world.officer), now=at(12))
    for records, expected in (([present], "not_ended"), ([ServiceRecord.objects.get(pk=void.pk)], "state"), ([], "no_records")):
        with pytest.raises(Refused) as refused:
            asked(world, *records)
        assert refused.value.code == expected
    assert not ServedStatement.objects.exists()


def test_the_database_keeps_what_was_said(world: World) -> None:
    statement, _token = asked(world, world.verified(world.volunteer()))
    services.say_served(statement=statement, came=False, lines=None, now=at(13))
    for change in ({"answer": "came"}, {"answer": "", "way": "", "answered_at": None}):
        with pytest.raises(Error), transaction.atomic():
            ServedStatement.objects.filter(pk=statement.pk).update(**change)
    with pytest.raises(Error), transaction.atomic():
        statement.lines.update(there=True)


# --- the pages and the API ------------------------------------------------------------


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "到场的证据"), ("en", "Evidence of the attendance")])
def test_the_pages(world: World, frozen: Any, language: str, words: str) -> None:
    frozen.now = at(12)
    person = world.volunteer("王小明")
    record = world.verified(person)
    browser = client_of(factories.account(person), language=language)
    assert words in browser.get(f"/records/{record.pk}/").content.decode()
    assert browser.post(f"/records/{record.pk}/photos/", {}).status_code == 422
    assert browser.post(f"/records/{record.pk}/photos/", {"file": picture()}).status_code == 302
    photo = Photo.objects.get()
    assert photo.attachment is not None
    assert f"/files/{photo.attachment.key}/" in browser.get(f"/records/{record.pk}/").content.decode()
    assert browser.post(f"/records/{record.pk}/served/", {"role": "person", "phone": "12"}).status_code == 422
    assert browser.post(f"/records/{record.pk}/served/", {"role": "person", "phone": OUTSIDE}).status_code == 302
    statement = ServedStatement.objects.get()
    page = browser.get(f"/records/{record.pk}/").content.decode()
    assert "137****1111" in page
    assert browser.post(f"/records/{record.pk}/served/code/", {"statement": statement.pk, "code": "1"}).status_code == 422
    assert browser.post(f"/records/{record.pk}/served/code/", {"statement": statement.pk, "code": sent_code()}).status_code == 302
    assert browser.post(f"/records/{record.pk}/photos/{photo.pk}/remove/").status_code == 302
    leader = client_of(world.leader.accounts.first() or factories.account(world.leader), language=language)
    address = f"/records/activity/{world.activity.pk}/served/"
    assert leader.post(address, {"role": "institution", "phone": ""}).status_code == 422
    assert leader.post(address, {"role": "institution", "phone": "13900002222"}).status_code == 302
    assert browser.post(address, {"role": "institution", "phone": "13900002222"}).status_code == 404
    assert (
        client_of(factories.account(world.volunteer())).post(f"/records/{record.pk}/photos/", {"file": picture()}).status_code
        == 404
    )
    supervisor = factories.person()
    factories.posting(supervisor, "supervisor", world.team.division)
    seen = client_of(factories.account(supervisor), language=language).get(f"/records/{record.pk}/").content.decode()
    assert "137****1111" not in seen


def program(person: Person, *scopes: str) -> Client:
    account = person.accounts.first() or factories.account(person)
    return Client(
        headers={"authorization": f"Bearer {issue_token(account=account, name='t', scopes=list(scopes), days=1, by=SYSTEM)}"}
    )


def test_programs(world: World, frozen: Any) -> None:
    frozen.now = at(12)
    person = world.volunteer()
    record = world.verified(person)
    base = f"/api/v1/service_hours/records/{record.pk}"
    me = program(person, "records:read", "records:write")
    assert me.post(f"{base}/photos", {"file": picture()}).json()["fits"] is True
    told = me.post(f"{base}/served", {"phone": OUTSIDE, "role": "person"}, content_type="application/json")
    assert told.json()["contact"] == "137****1111"
    key = told.json()["id"]
    again = me.post(f"{base}/served/{key}/code", {"code": sent_code()}, content_type="application/json")
    assert (again.json()["answer"], again.json()["there"]) == ("came", True)
    found = me.get(f"{base}/evidence").json()
    assert (len(found["photos"]), found["statements"][0]["way"]) == (1, "code")
    assert me.get(f"{base}/confidence").json()["grade"] == "A"
    other = program(world.volunteer(), "records:read", "records:write")
    assert other.get(f"{base}/evidence").status_code == 404
    assert program(person, "records:read").post(f"{base}/photos", {"file": picture()}).status_code in (401, 403)
    assert me.post(f"{base}/photos", {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7\n%%EOF")}).status_code == 409


# --- the classes ------------------------------------------------------------

POSITIVE = ("rotating_code", "place", "leader", "photo", "served_person_confirmed")
FACTS = st.fixed_dictionaries(
    {name: st.booleans() for name in (*POSITIVE, "sent_late", "served_person_denied")}
    | {"minutes": st.integers(0, 400), "planned_minutes": st.integers(0, 200)}
)


def grade(facts: dict[str, Any]) -> str:
    return str(evaluate("hour-confidence", facts, on=START.date(), trace=False).results["confidence"])


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS, more=st.sampled_from([*POSITIVE, "sent_late"]))
def test_more_evidence_never_makes_the_class_worse(facts: dict[str, Any], more: str) -> None:
    """One more kind that speaks for it, or a code entered on the spot in place of one sent afterwards. A is the first letter."""
    better = facts | {more: more != "sent_late"}
    if more == "rotating_code" and not facts["rotating_code"]:
        better["sent_late"] = facts["sent_late"]  # late or not, it is more than none
    assert grade(better) <= grade(facts)
    columns = {name: [facts[name], better[name]] for name in facts}
    assert evaluate_columns("hour-confidence", columns, on=START.date()).result("confidence") == [grade(facts), grade(better)]


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS)
def test_a_denial_or_far_too_many_minutes_leave_nothing(facts: dict[str, Any]) -> None:
    if (
        facts["served_person_denied"]
        or facts["minutes"] > facts["planned_minutes"] * 1.5
        or not any(facts[name] for name in POSITIVE)
    ):
        assert grade(facts) == "D"
    else:
        assert grade(facts) <= "C"


@pytest.mark.django_db
def test_the_rules_of_the_day_of_the_service_count(world: World) -> None:
    late = dict.fromkeys((*POSITIVE, "served_person_denied"), False) | {"rotating_code": True, "sent_late": True}
    late |= {"minutes": 60, "planned_minutes": 60}
    assert grade(late) == "C"
    assert grade(late | {"leader": True}) == "B"
    assert grade(late | {"sent_late": False}) == "B"
    before = START.date() - timedelta(days=365)
    assert evaluate("hour-confidence", late, on=before, trace=False).results["confidence"] == "B"


def test_it_stands_on_the_pages_of_findings_and_spot_checks(world: World) -> None:
    record = world.verified(world.volunteer())
    photo = add(world, record, picture())
    assert photo.attachment is not None
    sent = {"stated_at": at(9), "received_at": at(12), "skew": 0, "sent_by": record.person}
    LateStatement.objects.create(record=record, way="in", key=uuid4(), **sent)
    finding, source = factories.finding(record), reverse("files:serve", args=[photo.attachment.key])
    judge = client_of(factories.account(world.officer))
    page = judge.get(f"/findings/{finding.pk}/").content.decode()
    assert source in page
    assert "离线登记" in page
    checker = client_of(person_of("supervisor")[0])
    assert source not in checker.get(f"/findings/{finding.pk}/").content.decode()
    assert checker.get(source).status_code == 404
    planned = services.plan_round(
        division=world.team.division,
        since=date(2026, 3, 5),
        until=date(2026, 3, 5),
        size=1,
        by=world.actor(world.officer),
        now=at(13),
    )
    services.draw_round(round_id=planned.pk, now=at(13))
    item = SampleItem.objects.get()
    assert source in checker.get(f"/sampling/items/{item.pk}/").content.decode()
    assert checker.get(source).status_code == 200, "who judges a drawn record sees its photos"
    assert Event.objects.filter(verb__startswith="look.files").exists()
