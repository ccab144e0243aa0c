"""The own account through the API."""

from typing import Literal

from django.http import HttpRequest
from ninja import Router, Schema

from qunli.accounts import services
from qunli.accounts.models import Account
from qunli.kernel.api import PROBLEMS, needs
from qunli.kernel.http import actor_of
from qunli.kernel.masking import mask_phone

router = Router(tags=["account"])


class Me(Schema):
    account_id: int
    person_id: int | None
    phone: str
    """Masked."""
    language: str
    theme: str
    elder: bool


class LookIn(Schema):
    language: Literal["zh-hans", "en"] | None = None
    theme: Literal["auto", "light", "dark", "contrast"] | None = None
    elder: bool | None = None


def _me(account: Account) -> Me:
    return Me(
        account_id=account.pk,
        person_id=account.person_id,
        phone=mask_phone(account.phone) if account.phone else "",
        language=account.language,
        theme=account.theme,
        elder=account.elder,
    )


@router.get("/me", response={200: Me, **PROBLEMS}, auth=needs("account:read"), summary="Who is signed in")
def me(request: HttpRequest) -> Me:
    return _me(services.own_account(by=actor_of(request)))


@router.patch("/me", response={200: Me, **PROBLEMS}, auth=needs("account:write"), summary="Language and look of the own pages")
def change(request: HttpRequest, data: LookIn) -> Me:
    account = services.own_account(by=actor_of(request))
    services.save_settings(account=account, by=actor_of(request), **data.dict(exclude_none=True))
    return _me(account)
