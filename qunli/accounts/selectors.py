"""Reads of accounts, their browsers and tokens."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import SESSION_KEY
from django.db.models import QuerySet

from qunli.accounts.models import Account, Session, Token
from qunli.accounts.sessions import SECOND_FACTOR, digest_of
from qunli.kernel.ciphers import decrypt
from qunli.notices.models import DemoSms

SESSION_SQL = """\
SELECT account.id AS account_id, account.person_id, account.language
  FROM accounts_session session
  JOIN accounts_account account ON account.id = session.account_id AND account.is_active
 WHERE session.digest = %(session)s AND session.expires_at > now()"""
"""For a path that must settle everything in one statement: session to account, person and language; no row: not signed in.

Bind `session` to `sessions.digest_of(request.COOKIES[settings.SESSION_COOKIE_NAME])` and use it as `WITH who AS (...)`. It checks
what signing out and deactivating change. It does not compare the password's hash, as `middleware.account_of` does: changing the
password deletes the rows of the other sessions, so that it need not."""


def has_second_factor(session: Mapping[str, Any]) -> bool:
    """Whether this session has shown a second factor of the account that it signs in."""
    shown = session.get(SECOND_FACTOR)
    return shown is not None and shown == session.get(SESSION_KEY)


def sessions(account: Account, now: datetime) -> QuerySet[Session]:
    """The account's signed-in browsers, the last seen first."""
    return Session.objects.filter(account=account, expires_at__gt=now).order_by("-last_seen_at").defer("data")


def tokens(account: Account) -> QuerySet[Token]:
    """The account's API tokens, the newest first."""
    return Token.objects.filter(account=account).order_by("-id")


def token_in_force(text: str, now: datetime) -> Token | None:
    """The token with this text, with its account, if it is not expired, revoked or of a deactivated account."""
    return (
        Token.objects.select_related("account")
        .defer("account__phone", "account__phone_digest")
        .filter(digest=digest_of(text), expires_at__gt=now, revoked_at=None, account__is_active=True)
        .first()
    )


def demonstration_inbox() -> dict[str, Any]:
    """The last messages of the demonstration, and what the authenticator apps of its officers would show now."""
    codes = []
    for row in Authenticator.objects.filter(type=Authenticator.Type.TOTP).select_related("user__person").order_by("user_id")[:30]:
        secret = decrypt(bytes.fromhex(row.data["secret"]))
        value = hotp_value(secret, int(time.time()) // 30)
        codes.append({"person": row.user.person, "phone": row.user.phone, "code": format_hotp_value(value)})
    return {"messages_sent": DemoSms.objects.order_by("-id")[:12], "factors": codes}
