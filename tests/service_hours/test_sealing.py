"""Seals of the ledger: they follow one another, prove every entry, and name what was changed, removed or slipped in."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import Error, connection, transaction

from qunli.kernel import merkle
from qunli.kernel.actor import SYSTEM
from qunli.people import merging
from qunli.service_hours import sealing, services
from qunli.service_hours.models import Certificate, HourEntry, Seal, SealBlock
from qunli.service_hours.views.certificates import VERIFIER
from tests import factories
from tests.service_hours.conftest import World, at

NIGHT = at(2, days=1)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of four, so that a few entries make a tree of several blocks."""
    monkeypatch.setattr(sealing, "BLOCK", 4)
    sealing._above.cache_clear()
    yield
    sealing._above.cache_clear()


def entries() -> list[int]:
    return list(HourEntry.objects.order_by("pk").values_list("pk", flat=True))


def tamper(statement: str, *values: Any) -> None:
    """As somebody who owns the tables can, with the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would keep the table from being altered
        cursor.execute("ALTER TABLE service_hours_hourentry DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE service_hours_hourentry ENABLE TRIGGER USER")


def test_seals_follow_one_another(world: World, small_blocks: None) -> None:
    assert sealing.seal(now=NIGHT) is None, "nothing was written yet"
    world.verified(world.volunteer())
    first = sealing.seal(now=NIGHT)
    assert first is not None
    assert first.size == 1
    assert bytes(first.previous) == sealing.START
    assert sealing.seal(now=NIGHT) is None, "nothing new"
    for _n in range(5):
        world.verified(world.volunteer())
    second = sealing.seal(now=NIGHT + timedelta(days=1))
    assert second is not None
    assert (second.after, second.size) == (first.until, 5)
    assert bytes(second.previous) == bytes(first.digest)
    assert SealBlock.objects.filter(seal=second).count() == 2
    found = sealing.check()
    assert (found.seals, found.entries, found.errors, found.head) == (2, 6, [], bytes(second.digest))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_every_entry_is_proved(world: World, small_blocks: None, count: int) -> None:
    for _n in range(count):
        world.verified(world.volunteer())
    sealing.seal(now=NIGHT)
    world.verified(world.volunteer())
    found = sealing.proofs(entries())
    assert list(found) == entries()[:count], "the last one is not sealed yet"
    assert all(proof.holds for proof in found.values())
    for proof in found.values():
        assert not proof._replace(text=proof.text.replace("|120|", "|121|")).holds
        assert not proof._replace(place=(proof.place + 1) % 16).holds or count == 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE service_hours_hourentry SET minutes = 600 WHERE id = %s", "entry {} was changed"),
        ("UPDATE service_hours_hourentry SET reason = 'x' WHERE id = %s", "entry {} was changed"),
        (
            "UPDATE service_hours_hourentry SET person_id = (SELECT max(id) FROM people_person) WHERE id = %s",
            "entry {} was changed",
        ),
        ("UPDATE service_hours_hourentry SET created_at = created_at - interval '1 s' WHERE id = %s", "entry {} was changed"),
    ],
)
def test_a_changed_entry_is_named(world: World, small_blocks: None, statement: str, said: str) -> None:
    for _n in range(7):
        world.verified(world.volunteer())
    factories.person()
    sealing.seal(now=NIGHT)
    for one in (entries()[0], entries()[3], entries()[6]):
        with transaction.atomic():
            tamper(statement, one)
            assert sealing.check().errors == [said.format(one)]
            assert one not in sealing.proofs(entries())
            transaction.set_rollback(True)
    assert sealing.check().errors == []


def test_gone_and_slipped_in(world: World, small_blocks: None) -> None:
    for _n in range(8):
        world.verified(world.volunteer())
    ids = entries()
    tamper("UPDATE service_hours_hourentry SET id = id + 1000 WHERE id = %s", ids[4])  # a key left free
    sealing.seal(now=NIGHT)
    with transaction.atomic():
        tamper("DELETE FROM service_hours_hourentry WHERE id = ANY(%s)", ids[1:3])
        assert sealing.check().errors == [f"2 between entry {ids[0]} and entry {ids[3]} are gone"]
        transaction.set_rollback(True)
    with transaction.atomic():
        tamper("DELETE FROM service_hours_hourentry WHERE id = %s", ids[4] + 1000)
        assert sealing.check().errors == [f"1 after entry {ids[7]} are gone"]
        transaction.set_rollback(True)
    with transaction.atomic():
        tamper(
            "INSERT INTO service_hours_hourentry (id, record_id, person_id, kind, turn, minutes, reason, created_at)"
            " SELECT %s, record_id, person_id, kind, 2, minutes, '', created_at FROM service_hours_hourentry WHERE id = %s",
            ids[4],
            ids[0],
        )
        assert sealing.check().errors == [f"entry {ids[4]} was slipped in"]
        transaction.set_rollback(True)


def test_an_altered_seal_is_named(world: World) -> None:
    world.verified(world.volunteer())
    one = sealing.seal(now=NIGHT)
    assert one is not None
    with pytest.raises(Error, match="append_only"), transaction.atomic():
        Seal.objects.filter(pk=one.pk).update(size=2)
    with pytest.raises(Error, match="append_only"), transaction.atomic():
        SealBlock.objects.filter(seal=one).delete()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE service_hours_seal DISABLE TRIGGER USER")
        cursor.execute("UPDATE service_hours_seal SET digest = sha256('x')")
        cursor.execute("ALTER TABLE service_hours_seal ENABLE TRIGGER USER")
    assert sealing.check().errors == [
        f"seal {one.pk} of {one.day} was altered",
        f"seal {one.pk} of {one.day} is not signed with the city's key",
    ]


def test_a_merge_changes_no_leaf(world: World, small_blocks: None) -> None:
    """A merge moves entries to the person that stays; both stand as they were sealed, and the undoing too."""
    keep = world.volunteer()
    gone = factories.volunteer(factories.person(id_number=None, id_digest=None)).person
    factories.sign_up(gone, world.post)
    world.verified(gone)
    other = world.volunteer()
    world.verified(other)
    sealing.seal(now=NIGHT)
    world_before = sealing.proofs(entries())
    merge = merge_of(keep, gone)
    assert set(HourEntry.objects.values_list("person", flat=True)) == {keep.pk, other.pk}
    assert sealing.check().errors == []
    assert {n: p.text for n, p in sealing.proofs(entries()).items()} == {n: p.text for n, p in world_before.items()}
    merging.undo(merge=merge, by=SYSTEM, now=NIGHT)
    assert sealing.check().errors == []


def merge_of(keep: Any, gone: Any) -> Any:
    return merging.merge(kept=keep, gone=gone, reason="核对了身份证，是同一个人", by=SYSTEM, now=NIGHT)


def test_the_command(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.verified(world.volunteer())
    call_command("seal_hours")
    call_command("verify_hours")
    said = capsys.readouterr().out
    head = sealing.check().head.hex()
    assert head in said
    assert "1 entries" in said
    with pytest.raises(CommandError, match="another head"):
        call_command("verify_hours", "--head", "00" * 32)
    call_command("verify_hours", "--head", head)
    tamper("UPDATE service_hours_hourentry SET minutes = 600")
    with pytest.raises(CommandError, match="1 place"):
        call_command("verify_hours")
    assert f"entry {entries()[0]} was changed" in capsys.readouterr().err


@pytest.mark.django_db(transaction=True)
def test_a_writer_who_is_late_is_waited_for(committed_world: World) -> None:
    """An entry that was written but not committed when the seal began stands in it."""
    world = committed_world
    records = [world.submitted(world.volunteer()) for _n in range(2)]
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                services.verify(records=[records[0]], by=world.actor(world.worker), now=at(13))
                written.set()
                go_on.wait(5)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    written.wait(10)
    threading.Timer(0.5, go_on.set).start()
    one = sealing.seal(now=NIGHT)
    thread.join()
    assert one is not None
    assert one.size == 1
    services.verify(records=[records[1]], by=world.actor(world.worker), now=at(13))
    again = sealing.seal(now=NIGHT)
    assert again is not None
    assert again.size == 1
    assert sealing.check().errors == []


def test_a_proof_leads_to_the_root_alone(world: World) -> None:
    world.verified(world.volunteer())
    sealing.seal(now=NIGHT)
    (proof,) = sealing.proofs(entries()).values()
    assert proof.way == []
    assert merkle.leaf(proof.text.encode()) == bytes(proof.seal.root)
    assert len(proof.text.split("|")) == len(sealing.FIELDS)


# What a certificate carries, and the program that checks it without the platform.


def check_alone(folder: Path, pdf: bytes, seals: dict[str, Any] | None = None) -> tuple[int, str]:
    """`verify_certificate.py` as anybody runs it: a Python of its own, without this project."""
    (folder / "certificate.pdf").write_bytes(pdf)
    (folder / "seals.json").write_text(json.dumps(seals or sealing.published()), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), "certificate.pdf", "seals.json"], cwd=folder, capture_output=True, text=True
    )
    return run.returncode, run.stdout + run.stderr


def issued(world: World, services_count: int = 3, unsealed: int = 0) -> Certificate:
    """A certificate over sealed hours of several activities, and some that are not sealed yet."""
    person = world.volunteer(signed_up=False)
    for number in range(services_count + unsealed):
        if number == services_count:
            sealing.seal(now=NIGHT)
        activity = factories.activity(world.team, starts_at=at(9, days=-number), person_in_charge=world.leader)
        sign_up = factories.sign_up(person, factories.post(activity))
        record = services.sign_in_for(sign_up=sign_up, by=world.actor(world.leader), now=at(9, days=-number))
        record = services.sign_out_for(record=record, by=world.actor(world.leader), now=at(10, days=-number))
        records = services.submit(records=[record], by=world.actor(world.leader), now=at(12)).records
        assert services.verify(records=records, by=world.actor(world.worker), now=at(13)).records
    if not unsealed:
        sealing.seal(now=NIGHT)
    return services.issue(person=person, since=date(2026, 2, 1), until=date(2026, 3, 6), by=SYSTEM, now=NIGHT)


def test_a_certificate_is_checked_without_the_platform(world: World, small_blocks: None, tmp_path: Path) -> None:
    for _n in range(6):
        world.verified(world.volunteer())
    sealing.seal(now=NIGHT)
    made = issued(world, 5, unsealed=1)
    code, said = check_alone(tmp_path, bytes(made.pdf))
    assert (code, "5 entries, 5 h 0 min" in said, "1 more entries" in said) == (0, True, True), said


@pytest.mark.parametrize("at_byte", [200, 5_000, -200])
def test_an_altered_file_does_not_hold(world: World, tmp_path: Path, at_byte: int) -> None:
    pdf = bytearray(issued(world).pdf)
    pdf[at_byte] ^= 1
    code, said = check_alone(tmp_path, bytes(pdf))
    assert (code, "DOES NOT HOLD" in said) == (1, True), said
    assert "Traceback" not in said


def test_an_altered_list_does_not_hold(world: World, tmp_path: Path) -> None:
    pdf = bytes(issued(world).pdf)
    right = sealing.published()
    assert check_alone(tmp_path, pdf, right)[0] == 0
    (seal,) = right["seals"]
    wrongs = [
        ({**seal, "size": seal["size"] + 1}, "not a chain"),
        ({**seal, "root": "00" * 32}, "not a chain"),
        ({**seal, "signature": "00" * 384}, "not signed"),
    ]
    for wrong, said in wrongs:
        assert said in check_alone(tmp_path, pdf, {**right, "seals": [wrong]})[1]
    assert "newer list" in check_alone(tmp_path, pdf, {**right, "seals": []})[1]
    assert "not signed" in check_alone(tmp_path, pdf, {**right, "keys": [{"n": "c5", "e": 65537}]})[1]


def test_a_paper_of_another_kind_does_not_hold(world: World, tmp_path: Path) -> None:
    sealing.seal(now=NIGHT)
    for data in (b"", b"%PDF-1.7\n%%EOF", b"not a file of ours"):
        code, said = check_alone(tmp_path, data)
        assert (code, "Traceback" in said) == (1, False), said


def test_the_public_pages(world: World, client: Any) -> None:
    made = issued(world, 3)
    page = client.get("/verify/seals/").content.decode()
    assert Seal.objects.get().root.hex() in page
    assert "seals.json" in page
    assert client.get("/verify/seals.json").json()["seals"][0]["size"] == 3
    assert client.get("/verify/verify_certificate.py").content == VERIFIER.read_bytes()
    assert "3 次服务中 3 次已封存" in client.get(f"/verify/{made.number}/").content.decode()
    tamper("UPDATE service_hours_hourentry SET created_at = created_at + interval '1 s' WHERE id = %s", entries()[0])
    assert "3 次服务中 2 次已封存" in client.get(f"/verify/{made.number}/").content.decode()
