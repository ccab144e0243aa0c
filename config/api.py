"""The public API: every room's operations under /api/v1/<room>/, described by /api/v1/openapi.json and readable at /api/v1/docs.

A room gives a `router` in its api.py; an operation names the scope that a token needs (`kernel.api.needs`). Without a
word an operation is for signed-in browsers only. Errors are `kernel.api.Problem`.
"""

import math
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.openapi.docs import DocsBase
from ninja.throttling import BaseThrottle

from config.api_docs import sections
from qunli.accounts.limits import Limiter
from qunli.accounts.scopes import SCOPES
from qunli.audit.context import client_address
from qunli.kernel.api import SESSION_ONLY, TokenAuth
from qunli.kernel.ciphers import blind_index
from qunli.kernel.errors import Denied, Refused

ROOMS = (
    "divisions", "people", "notices", "accounts", "access", "files", "rules", "cases", "volunteering", "service_hours", "audit",
)  # fmt: skip


class Docs(DocsBase):
    """The document as a page of ours: nothing from other hosts, no script, readable on a phone."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        schema = api.get_openapi_schema(path_params=kwargs)
        return render(request, "api/docs.html", {"sections": sections(schema), "schema_url": self.get_openapi_url(api, kwargs)})


class Limit(BaseThrottle):
    """So many requests a minute for a token, an account, or an address that has neither (QUNLI_API_RATE; 0 switches it off)."""

    limiter = Limiter(settings.API_RATE)

    def __init__(self) -> None:
        self.seconds = 0.0

    def allow_request(self, request: HttpRequest) -> bool:
        actor = getattr(request, "auth", None)
        known = getattr(actor, "account_id", None) is not None
        stranger = blind_index("visitor", client_address(request) or "").hex()[:32]
        self.seconds = self.limiter.take(str(getattr(actor, "label", "")) if known else stranger, timezone.now())
        return self.seconds == 0

    def wait(self) -> float:
        return math.ceil(self.seconds)


class Api(NinjaAPI):
    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """The document, with the scope that a token needs at each operation."""
        schema = super().get_openapi_schema(**kwargs)
        scopes = dict(self._scopes())
        for methods in schema["paths"].values():
            for raw in methods.values():
                scope = scopes.get(raw["operationId"])
                if scope:
                    raw["security"] = [{"SessionAuth": []}, {"TokenAuth": [scope]}]
                elif raw.get("security"):
                    raw["security"] = [{"SessionAuth": []}]
        return schema

    def _scopes(self) -> Iterator[tuple[str, str | None]]:
        for _prefix, router in self._routers:
            for view in router.path_operations.values():
                for operation in view.operations:
                    scope = next((a.scope for a in operation.auth_callbacks if isinstance(a, TokenAuth)), None)
                    yield operation.operation_id or self.get_openapi_operation_id(operation), scope


api = Api(
    title="群力 Qunli",
    version="1",
    description="Residents, teams, activities, sign-ups, hours and certificates. Tokens are made under /accounts/tokens/.",
    docs=Docs(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    auth=SESSION_ONLY,
    throttle=[Limit()],
    urls_namespace="api",
)


def _problem(request: HttpRequest, status: int, code: str, message: object, **more: Any) -> HttpResponse:
    return api.create_response(request, {"code": code, "message": str(message), "field": None, "facts": {}} | more, status=status)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    facts = {
        name: value if isinstance(value, str | int | float | bool | None) else str(value) for name, value in error.facts.items()
    }
    return _problem(request, 409, error.code, error.message, field=error.field, facts=facts)


@api.exception_handler(PermissionDenied)
def _denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    from qunli.access.selectors import roles_with

    if not isinstance(error, Denied):
        return _problem(request, 403, "denied", _("没有权限。"))
    facts = {"permission": error.permission, "roles": [role.key for role in roles_with(error.permission)]}
    return _problem(request, 403, "denied", error.message or _("没有权限。"), facts=facts)


@api.exception_handler(Http404)
def _missing(request: HttpRequest, _error: Http404) -> HttpResponse:
    return _problem(request, 404, "missing", _("没有找到，或者您看不到它。"))


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return _problem(request, 401, "sign_in", _("请先登录，或在 Authorization 头里给出有效的访问令牌。"))


@api.exception_handler(Throttled)
def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    seconds = int(error.wait or 1)
    response = _problem(
        request, 429, "too_many", _("请求太频繁，请 %(seconds)s 秒后再试。") % {"seconds": seconds}, facts={"seconds": seconds}
    )
    response["Retry-After"] = str(seconds)
    return response


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"loc": list(e.get("loc", ())), "type": e.get("type", ""), "msg": e.get("msg", "")} for e in error.errors]
    last = errors[0]["loc"][-1] if errors and errors[0]["loc"] else None
    field = last if isinstance(last, str) else None
    return _problem(request, 422, "invalid", _("有内容填写不正确。"), field=field, errors=errors)


@api.exception_handler(HttpError)
def _other(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 400:  # the body is no JSON: input that cannot be read, as any other
        return _problem(request, 422, "invalid", _("请求的内容不是可以读懂的 JSON。"), errors=[])
    return _problem(request, error.status_code, "csrf" if error.status_code == 403 else "error", error.message)


for room in ROOMS:
    if find_spec(f"qunli.{room}.api") is not None:
        api.add_router(f"/{room}/", import_module(f"qunli.{room}.api").router)

_unknown_scopes = {scope for _operation, scope in api._scopes() if scope} - set(SCOPES)
if _unknown_scopes:
    raise ImproperlyConfigured(f"operations name scopes that accounts/scopes.py does not have: {sorted(_unknown_scopes)}")
api_urls = api.urls
for _pattern in api_urls[0]:
    # The API asks for the sign-in itself and answers 401, where a page would go to the sign-in page.
    _view: Any = _pattern.callback
    _view.login_required = False
