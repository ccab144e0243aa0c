"""Secrets of the second factor under a new key (`script/manage rotate_keys`)."""

from allauth.mfa.models import Authenticator
from django.db import transaction

from qunli.kernel import ciphers

SECRETS = ("secret", "seed")
"""Of TOTP and of recovery codes; passkeys hold public keys only."""


def rotate() -> int:
    written = 0
    for number in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            authenticator = Authenticator.objects.select_for_update().filter(pk=number).first()
            if authenticator is None:
                continue
            old = {name: text for name in SECRETS if (text := authenticator.data.get(name)) and not _is_current(text)}
            for name, text in old.items():
                authenticator.data[name] = ciphers.encrypt(ciphers.decrypt(bytes.fromhex(text))).hex()
            if old:
                authenticator.save(update_fields=["data"])
                written += 1
    return written


def _is_current(text: str) -> bool:
    return ciphers.is_current(bytes.fromhex(text))
