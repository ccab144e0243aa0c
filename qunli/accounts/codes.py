"""One-time codes: sent to a phone, valid ten minutes, five tries, used once. All of it is settled in the database.

Codes are kept for the phone, not for the browser that asked: so tries cannot be multiplied by opening more browsers. A code is
sent to every phone that is asked for, registered or not: nobody learns from it whether an account exists.
"""

import hmac
import secrets
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from qunli.accounts.models import CodePurpose, OneTimeCode
from qunli.kernel.ciphers import blind_index
from qunli.kernel.errors import Refused

VALID = timedelta(minutes=10)
TRIES = 5
DIGITS = 6
AGAIN = timedelta(seconds=60)
"""A phone gets the next code after this."""
PER_PHONE_HOUR = 6
PER_ADDRESS_HOUR = 60
"""Offices and schools share an address: room for them, none for a machine gun."""


def new_code(*, phone: str, purpose: CodePurpose, now: datetime, address: str | None) -> str:
    """A new code for a phone; those before it are void. Raises Refused "too_soon" / "too_many" at the field `phone`."""
    digest, hour = blind_index("phone", phone), now - timedelta(hours=1)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One at a time for a phone and for an address, or two clicks would both pass the limits below.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode(%s, 'hex'), 1))", [digest])
            if address:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [address])
        sent = list(
            OneTimeCode.objects.filter(phone_digest=digest, created_at__gt=hour)
            .order_by("-created_at")
            .values_list("created_at", flat=True)
        )
        if sent and now - sent[0] < AGAIN:
            seconds = int((AGAIN - (now - sent[0])).total_seconds()) + 1
            raise Refused(
                _("验证码刚刚发出，请 %(seconds)s 秒后再试。") % {"seconds": seconds},
                code="too_soon",
                field="phone",
                seconds=seconds,
            )
        from_address = OneTimeCode.objects.filter(address=address, created_at__gt=hour).count() if address else 0
        if len(sent) >= PER_PHONE_HOUR or from_address >= PER_ADDRESS_HOUR:
            raise Refused(_("一小时内发送的验证码太多，请稍后再试。"), code="too_many", field="phone", seconds=3600)
        OneTimeCode.objects.create(
            purpose=purpose,
            phone_digest=digest,
            code_digest=_digest(purpose, phone, code),
            created_at=now,
            expires_at=now + VALID,
            address=address or "",
        )
    return code


def right_code(*, phone: str, purpose: CodePurpose, code: str, now: datetime) -> int | None:
    """The id of the phone's newest code if `code` is it, in time, not used and not tried too often; it is not used up yet.

    Each call counts as a try before anything is compared, so call it outside of a transaction that a refusal would roll back.
    """
    newest = OneTimeCode.objects.filter(phone_digest=blind_index("phone", phone), purpose=purpose).order_by("-created_at", "-id")
    row = newest.values_list("id", "code_digest").first()
    given = _digest(purpose, phone, code)
    # Compared in any case, so that the answer takes the same time whether a code was sent or not.
    right = hmac.compare_digest(bytes(row[1]) if row else bytes(len(given)), given)
    if row is None:
        return None
    tried = OneTimeCode.objects.filter(id=row[0], used_at=None, expires_at__gt=now, tries__lt=TRIES).update(tries=F("tries") + 1)
    return row[0] if tried and right else None


def spend(code_id: int, *, now: datetime) -> bool:
    """Use a code up, by one guarded statement: of two requests with the right code exactly one gets True."""
    return bool(OneTimeCode.objects.filter(id=code_id, used_at=None).update(used_at=now))


def use_code(*, phone: str, purpose: CodePurpose, code: str, now: datetime) -> bool:
    """`right_code` and `spend` in one."""
    found = right_code(phone=phone, purpose=purpose, code=code, now=now)
    return found is not None and spend(found, now=now)


def _digest(purpose: str, phone: str, code: str) -> bytes:
    return blind_index("code", f"{purpose}:{phone}:{code}")
