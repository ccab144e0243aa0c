"""Bad input, as the issue lists it: a clear message at its field, in the reader's language, and nothing half-written.

Each line of `CASES` is tried through its page, in Chinese and in English. Whatever the page does, no table may have gained or lost
a row.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from pypdf import PdfWriter

from qunli.divisions.enums import Level
from qunli.files import services as files
from qunli.kernel.actor import SYSTEM
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.codes import rotating_code
from qunli.kernel.errors import Refused
from tests import factories
from tests.architecture.house import rooms
from tests.permissions.world import certificate_of
from tests.roles import RoleClient, client_of

pytestmark = pytest.mark.django_db
MAY_GROW = {"accounts.attempt": "wrong codes are counted"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def row_counts() -> dict[str, int]:
    """Rows of every table of ours."""
    return {
        model._meta.label_lower: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.app_label in rooms() and model._meta.label_lower not in MAY_GROW
    }


class Try(NamedTuple):
    client: RoleClient
    path: str
    data: dict[str, Any]


def volunteer_client(language: str) -> RoleClient:
    return client_of(factories.account(factories.volunteer().person), language=language)


def new_client(language: str) -> RoleClient:
    """Somebody with an account and no identity yet."""
    account = factories.account(factories.person(id_number=None, phone=None), phone_verified=False)
    return client_of(account, language=language)


def identity(language: str, **changed: str) -> Try:
    data = {"name": "王小明", "id_kind": "resident", "id_number": factories.id_number(), "phone": "13912340001", **changed}
    return Try(new_client(language), "/volunteer/register/1/", data)


def wrong_checksum(language: str) -> Try:
    right = factories.id_number()
    return identity(language, id_number=right[:-1] + ("0" if right[-1] != "0" else "1"))


def born_tomorrow(language: str) -> Try:
    return identity(language, id_number=factories.id_number(timezone.localdate() + timedelta(days=400)))


def passport_of_the_unborn(language: str) -> Try:
    born = (timezone.localdate() + timedelta(days=1)).isoformat()
    return identity(language, id_kind="passport", id_number="E12345678", birth_date=born, sex="f")


def no_phone(language: str) -> Try:
    return identity(language, phone="12345")


def no_phone_to_sign_in(language: str) -> Try:
    return Try(RoleClient(headers={"accept-language": language}), "/accounts/sign-in/", {"phone": "1391234"})


def ends_before_it_starts(language: str) -> Try:
    team = factories.team()
    leader = factories.leader(team)
    starts_at = timezone.now().astimezone(SHANGHAI) + timedelta(days=3)
    data = {
        "title": "清扫院落",
        "category": "community",
        "content": "清扫院落",
        "starts_at": f"{starts_at:%Y-%m-%dT%H:%M}",
        "ends_at": f"{starts_at - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "division": team.division.code,
        "address": "成都市锦江区",
        "radius": "500",
        "min_age": "18",
        "risk_notice": "注意安全",
        "person_in_charge": str(leader.person_id),
        "nature": "service",
        "posts-TOTAL_FORMS": "1",
        "posts-INITIAL_FORMS": "0",
        "posts-0-name": "清扫",
        "posts-0-places": "5",
    }
    return Try(client_of(factories.account(leader.person), language=language), f"/teams/{team.pk}/activities/new/", data)


def code_of_yesterday(language: str) -> Try:
    activity = factories.activity(starts_at=timezone.now() - timedelta(minutes=10))
    person = factories.volunteer().person
    factories.sign_up(person, factories.post(activity))
    code = rotating_code(bytes(activity.code_seed), timezone.now() - timedelta(days=1))
    return Try(client_of(factories.account(person), language=language), f"/day/{activity.pk}/in/", {"code": code})


CASES: list[tuple[Callable[[str], Try], str]] = [
    (wrong_checksum, "id_number"),
    (born_tomorrow, "id_number"),
    (passport_of_the_unborn, "birth_date"),
    (no_phone, "phone"),
    (no_phone_to_sign_in, "phone"),
    (ends_before_it_starts, "ends_at"),
    (code_of_yesterday, "code"),
]


def message_at(html: str, field: str) -> str:
    """What the page says at a field."""
    place = re.search(rf'id="id_{field}_error"[^>]*>(.*?)</div>', html, re.S)
    assert place, f"nothing is said at {field}"
    return re.sub(r"<svg.*?</svg>|<[^>]+>|\s+", " ", place[1]).strip()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize(("case", "field"), CASES, ids=[case.__name__ for case, _ in CASES])
def test_is_said_at_its_field(case: Callable[[str], Try], field: str, language: str) -> None:
    attempt = case(language)
    before = row_counts()
    response = attempt.client.post(attempt.path, attempt.data)
    assert response.status_code == 422, response.content.decode()[:2000]
    said = message_at(response.content.decode(), field)
    assert len(said) >= 5
    assert bool(CHINESE.search(said)) == (language == "zh-hans"), said
    assert row_counts() == before


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_other_fields_are_not_blamed(language: str) -> None:
    attempt = wrong_checksum(language)
    html = attempt.client.post(attempt.path, attempt.data).content.decode()
    assert re.findall(r'id="id_(\w+)_error"', html) == ["id_number"]
    assert attempt.data["name"] in html, "what was right need not be typed again"


# --- Papers that are none ----------------------------------------------------------------------------------------------------


def paper() -> bytes:
    return bytes(certificate_of(factories.volunteer().person, factories.team(), timezone.now()).pdf)


def altered() -> bytes:
    content = bytearray(paper())
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


def appended() -> bytes:
    """What many editors do: the old file with something behind it."""
    return paper() + b"\n%%EOF\n"


def forged() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.add_metadata({"/Title": "志愿服务证明"})
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (10, 10)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("make", [altered, appended, forged, picture], ids=lambda make: make.__name__)
def test_papers_that_are_none(make: Callable[[], bytes], language: str) -> None:
    content = make()
    before = row_counts()
    client = RoleClient(headers={"accept-language": language})
    response = client.post("/verify/", {"file": SimpleUploadedFile("证明.pdf", content, "application/pdf")})
    html = response.content.decode()
    assert response.status_code in (200, 422)
    assert response.context["kind"] in {"altered", "forged", "unknown_file", "not_pdf", "unreadable"}
    said = re.search(r'<main.*?class="page-head".*?</main>', html, re.S)
    assert said
    assert bool(CHINESE.search(re.sub(r"<dd>.*?</dd>", "", said[0]))) == (language == "zh-hans")
    assert row_counts() == before


def test_the_paper_itself_is_right() -> None:
    """So that the refusals above are worth something."""
    response = RoleClient().post("/verify/", {"file": SimpleUploadedFile("证明.pdf", paper(), "application/pdf")})
    assert response.context["kind"] == "valid"


@pytest.mark.parametrize("number", ["", "QL-0000", "0" * 24, "' or 1=1 --", "９９９９"])
def test_numbers_that_are_none(number: str) -> None:
    before = row_counts()
    response = RoleClient().post("/verify/", {"number": number}, follow=True)
    assert response.status_code in (200, 404, 422)
    assert "真实，有效" not in response.content.decode()
    assert row_counts() == before


@pytest.mark.parametrize(
    ("name", "declared", "content"),
    [
        ("photo.jpg", "image/jpeg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        ("letter.pdf", "application/pdf", b"MZ\x90\x00\x03\x00\x00\x00"),
        ("page.png", "image/png", b"<html><script>alert(1)</script></html>"),
        ("empty.pdf", "application/pdf", b""),
    ],
)
def test_files_that_are_not_what_they_say(name: str, declared: str, content: bytes) -> None:
    owner = factories.person(division=factories.division(Level.COMMUNITY))
    before = row_counts()
    with pytest.raises(Refused) as refusal:
        files.store(upload=SimpleUploadedFile(name, content, declared), owner=owner, subject="test:1", by=SYSTEM)
    assert refusal.value.field == "file"
    assert row_counts() == before
