"""The operations do what the pages do, within the same range, masked alike."""

from typing import Any

import pytest

from qunli.audit.models import Event
from qunli.people.models import Consent, Person
from tests import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1/people"


def test_one_s_own_record_and_consents(api_as: Any) -> None:
    client = api_as("resident")
    mine = client.get(f"{URL}/me").json()
    assert mine["id"] == client.person.pk
    assert mine["id_number"] == client.person.masked_id_number
    assert client.put(f"{URL}/me/consents/location").status_code == 204
    assert Consent.objects.get(person=client.person, withdrawn_at=None).purpose == "location"
    lines = {line["purpose"]: line for line in client.get(f"{URL}/me/consents").json()}
    assert lines["location"]["given_at"]
    assert not lines["pass_on"]["given_at"]
    assert client.delete(f"{URL}/me/consents/location").status_code == 204
    assert not Consent.objects.filter(withdrawn_at=None).exists()
    assert client.put(f"{URL}/me/consents/spam").status_code == 422


def test_one_s_own_contact(api_as: Any) -> None:
    client = api_as("resident")
    wrong = client.patch(f"{URL}/me", {"phone": "1"}, content_type="application/json")
    assert wrong.status_code == 409
    assert wrong.json()["field"] == "phone"
    assert (
        client.patch(f"{URL}/me", {"email": "a@example.org"}, content_type="application/json").json()["email"] == "a***@example.org"
    )
    assert client.patch(f"{URL}/me", {"division": "999999999999"}, content_type="application/json").status_code == 409


def test_everything_held_on_one(api_as: Any) -> None:
    client = api_as("resident")
    held = client.post(f"{URL}/me/export").json()
    assert held["holdings"]["people.Person"][0]["id_number"] == client.person.id_number
    assert Event.objects.filter(verb="look.people.export").count() == 1


def test_a_resident_looks_nobody_up(api_as: Any) -> None:
    client, other = api_as("resident"), factories.person()
    assert client.get(f"{URL}/", {"q": other.name}).status_code == 403
    assert client.get(f"{URL}/{other.pk}").status_code == 404
    assert client.patch(f"{URL}/{other.pk}", {"email": ""}, content_type="application/json").status_code == 404


def test_a_worker_looks_up_and_registers_within_the_community(api_as: Any) -> None:
    here = factories.division()
    client = api_as("community_worker", division=here.code)
    near = factories.person(name="欧阳春晓", division=here)
    factories.person(name="欧阳秋白", division=factories.division(district=factories.OTHER_DISTRICT))
    found = client.get(f"{URL}/", {"q": "欧阳"}).json()
    assert [item["id"] for item in found["items"]] == [near.pk]
    assert found["items"][0]["phone"] == near.masked_phone
    new = {
        "name": "王小明",
        "id_kind": "resident",
        "id_number": "11010519491231002X",
        "phone": "13800138000",
        "division": here.code,
    }
    assert client.post(f"{URL}/", new, content_type="application/json").status_code == 201
    again = client.post(f"{URL}/", new, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "registered")
    elsewhere = new | {"division": factories.division(district=factories.OTHER_DISTRICT).code}
    assert client.post(f"{URL}/", elsewhere, content_type="application/json").status_code == 403
    assert Person.objects.filter(name="王小明").count() == 1


def test_no_token_unmasks(api_as: Any, as_role: Any) -> None:
    here = factories.division()
    near = factories.person(division=here)
    url = f"{URL}/{near.pk}/unmask"
    assert api_as("community_worker", division=here.code).post(
        url, {"reason": "核对参保"}, content_type="application/json"
    ).status_code in {401, 403}
    browser = as_role("community_worker", division=here.code)
    assert browser.post(url, {"reason": ""}, content_type="application/json").status_code == 409
    assert browser.post(url, {"reason": "核对参保"}, content_type="application/json").json()["id_number"] == near.id_number
