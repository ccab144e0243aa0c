"""Who of the demonstration stands for which role, and how programs sign in as them. Only where settings.DEMO is on."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from qunli.accounts import services as accounts
from qunli.accounts.scopes import SCOPES
from qunli.kernel.actor import SYSTEM
from qunli.kernel.errors import Refused
from qunli.synthetic.demonstration import building

TOKEN_DAYS = 30


def only_in_demonstration() -> None:
    """Raises Refused outside of a demonstration."""
    if not settings.DEMO:
        raise Refused(_("只在演示环境（QUNLI_DEMO=1）可用。"), code="not_demo")


def sign_ins() -> list[dict[str, str]]:
    """One person for each role: role, name, phone as it is typed, password and what can be tried."""
    texts = building.read("people")
    return [
        {
            "role": about["role"],
            "name": about["name"],
            "phone": building.phone_of(about["phone"]).removeprefix("+86"),
            "password": settings.DEMO_PASSWORD,
            "note": about.get("note", ""),
        }
        for about in texts["person"]
        if "role" in about
    ]


def sign_in(role: str, *, now: datetime) -> dict[str, Any]:
    """A session (its second factor shown) and an API token with every scope, of the person of a role.

    Raises Refused outside of a demonstration, for an unknown role, and before the people are made.
    """
    only_in_demonstration()
    known = {about["role"]: about for about in building.read("people")["person"] if "role" in about}
    if role not in known:
        raise Refused(_("没有这个角色。可用的有：%(roles)s") % {"roles": "、".join(known)}, code="role", field="role")
    if not building.exists():
        raise Refused(_("还没有演示人员。请先运行 script/manage synthesize。"), code="no_people")
    about = known[role]
    account = building.account_of(about["phone"])
    cookie = accounts.open_session(account, device="demo_login")
    token = accounts.issue_token(account=account, name="demo_login", scopes=SCOPES, days=TOKEN_DAYS, by=SYSTEM, now=now)
    return {
        "role": role,
        "name": about["name"],
        "phone": building.phone_of(about["phone"]),
        "account": account.pk,
        "person": account.person_id,
        "cookie": {"name": cookie.name, "value": cookie.value},
        "csrf": cookie.csrf,
        "token": token,
    }
