"""The verbs of signing in. Other rooms, commands and tests come in by this door."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qunli.accounts import codes
from qunli.accounts.attempts import count_attempt as count_attempt
from qunli.accounts.attempts import counted as counted
from qunli.accounts.attempts import forget_attempts as forget_attempts
from qunli.accounts.models import Account, CodePurpose, Session, Token
from qunli.accounts.scopes import SCOPES
from qunli.accounts.sessions import SECOND_FACTOR, SessionStore, digest_of
from qunli.audit.context import origin
from qunli.audit.services import record
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.ciphers import blind_index
from qunli.kernel.errors import Denied, Refused
from qunli.notices.services import send_sms, set_preferences
from qunli.people.identity import normal_phone
from qunli.people.models import Person

BACKEND = "qunli.accounts.backends.PhoneBackend"
TOKEN_PREFIX = "qlt_"  # noqa: S105
WRONG_CODE = gettext_lazy("验证码不正确或已失效。请核对最新一条短信，或重新获取验证码。")
"""One answer for a wrong, old, used or never sent code."""


class SessionCookie(NamedTuple):
    """A signed-in session for commands and tests: cookie `name`=`value`; `csrf` is csrftoken cookie and X-CSRFToken header."""

    name: str
    value: str
    csrf: str


def open_session(account: Account, *, second_factor: bool = True, device: str = "script/manage") -> SessionCookie:
    """Sign an account in without a browser. For commands and tests: nothing is asked of the account."""
    store = SessionStore()
    store[SESSION_KEY] = str(account.pk)
    store[BACKEND_SESSION_KEY] = BACKEND
    store[HASH_SESSION_KEY] = account.get_session_auth_hash()
    if second_factor:
        store[SECOND_FACTOR] = str(account.pk)
    store.device = device
    store.create()
    return SessionCookie(settings.SESSION_COOKIE_NAME, store.session_key or "", get_random_string(32))


def send_code(*, phone: str, purpose: CodePurpose = CodePurpose.SIGN_IN, text: str = "", now: datetime) -> str:
    """Send a one-time code to a phone and return the phone in its normal form.

    `text` is another wording, with %(code)s and %(minutes)s.
    The same for phones with and without an account. Raises Refused at `phone`: not a phone, too soon, too many. The message
    goes out at once, not by the queue: a code must not stand in the queue's table, and the person is waiting.
    """
    phone = normal_phone(phone)
    code = codes.new_code(phone=phone, purpose=purpose, now=now, address=origin.get().address)
    text = text or _("验证码 %(code)s，%(minutes)s 分钟内有效。请勿告诉他人。")
    send_sms(phone, text % {"code": code, "minutes": int(codes.VALID.total_seconds()) // 60})
    return phone


def right_code(*, phone: str, purpose: CodePurpose, code: str, now: datetime) -> int | None:
    """The id of a code that is right and not used up yet, for a deed that spends it in its own transaction (`spend_code`).

    Counts a try: call it outside of a transaction. None when it is wrong.
    """
    return codes.right_code(phone=normal_phone(phone), purpose=purpose, code=code.strip(), now=now)


def spend_code(code_id: int, *, now: datetime) -> bool:
    """Use up what `right_code` found: of two requests with the right code exactly one gets True."""
    return codes.spend(code_id, now=now)


def check_code(*, phone: str, code: str, now: datetime, **choices: Any) -> Account:
    """The account that signs in with a code; made if the phone has none yet, with `choices` (as for `save_settings`).

    Raises Refused "code" at `code`.

    One answer for a wrong, old, used or never sent code.
    """
    phone = normal_phone(phone)
    if not codes.use_code(phone=phone, purpose=CodePurpose.SIGN_IN, code=code.strip(), now=now):
        raise Refused(WRONG_CODE, code="code", field="code")
    digest = blind_index("phone", phone)
    account = Account.objects.filter(phone_digest=digest).first()
    if account is None:
        try:
            with transaction.atomic():
                account = Account.objects.create_user(phone=phone, phone_verified=True, **choices)
                record("accounts.open", f"account:{account.pk}", by=SYSTEM)
        except IntegrityError:
            account = Account.objects.get(phone_digest=digest)
    elif not account.phone_verified:
        Account.objects.filter(pk=account.pk).update(phone_verified=True)
    if not account.is_active:
        raise Refused(_("这个账号已停用，请联系社区或街道的工作人员。"), code="inactive", field="code")
    return account


def confirm_code(*, account: Account, code: str, now: datetime) -> None:
    """The code that was sent to the own phone to prove again who one is. Raises Refused at `code`."""
    if not account.phone or not codes.use_code(phone=account.phone, purpose=CodePurpose.CONFIRM, code=code.strip(), now=now):
        raise Refused(WRONG_CODE, code="code", field="code")


def change_phone(*, account: Account, phone: str, new_code: str, old_code: str = "", by: Actor, now: datetime) -> None:
    """Move an account to another phone: codes from both must be right. Raises Refused at `old_code`, `new_code` or `phone`."""
    phone = normal_phone(phone)
    # Tries are counted outside of the transaction; both codes are spent inside, together with the change.
    old = codes.right_code(phone=account.phone, purpose=CodePurpose.PHONE_OLD, code=old_code, now=now) if account.phone else None
    if account.phone and old is None:
        raise Refused(WRONG_CODE, code="code", field="old_code")
    new = codes.right_code(phone=phone, purpose=CodePurpose.PHONE_NEW, code=new_code, now=now)
    if new is None:
        raise Refused(WRONG_CODE, code="code", field="new_code")
    with transaction.atomic():
        if not codes.spend(new, now=now) or (old is not None and not codes.spend(old, now=now)):
            raise Refused(WRONG_CODE, code="code", field="new_code")
        try:
            with transaction.atomic():
                Account.objects.filter(pk=account.pk).update(
                    phone=phone, phone_digest=blind_index("phone", phone), phone_verified=True
                )
        except IntegrityError as error:
            # Only somebody who holds the new phone gets here, so this tells nothing about strangers.
            raise Refused(_("这个号码已经属于另一个账号，请用它直接登录。"), code="taken", field="phone") from error
        record("accounts.change_phone", f"account:{account.pk}", by=by)
    account.refresh_from_db(fields=["phone", "phone_digest", "phone_verified"])


def attach_person(*, account: Account, person: Person, by: Actor) -> None:
    """Tie an account to its person, once: raises Refused when either already belongs to another."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                tied = Account.objects.filter(Q(person=None) | Q(person=person), pk=account.pk).update(person=person)
        except IntegrityError as error:
            raise Refused(_("这个人已有另一个账号，请用那个账号登录。"), code="has_account") from error
        if not tied:
            raise Refused(_("这个账号已经属于另一个人。"), code="has_person")
        record("accounts.attach_person", f"account:{account.pk}", by=by, person=person.pk)
    account.person = person


def sign_out_session(*, account: Account, digest: bytes, by: Actor) -> bool:
    """Sign one of the account's browsers out, at once. False when it was signed out already."""
    with transaction.atomic():
        gone, _rows = Session.objects.filter(account=account, digest=digest).delete()
        if gone:
            record("accounts.sign_out_there", f"account:{account.pk}", by=by)
    return bool(gone)


def sign_out_everywhere(*, account: Account, by: Actor, now: datetime, keep: bytes | None = None, tokens: bool = True) -> int:
    """Sign all of the account's browsers out, at once, but the one to `keep`; with `tokens` programs too. Returns how many."""
    with transaction.atomic():
        others = Session.objects.filter(account=account)
        if keep is not None:
            others = others.exclude(digest=keep)
        gone, _rows = others.delete()
        revoked = Token.objects.filter(account=account, revoked_at=None).update(revoked_at=now) if tokens else 0
        record("accounts.sign_out_everywhere", f"account:{account.pk}", by=by, sessions=gone, tokens=revoked)
    return gone


def close_account(*, person: Person, by: Actor, now: datetime) -> None:
    """The person asked for deletion: nobody signs in with the account any more, here or through the API."""
    for account in Account.objects.select_for_update().filter(person=person).order_by("pk"):
        sign_out_everywhere(account=account, by=by, now=now)
        account.is_active = False
        account.set_unusable_password()
        account.save(update_fields=["is_active", "password"])
        record("accounts.close", f"account:{account.pk}", by=by)


def revoke_on_merge(*, kept: Person, gone: Person, by: Actor, now: datetime) -> None:
    """Two records that both had an account become one: the second account signs in by its phone, and all else is set up anew.

    Its tokens, passkeys and authenticators were given for the record that ends; they do not open the one that is kept.
    """
    if not Account.objects.filter(person=kept).exists():
        return
    for account in Account.objects.select_for_update().filter(person=gone).order_by("pk"):
        tokens = Token.objects.filter(account=account, revoked_at=None).update(revoked_at=now)
        factors, _rows = Authenticator.objects.filter(user=account).delete()
        record("accounts.revoke_on_merge", f"account:{account.pk}", by=by, tokens=tokens, factors=factors)


def join_account(account: Any, _other: Any, _now: datetime) -> dict[str, Any]:
    """Two records that both had an account became one: the second account leads to the one who stays, beside the first."""
    return {"person": account.person.merged_into, "joined": True}


def issue_token(
    *,
    account: Account,
    name: str,
    scopes: Iterable[str],
    days: int,
    by: Actor,
    second_factor: bool = True,
    now: datetime | None = None,
) -> str:
    """A new API token of an account; its text is returned once and not stored. Raises Refused at `scopes` or `days`."""
    wanted, now = sorted(set(scopes)), now or timezone.now()
    if by is not SYSTEM and by.account_id != account.pk:
        raise Denied("accounts.issue_token", _("只能为自己的账号创建访问令牌。"))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise Refused(_("请至少选择一项，并且只选列出的权限范围。"), code="scopes", field="scopes")
    if not 1 <= days <= 366:
        raise Refused(_("有效期为 1 至 366 天。"), code="days", field="days")
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = Token.objects.create(
            account=account,
            name=name,
            digest=digest_of(text),
            hint=text[:10],
            scopes=wanted,
            second_factor=second_factor,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        record("accounts.issue_token", f"token:{token.pk}", by=by, scopes=wanted, days=days)
    return text


def revoke_token(*, account: Account, token_id: int, by: Actor, now: datetime) -> bool:
    """Revoke one of the account's tokens, at once. False when there is none in force."""
    with transaction.atomic():
        done = Token.objects.filter(account=account, pk=token_id, revoked_at=None).update(revoked_at=now)
        if done:
            record("accounts.revoke_token", f"token:{token_id}", by=by)
    return bool(done)


def own_account(*, by: Actor) -> Account:
    """The account that acts, as it stands in the database. Raises Denied for an actor that has none."""
    account = Account.objects.filter(pk=by.account_id).first() if by.account_id is not None else None
    if account is None:
        raise Denied("accounts.own", _("请先登录。"))
    return account


def save_settings(*, account: Account, by: Actor, **choices: Any) -> None:
    """Language, theme and elder mode of the own account. The language is also that of messages sent outside."""
    if by.account_id != account.pk:
        raise Denied("accounts.own", _("只能修改自己的设置。"))
    known = {name: value for name, value in choices.items() if name in ("language", "theme", "elder")}
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**known)
        if "language" in known and account.person_id is not None:
            set_preferences(person_id=account.person_id, by=by, language=known["language"])
    for name, value in known.items():
        setattr(account, name, value)


def set_password(*, account: Account, password: str, by: Actor, keep: bytes | None = None) -> None:
    """Set the own password and sign every other browser out. The caller has validated it (`PasswordForm`)."""
    if by.account_id != account.pk:
        raise Denied("accounts.own", _("只能修改自己的密码。"))
    with transaction.atomic():
        account.set_password(password)
        account.save(update_fields=["password"])
        Session.objects.filter(account=account).exclude(digest=keep or b"").delete()
        record("accounts.set_password", f"account:{account.pk}", by=by)
