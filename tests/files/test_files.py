"""Attachments: what is let in, what is kept, who gets it back."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from qunli.access.selectors import actor_of
from qunli.audit.models import Event
from qunli.files import perms, services
from qunli.files.contents import LIMIT, checked
from qunli.files.models import Attachment
from qunli.files.tasks import sweep
from qunli.kernel.actor import SYSTEM
from qunli.kernel.ciphers import Unreadable
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people import services as people
from tests import factories
from tests.roles import client_of, person_of

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< >>\n%%EOF\n"


def picture(format_: str = "JPEG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (180, 40, 60)).save(written, format_, **options)
    return written.getvalue()


def with_place() -> bytes:
    """A photo whose metadata says where it was taken and with what."""
    exif = Image.Exif()
    exif[0x010F] = "MAKER-OF-THE-PHONE"
    exif.get_ifd(0x8825)[1] = "N"
    return picture(exif=exif)


@pytest.mark.parametrize(
    ("name", "data"), [("a.jpg", picture()), ("a.JPEG", picture()), ("b.png", picture("PNG")), ("c.webp", picture("WEBP"))]
)
def test_pictures_are_kept_without_their_metadata(name: str, data: bytes) -> None:
    content = checked(name, data)
    assert content.content_type.startswith("image/")
    with Image.open(io.BytesIO(content.data)) as image:
        assert image.size == (40, 30)


def test_place_and_device_are_taken_out_of_photos() -> None:
    data = with_place()
    assert b"MAKER-OF-THE-PHONE" in data
    content = checked("photo.jpg", data)
    assert b"MAKER-OF-THE-PHONE" not in content.data
    with Image.open(io.BytesIO(content.data)) as image:
        assert not image.getexif()


def test_a_photo_taken_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(checked("photo.jpg", picture(exif=exif)).data)) as image:
        assert image.size == (30, 40)


def test_what_hides_behind_a_picture_does_not_stay() -> None:
    assert b"<script>" not in checked("a.jpg", picture() + b"<script>alert(1)</script>").data


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.jpg", b"", "empty"),
        ("big.jpg", b"\xff" * (LIMIT + 1), "too_big"),
        ("program.exe", b"MZ\x90\x00\x03" + bytes(200), "kind"),
        ("photo.jpg", b"MZ\x90\x00\x03" + bytes(200), "kind"),
        ("page.jpg", b"<!doctype html><script>alert(1)</script>", "kind"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "kind"),
        ("paper.pdf", picture(), "content"),
        ("photo.jpg", PDF, "content"),
        ("photo.png", picture(), "content"),
        ("photo", picture(), "content"),
        ("half.jpg", picture(size=(400, 300))[:600], "content"),
        ("half.png", picture("PNG", size=(400, 300))[:100], "content"),
        ("cut.pdf", PDF[:-8], "content"),
        ("live.pdf", PDF.replace(b"/Catalog", b"/Catalog /OpenAction 2 0 R"), "content"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_at_its_field(name: str, data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        checked(name, data)
    assert (refused.value.code, refused.value.field) == (code, "file")
    assert str(refused.value.message)


def test_a_small_file_with_a_huge_picture_is_refused() -> None:
    with pytest.raises(Refused):
        checked("bomb.png", picture("PNG", size=(9000, 9000)))


@pytest.fixture
def kept(db: None) -> tuple[Attachment, bytes]:
    account, _place = person_of("resident")
    assert account.person is not None
    upload = SimpleUploadedFile("../../身份证 正面.jpg", picture(), content_type="text/html")
    return services.store(upload=upload, owner=account.person, subject="claim:7", by=SYSTEM), picture()


def test_the_content_is_encrypted_and_nothing_shows_in_its_path(kept: tuple[Attachment, bytes]) -> None:
    attachment, _data = kept
    path = Path(default_storage.path(services.path_of(attachment.key)))
    raw = path.read_bytes()
    assert b"JFIF" not in raw
    assert "身份证" not in str(path)
    assert attachment.name == "身份证 正面.jpg"
    assert services.read(attachment).startswith(b"\xff\xd8")
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(Unreadable):
        services.read(attachment)


def test_the_owner_gets_it_back_safely(kept: tuple[Attachment, bytes]) -> None:
    attachment, _data = kept
    answer = client_of(attachment.owner.accounts.get()).get(reverse("files:serve", args=[attachment.key]))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("inline")
    assert "no-store" in answer["Cache-Control"]


def test_nobody_else_gets_it_and_nobody_learns_that_it_exists(kept: tuple[Attachment, bytes], client: Any) -> None:
    attachment, _data = kept
    url = reverse("files:serve", args=[attachment.key])
    for role in ("resident", "community_worker", "city_officer", "system_administrator", "auditor"):
        account, _place = person_of(role)
        assert client_of(account).get(url).status_code == 404
        assert client_of(account).get(reverse("files:serve", args=[uuid4()])).status_code == 404
    assert client.get(url).status_code == 302


@pytest.fixture
def claims_are_seen_by_workers() -> Iterator[None]:
    perms.viewers_of("claim")(lambda actor, subject: actor.has("people.see") and subject == "claim:7")
    yield
    perms._viewers.pop("claim")


def test_the_room_of_the_subject_lets_others_see_it_and_the_look_is_recorded(
    kept: tuple[Attachment, bytes], claims_are_seen_by_workers: None
) -> None:
    attachment, _data = kept
    url = reverse("files:serve", args=[attachment.key])
    worker, _place = person_of("community_worker")
    assert client_of(worker).get(url).status_code == 200
    assert Event.objects.filter(
        verb="look.files.content", subject=f"attachment:{attachment.pk}", person_id=worker.person_id
    ).exists()
    other, _place = person_of("resident")
    assert client_of(other).get(url).status_code == 404


def test_only_the_owner_takes_it_away(kept: tuple[Attachment, bytes], django_capture_on_commit_callbacks: Any) -> None:
    attachment, _data = kept
    path = services.path_of(attachment.key)
    with pytest.raises(Denied):
        services.remove(attachment=attachment, by=SYSTEM)

    with django_capture_on_commit_callbacks(execute=True):
        services.remove(attachment=attachment, by=actor_of(attachment.owner, local_date(timezone.now())))
    assert not default_storage.exists(path)


def test_a_refused_file_leaves_nothing(db: None) -> None:
    account, _place = person_of("resident")
    with pytest.raises(Refused):
        services.store(upload=SimpleUploadedFile("a.jpg", b"no picture"), owner=account.person, subject="claim:7", by=SYSTEM)  # type: ignore[arg-type]
    assert not Attachment.objects.exists()
    assert default_storage.listdir("") == ([], [])


def test_contents_without_a_row_are_swept_after_a_day(kept: tuple[Attachment, bytes]) -> None:
    attachment, _data = kept
    path = Path(default_storage.path(services.path_of(attachment.key)))
    os.utime(path, (1, 1))
    assert sweep() == 0
    Attachment.objects.all().delete()
    assert sweep() == 1
    assert not path.exists()


def test_what_a_person_handed_in_is_erased_with_them(
    kept: tuple[Attachment, bytes], django_capture_on_commit_callbacks: Any
) -> None:
    """The rows at once, the contents after the commit; those that came with a merged record too, others' stay."""
    attachment, _content = kept
    merged = factories.person(merged_into=attachment.owner)
    theirs = [
        services.store(upload=SimpleUploadedFile("a.jpg", picture()), owner=owner, subject="claim:9", by=SYSTEM)
        for owner in (attachment.owner, merged, factories.person())
    ]
    with django_capture_on_commit_callbacks(execute=True):
        people.erase(person=attachment.owner, by=actor_of(attachment.owner, local_date(timezone.now())), now=timezone.now())
    assert list(Attachment.objects.values_list("pk", flat=True)) == [theirs[2].pk]
    left = [default_storage.exists(services.path_of(one.key)) for one in (attachment, *theirs)]
    assert left == [False, False, False, True]
