"""The pages: one's own data, the officer's look-up, merging. Who may not see somebody finds nothing there."""

import io
import re
import zipfile
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from qunli.audit.models import Event
from qunli.kernel.actor import SYSTEM
from qunli.people import services
from qunli.people.models import Consent, Duplicate, Merge, Person
from tests import factories
from tests.roles import client_of

pytestmark = pytest.mark.django_db


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_my_page_shows_masked_data_until_asked(as_role: Any) -> None:
    client = as_role("resident")
    me = client.person
    page = text_of(client.get(reverse("people:me")))
    assert me.masked_id_number in page
    assert me.id_number not in page
    shown = client.post(reverse("people:unmask", args=[me.pk]))
    assert me.id_number in text_of(shown)
    assert shown["Cache-Control"] == "no-store"
    assert Event.objects.filter(verb="look.people.identity", subject=f"person:{me.pk}", person_id=me.pk).count() == 1
    assert "谁看过我的资料" in text_of(client.get(reverse("people:me")))
    assert client.get(reverse("people:unmask", args=[me.pk])).status_code == 405


def test_consent_by_one_button_each_way(as_role: Any) -> None:
    client = as_role("resident")
    url = reverse("people:consent", args=[client.person.pk])
    client.post(url, {"purpose": "location", "give": "on", "wording": "2026-11"})
    assert Consent.objects.get(person=client.person).withdrawn_at is None
    client.post(url, {"purpose": "location"})
    assert Consent.objects.get(person=client.person).withdrawn_at is not None
    client.post(url, {"purpose": "spam", "give": "on"})
    client.post(url, {"purpose": "minor", "give": "on"})
    assert Consent.objects.count() == 1


def test_contact_is_checked_at_its_field(as_role: Any) -> None:
    client = as_role("resident")
    url = reverse("people:contact", args=[client.person.pk])
    refused = client.post(url, {"phone": "12345"})
    assert refused.status_code == 422
    assert "11 位的大陆手机号码" in text_of(refused)
    assert client.post(url, {"phone": "13712345678"}).status_code == 302
    client.person.refresh_from_db()
    assert client.person.phone == "+8613712345678"


def test_an_email_is_removed_by_its_box(as_role: Any) -> None:
    client = as_role("resident")
    url, phone = reverse("people:contact", args=[client.person.pk]), {"phone": "13712345678"}
    assert "remove_email" not in client.get(url).content.decode()
    client.post(url, phone | {"email": "me@example.org"})
    assert "remove_email" in client.get(url).content.decode()
    assert client.post(url, phone | {"email": "new@example.org", "remove_email": "on"}).status_code == 422
    client.post(url, phone)
    client.person.refresh_from_db()
    assert client.person.email == "me@example.org"
    assert client.post(url, phone | {"remove_email": "on"}).status_code == 302
    client.person.refresh_from_db()
    assert client.person.email is None


def test_export_as_page_and_as_data(as_role: Any) -> None:
    client = as_role("resident")
    me = client.person
    services.give_consent(person=me, purpose="location", by=SYSTEM, now=timezone.now())
    url = reverse("people:export", args=[me.pk])
    assert me.id_number in text_of(client.post(url, {"format": "page"}))
    taken = client.post(url, {"format": "xlsx"})
    assert taken["Content-Disposition"].endswith('.xlsx"')
    with zipfile.ZipFile(io.BytesIO(taken.content)) as book:
        assert me.id_number in book.read("xl/sharedStrings.xml").decode()
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        assert len(names) == len({name.lower() for name in names}) >= 2
    data = client.post(url, {"format": "json"}).json()
    assert data["holdings"]["people.Person"][0]["phone"] == me.phone
    assert data["holdings"]["people.Consent"][0]["purpose"] == "location"
    assert "password" not in str(data)
    assert Event.objects.filter(verb="look.people.export", subject=f"person:{me.pk}").count() == 3


def test_a_stranger_s_pages_are_not_there(as_role: Any) -> None:
    client, other = as_role("resident"), factories.person()
    for name in ("person", "contact", "guardian", "erase"):
        assert client.get(reverse(f"people:{name}", args=[other.pk])).status_code == 404, name
    for name in ("unmask", "consent", "export", "erase", "own_income"):
        assert client.post(reverse(f"people:{name}", args=[other.pk]), {"purpose": "location"}).status_code == 404, name
    for name in ("search", "register", "duplicates"):
        assert client.get(reverse(f"people:{name}")).status_code == 403, name


def test_the_worker_finds_people_of_the_community_and_states_a_reason(as_role: Any) -> None:
    here = factories.division()
    client = as_role("community_worker", division=here.code)
    person = factories.person(name="欧阳春晓", division=here)
    away = factories.person(name="欧阳秋白", division=factories.division(district=factories.OTHER_DISTRICT))
    page = text_of(client.get(reverse("people:search"), {"q": "欧阳"}))
    assert "欧阳春晓" in page
    assert "欧阳秋白" not in page
    assert person.id_number not in page
    assert client.get(reverse("people:person", args=[away.pk])).status_code == 404
    named = client.post(reverse("people:search"), {"q": "欧阳"})
    assert named.url.endswith("?q=%E6%AC%A7%E9%98%B3"), "a name may stand in an address"
    assert "欧阳春晓" in text_of(client.post(reverse("people:search"), {"q": person.id_number}))
    assert "欧阳春晓" not in text_of(client.get(reverse("people:search"), {"q": person.id_number})), "a number may not"
    assert "欧阳春晓" not in text_of(client.get("/search", {"q": person.id_number}))
    url = reverse("people:unmask", args=[person.pk])
    refused = client.post(url, {"reason": ""})
    assert refused.status_code == 422
    assert person.id_number not in text_of(refused)
    assert person.id_number in text_of(client.post(url, {"reason": "本人来办理参保"}))
    assert Event.objects.get(verb="look.people.identity").facts == {"reason": "本人来办理参保"}
    theirs = text_of(client_of(factories.account(person)).get(reverse("people:me")))
    assert f"社区工作者 ({here.name}) · 完整的证件号码和联系方式" in theirs, "the office and what was seen, no number of an account"
    assert "account:" not in theirs


def test_the_worker_registers_somebody_and_mistakes_stand_at_their_field(as_role: Any) -> None:
    here = factories.division()
    client = as_role("community_worker", division=here.code)
    url = reverse("people:register")
    good = {
        "name": "王小明",
        "id_kind": "resident",
        "id_number": "11010519491231002X",
        "phone": "13800138000",
        "division": here.code,
    }
    refused = client.post(url, good | {"id_number": "110105194912310021"})
    assert refused.status_code == 422
    assert "校验位" in text_of(refused)
    elsewhere = factories.division(district=factories.OTHER_DISTRICT).code
    assert "不在您负责的范围" in text_of(client.post(url, good | {"division": elsewhere}))
    assert client.post(url, good).status_code == 302
    assert "已经登记过" in text_of(client.post(url, good))
    assert Person.objects.filter(name="王小明").count() == 1


def test_duplicates_are_offered_merged_and_undone(as_role: Any) -> None:
    here = factories.division()
    client = as_role("community_worker", division=here.code)
    one = factories.person(name="王小明", division=here)
    two = factories.person(name="王小明", division=here, id_number=None)
    three = factories.person(name="王小明", division=here, id_number=None)
    for other in (two, three):
        Duplicate.objects.create(one=one, other=other, reason="same_contact", found_on=timezone.localdate())
    assert "王小明" in text_of(client.get(reverse("people:duplicates")))
    client.post(reverse("people:decide", args=[Duplicate.objects.get(other=three).pk]))
    url = reverse("people:merge", args=[one.pk, two.pk])
    assert "合并的依据" in text_of(client.get(url))
    assert client.post(url, {"kept": one.pk, "reason": ""}).status_code == 422
    assert client.post(url, {"kept": 10**9, "reason": "持证件说明"}).status_code == 422
    assert client.post(url, {"kept": one.pk, "reason": "持证件说明"}).status_code == 302
    two.refresh_from_db()
    assert two.merged_into == one
    assert client.get(reverse("people:person", args=[two.pk])).status_code == 404
    assert "撤销合并" in text_of(client.get(reverse("people:duplicates")))
    client.post(reverse("people:undo", args=[Merge.objects.get().pk]))
    two.refresh_from_db()
    assert two.merged_into is None


def test_a_parent_consents_on_the_child_s_page(as_role: Any) -> None:
    client = as_role("resident")
    minor = factories.person(birth_date=timezone.localdate().replace(year=timezone.localdate().year - 12, day=1))
    services.add_guardian(minor=minor, guardian=client.person, relation="parent", by=SYSTEM, now=timezone.now())
    assert "查看和同意" in text_of(client.get(reverse("people:me")))
    assert "需要监护人同意" in text_of(client.get(reverse("people:person", args=[minor.pk])))
    client.post(reverse("people:consent", args=[minor.pk]), {"purpose": "minor", "give": "on"})
    assert Consent.objects.get(person=minor).given_by == client.person


def test_erasing_says_what_stays_and_asks_once_more(as_role: Any) -> None:
    client = as_role("volunteer")
    me = client.person
    number, phone = me.id_number, me.phone
    url = reverse("people:erase", args=[me.pk])
    assert "依法保留" in text_of(client.get(url))
    assert client.post(url).status_code == 422
    assert "已注销" in text_of(client.post(url, {"confirm": "on"}))
    me.refresh_from_db()
    assert (me.id_number, me.phone, me.birth_date, me.division, me.erased_at is None) == (None, None, None, None, False)
    everything = [str(row) for row in Person.objects.values()] + [str(e.facts) for e in Event.objects.all()]
    assert not any(number in text or phone in text for text in everything)
