"""Sending SMS: a protocol, and the class that does it named by QUNLI_SMS_SENDER ("package.module.Class").

A city brings its own provider: a class with `send(phone, text)` that raises `NotSent` when the message did not go out.
"""

from functools import lru_cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from qunli.notices.models import DemoSms


class NotSent(Exception):
    """The message did not go out. The text says why, without personal data; the queue tries again."""


class SmsSender(Protocol):
    def send(self, phone: str, text: str) -> None:
        """Send `text` to `phone` (E.164). Raises NotSent. Must return within seconds: a person may be waiting."""
        ...


class InboxSender:
    """The demonstration's: messages land in the inbox page and nowhere else."""

    def send(self, phone: str, text: str) -> None:
        DemoSms.objects.create(phone=phone, text=text)


class Unconfigured:
    """No provider has been named: nothing can be sent, and it says so."""

    def send(self, phone: str, text: str) -> None:
        raise NotSent("no SMS provider is configured: set QUNLI_SMS_SENDER")


@lru_cache(maxsize=1)
def _sender(path: str) -> SmsSender:
    found: SmsSender = import_string(path)()
    return found


def sender() -> SmsSender:
    """The configured sender."""
    return _sender(settings.SMS_SENDER)
