"""SESSION_ENGINE: sessions in PostgreSQL, stored by the digest of their key, with the account as a column."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from qunli.accounts.models import Account, Session

SECOND_FACTOR = "qunli_second_factor"
"""Session key: the id of the account, as a string, whose second factor this session has shown. Not a yes: a sign-in that was left
half-way must not count for the next person at the same browser."""


ACCOUNT = [field.attname for field in Account._meta.concrete_fields if field.attname not in ("phone", "phone_digest")]
LOAD = f"""
    SELECT session.data, session.address, session.device, session.last_seen_at, {", ".join(f"account.{name}" for name in ACCOUNT)}
    FROM accounts_session session LEFT JOIN accounts_account account ON account.id = session.account_id
    WHERE session.digest = %s AND session.expires_at > %s
"""  # noqa: S608 - names of our own
"""Written out, as every page begins with it: to build it anew each time took longer than to run it."""


def digest_of(key: str) -> bytes:
    """What the database knows of a session's key or a token: its SHA-256 (the key is random, so no salt is needed)."""
    return hashlib.sha256(key.encode()).digest()


class SessionStore(SessionBase):
    """Django's session interface over `accounts.Session`. Loading brings the account along: one query for both."""

    account: Account | None = None
    address: str = ""
    device: str = ""
    last_seen_at: Any = None

    def load(self) -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute(LOAD, [digest_of(self.session_key or ""), timezone.now()])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None
            return {}
        data, self.address, self.device, self.last_seen_at, *account = row
        self.account = None if account[0] is None else Account.from_db(connection.alias, ACCOUNT, account)
        loaded: dict[str, Any] = self.decode(data)
        return loaded

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(digest=digest_of(session_key)).exists()

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Raises UpdateError when the row is gone: a session that was signed out elsewhere never comes back by being saved."""
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        account = data.get(SESSION_KEY)
        columns = {
            "data": self.encode(data),
            "expires_at": self.get_expiry_date(),
            "account_id": int(account) if account is not None else None,
            "address": self.address,
            "device": self.device,
        }
        if must_create:
            try:
                with transaction.atomic():
                    Session.objects.create(digest=digest_of(self.session_key), **columns)
            except IntegrityError as error:
                raise CreateError from error
        elif not Session.objects.filter(digest=digest_of(self.session_key)).update(**columns):
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(digest=digest_of(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expires_at__lt=timezone.now()).delete()
