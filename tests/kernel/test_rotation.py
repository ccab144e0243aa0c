"""A new key takes over columns, files and second factors; the old one can then be taken out."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from qunli.access.selectors import actor_of
from qunli.accounts.models import Account
from qunli.files import services as files
from qunli.kernel import ciphers
from qunli.kernel.clock import local_date
from qunli.people.models import Person
from tests import factories
from tests.files.test_files import PDF

OLD, NEW = "1:0123456789abcdeffedcba9876543210", "2:ffeeddccbbaa99887766554433221100"


def rotate() -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_everything_moves_to_the_new_key(settings: Any) -> None:
    settings.CIPHER_KEYS = OLD
    person = factories.person()
    number, phone = person.id_number, person.phone
    account = factories.account(person)
    TOTP.activate(account, "ABCDEFGHIJKLMNOP")
    actor = actor_of(account, local_date(timezone.now()))
    attachment = files.store(upload=SimpleUploadedFile("a.pdf", PDF), owner=person, subject="claim:1", by=actor)

    settings.CIPHER_KEYS = f"{NEW},{OLD}"
    said = rotate()
    assert "people.person.id_number: 1" in said
    assert "files: 1" in said
    assert "accounts: 1" in said
    assert all(line.endswith(": 0") for line in rotate().splitlines()[:-1]), "a second run finds nothing"

    settings.CIPHER_KEYS = NEW
    person = Person.objects.get(pk=person.pk)
    assert (person.id_number, person.phone) == (number, phone)
    assert Account.objects.get(pk=account.pk).phone == account.phone
    assert decrypt(Authenticator.objects.get(user=account).data["secret"]) == "ABCDEFGHIJKLMNOP"
    content = Path(default_storage.path(files.path_of(attachment.key)))
    assert ciphers.decrypt_bytes(content.read_bytes()).startswith(b"%PDF")
    assert not list(content.parent.glob("*.new"))


@pytest.mark.django_db
def test_a_value_that_changes_meanwhile_is_left_alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CIPHER_KEYS = OLD
    person = factories.person()
    settings.CIPHER_KEYS = f"{NEW},{OLD}"
    many: Callable[..., list[bytes]] = ciphers.encrypt_many

    def meanwhile(texts: list[str]) -> list[bytes]:
        with connection.cursor() as cursor:
            cursor.execute("update people_person set phone = %s where id = %s", [ciphers.encrypt("+8613900000000"), person.pk])
        return many(texts)

    monkeypatch.setattr(ciphers, "encrypt_many", meanwhile)
    rotate()
    assert Person.objects.get(pk=person.pk).phone == "+8613900000000"


@pytest.mark.django_db
def test_a_key_that_is_gone_is_named(settings: Any) -> None:
    settings.CIPHER_KEYS = OLD
    factories.person()
    settings.CIPHER_KEYS = NEW
    with pytest.raises(CommandError, match=r"no key '1'.*put the old key back"):
        rotate()
