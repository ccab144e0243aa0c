"""Certificates: what they rest on, once per content, revoked with their hours; and what anybody may learn of them."""

import hashlib
import threading
from datetime import date
from typing import Any

import pypdf
import pytest
from django.db import connection

from qunli.kernel.errors import Denied, Refused
from qunli.notices.models import Notice
from qunli.people.models import Person
from qunli.service_hours import services, verification
from qunli.service_hours.checking import check_ledger
from qunli.service_hours.models import Certificate
from qunli.service_hours.numbering import normal_number
from qunli.service_hours.paper.signing import sign
from qunli.service_hours.verification import Kind
from tests import factories
from tests.service_hours.conftest import World, at

SINCE, UNTIL = date(2026, 1, 1), date(2026, 3, 5)


def issue(world: World, person: Person, *, since: date = SINCE, until: date = UNTIL, by: Person | None = None) -> Certificate:
    return services.issue(person=person, since=since, until=until, by=world.actor(by or person), now=at(18))


def test_issued_from_the_ledger(world: World) -> None:
    person = world.volunteer("阿依古丽·买买提")
    world.verified(person)
    certificate = issue(world, person)
    assert (certificate.minutes, certificate.issuer, certificate.state) == (120, "红星路社区志愿服务队", "issued")
    assert normal_number(certificate.number) == certificate.number
    assert certificate.number.startswith("QL2026")
    pdf = bytes(certificate.pdf)
    assert hashlib.sha256(pdf).digest() == bytes(certificate.sha256)
    import io

    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "阿依古丽·买买提" in text
    assert "院落清洁日" in text
    assert person.id_number not in text


def test_the_same_content_is_issued_once(world: World) -> None:
    person = world.volunteer()
    world.verified(person)
    first, again = issue(world, person), issue(world, person)
    assert first.pk == again.pk
    assert issue(world, person, since=date(2026, 2, 1)).pk != first.pk


def test_hours_of_several_units_are_certified_by_the_authority(world: World, settings: Any) -> None:
    person = world.volunteer()
    world.verified(person)
    other = factories.post(factories.activity(factories.team(name="另一支队伍"), starts_at=at(14)))
    record = factories.record(
        factories.sign_up(person, other), signed_out_at=at(15), minutes=60, state="submitted", submitted_by=world.leader
    )
    services.verify(records=[record], by=world.actor(world.worker), now=at(17))
    certificate = issue(world, person)
    assert (certificate.minutes, certificate.issuer) == (180, settings.AUTHORITY)


@pytest.mark.parametrize(
    ("since", "until", "code", "field"),
    [
        (date(2026, 3, 5), date(2026, 3, 4), "period", "until"),
        (date(2026, 1, 1), date(2026, 3, 6), "future", "until"),
        (date(1999, 1, 1), date(2026, 3, 5), "period", "since"),
        (date(2026, 1, 1), date(2026, 3, 4), "no_hours", "since"),
    ],
)
def test_periods_that_will_not_do(world: World, since: date, until: date, code: str, field: str) -> None:
    person = world.volunteer()
    world.verified(person)
    with pytest.raises(Refused) as refused:
        issue(world, person, since=since, until=until)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not Certificate.objects.exists()


def test_what_is_not_verified_or_in_dispute_is_not_certified(world: World) -> None:
    person = world.volunteer()
    record = world.submitted(person)
    with pytest.raises(Refused, match="没有已核实"):
        issue(world, person)
    services.verify(records=[record], by=world.actor(world.worker), now=at(13))
    services.dispute(record=record, reason="少了", by=world.actor(person), now=at(14))
    with pytest.raises(Refused, match="没有已核实"):
        issue(world, person)
    with pytest.raises(Refused) as refused:
        issue(world, factories.person(), by=world.worker)
    assert refused.value.code == "not_volunteer"


def test_who_may_issue_see_and_revoke(world: World) -> None:
    person, other = world.volunteer(), world.volunteer()
    world.verified(person)
    outside = factories.person()
    factories.posting(outside, "community_worker", factories.division(district=factories.OTHER_DISTRICT))
    for who in (other, outside, world.leader):
        with pytest.raises(Denied):
            issue(world, person, by=who)
    certificate = issue(world, person, by=world.worker)
    assert Notice.objects.filter(person=person, template="service_hours/certificate_issued").exists()
    for who in (other, outside, world.leader):
        assert not Certificate.objects.visible_to(world.actor(who)).exists()
        with pytest.raises(Denied):
            services.revoke(certificate=certificate, reason="x", by=world.actor(who), now=at(18))
    for who in (person, world.worker, world.officer):
        assert Certificate.objects.visible_to(world.actor(who)).exists()
    with pytest.raises(Denied):
        services.revoke(certificate=certificate, reason="x", by=world.actor(person), now=at(18))
    revoked = services.revoke(certificate=certificate, reason="开具有误", by=world.actor(world.officer), now=at(18))
    assert (revoked.state, revoked.revoked_by) == ("revoked", world.officer)
    with pytest.raises(Refused) as refused:
        services.revoke(certificate=certificate, reason="x", by=world.actor(world.officer), now=at(18))
    assert refused.value.code == "state"


@pytest.mark.parametrize("verb", ["void", "correct"])
def test_revoked_with_its_hours(world: World, verb: str) -> None:
    person = world.volunteer()
    record = world.verified(person)
    certificate = issue(world, person)
    if verb == "void":
        services.void(record=record, reason="没有参加", by=world.actor(world.officer), now=at(19))
    else:
        services.dispute(record=record, reason="多了", by=world.actor(person), now=at(18))
        services.correct(
            record=record, signed_in_at=at(9), signed_out_at=at(10), reason="早走", by=world.actor(world.worker), now=at(19)
        )
    certificate.refresh_from_db()
    assert certificate.state == "revoked"
    assert Notice.objects.filter(person=person, template="service_hours/certificate_revoked").count() == 1
    assert verification.by_number(certificate.number).kind == Kind.REVOKED
    assert verification.by_file(bytes(certificate.pdf), now=at(20)).kind == Kind.REVOKED
    assert check_ledger().wrong == 0
    if verb == "correct":
        assert issue(world, person).minutes == 60


def test_by_number(world: World) -> None:
    person = world.volunteer("王小明")
    world.verified(person)
    certificate = issue(world, person)
    verdict = verification.by_number(f" {certificate.number.lower()} ")
    assert verdict.kind == Kind.VALID
    assert verdict.paper is not None
    assert (verdict.paper.name, verdict.paper.minutes) == ("王**", 120)
    wrong = certificate.number[:-2] + ("0" if certificate.number[-2] != "0" else "1") + certificate.number[-1]
    assert verification.by_number(wrong).kind == Kind.NO_NUMBER
    from qunli.service_hours.numbering import new_number

    assert verification.by_number(new_number(2026)).kind == Kind.UNKNOWN_NUMBER


def test_by_file(world: World) -> None:
    person = world.volunteer()
    world.verified(person)
    certificate = issue(world, person)
    pdf = bytes(certificate.pdf)
    assert verification.by_file(pdf, now=at(19)).kind == Kind.VALID
    altered = verification.by_file(pdf[:9000] + bytes([pdf[9000] ^ 1]) + pdf[9001:], now=at(19))
    assert altered.kind in (Kind.ALTERED, Kind.UNREADABLE)
    appended = verification.by_file(pdf + b"\n%%", now=at(19))
    assert appended.kind == Kind.ALTERED
    assert appended.paper is not None
    assert verification.by_file(b"", now=at(19)).kind == Kind.EMPTY
    assert verification.by_file(b"GIF89a", now=at(19)).kind == Kind.NOT_PDF
    assert verification.by_file(bytes(verification.LARGEST + 1), now=at(19)).kind == Kind.TOO_LARGE


def test_a_genuine_signature_without_an_entry_is_no_certificate(world: World) -> None:
    """Signed with our key, and not in the register: somebody got at the key, or the register was rolled back."""
    person = world.volunteer()
    world.verified(person)
    certificate = issue(world, person)
    from qunli.service_hours.paper.typeset import typeset
    from tests.service_hours.test_paper import content

    other = sign(typeset(content(1), link="https://example.org", at=at(9)), number="x", issuer="x", at=at(9))
    verdict = verification.by_file(other, now=at(19))
    assert verdict.kind == Kind.ALTERED
    assert verdict.paper is None
    forged = typeset(content(1, number=certificate.number), link="https://example.org", at=at(9))
    verdict = verification.by_file(forged, now=at(19))
    assert (verdict.kind, verdict.paper is not None) == (Kind.ALTERED, True)


@pytest.mark.django_db(transaction=True)
def test_void_while_it_is_issued(committed_world: World) -> None:
    """Whichever is first: no certificate stays in force that names hours which are void."""
    world = committed_world
    for _ in range(4):
        person = world.volunteer()
        record = world.verified(person)
        barrier = threading.Barrier(2)

        def run(call: Any, barrier: threading.Barrier = barrier) -> None:
            try:
                barrier.wait(10)
                call()
            except Refused:
                pass
            finally:
                connection.close()

        calls = [
            lambda person=person: issue(world, person),
            lambda record=record: services.void(record=record, reason="撤", by=world.actor(world.officer), now=at(18)),
        ]
        threads = [threading.Thread(target=run, args=(call,)) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not Certificate.objects.filter(person=person, state="issued").exists()
    assert check_ledger().wrong == 0


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_once(committed_world: World) -> None:
    world = committed_world
    person = world.volunteer()
    world.verified(person)
    made: list[Certificate] = []
    barrier = threading.Barrier(3)

    def run() -> None:
        barrier.wait(10)
        made.append(issue(world, person))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({certificate.pk for certificate in made}) == 1
    assert len(made) == 3
