"""Pages of signing in and of one's own account."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, authenticate, logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from qunli.accounts import selectors, services
from qunli.accounts.forms import CodeForm, PasswordSignInForm, PhoneForm
from qunli.accounts.models import Account
from qunli.kernel.ciphers import blind_index, decrypt, encrypt
from qunli.kernel.errors import Refused
from qunli.kernel.http import public, render_refused
from qunli.kernel.masking import mask_phone
from qunli.people.identity import normal_phone

PENDING_PHONE = "qunli_pending_phone"
"""Session key: the phone that was asked for a code, encrypted."""


def _next(request: HttpRequest) -> str:
    """Where to go after signing in: within this site or nowhere."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if safe else ""


def _with_next(name: str, request: HttpRequest) -> str:
    following = _next(request)
    return reverse(name) + (f"?{REDIRECT_FIELD_NAME}={following}" if following else "")


@public
@never_cache
@sensitive_post_parameters("phone")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Step one: the phone. A code is sent to whatever phone is given, so nobody learns whether it has an account."""
    if request.user.is_authenticated:
        return redirect(_next(request) or settings.LOGIN_REDIRECT_URL)
    form = PhoneForm(request.POST or None)
    context = {"next": _next(request), "demo": settings.DEMO, "outside": _outside()}
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "accounts/sign_in.html", form, context=context)
        try:
            phone = services.send_code(phone=form.cleaned_data["phone"], now=timezone.now())
        except Refused as refused:
            return render_refused(request, "accounts/sign_in.html", form, refused, context)
        request.session[PENDING_PHONE] = encrypt(phone).hex()
        return redirect(_with_next("accounts:code", request))
    return render(request, "accounts/sign_in.html", {"form": form, **context})


@public
@never_cache
@sensitive_post_parameters()
def code(request: HttpRequest) -> HttpResponse:
    """Step two: the code. Opens an account when the phone has none."""
    pending = request.session.get(PENDING_PHONE)
    if request.user.is_authenticated or pending is None:
        return redirect(_with_next("accounts:sign_in", request))
    phone = decrypt(bytes.fromhex(pending))
    form = CodeForm(request.POST or None)
    context = {"next": _next(request), "phone": mask_phone(phone), "demo": settings.DEMO}
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "accounts/code.html", form, context=context)
        try:
            account = services.check_code(phone=phone, code=form.cleaned_data["code"], now=timezone.now())
        except Refused as refused:
            return render_refused(request, "accounts/code.html", form, refused, context)
        del request.session[PENDING_PHONE]
        return complete(request, account, "code")
    return render(request, "accounts/code.html", {"form": form, **context})


@public
@require_POST
def code_again(request: HttpRequest) -> HttpResponse:
    """Another code to the same phone."""
    pending = request.session.get(PENDING_PHONE)
    if pending is None:
        return redirect(_with_next("accounts:sign_in", request))
    phone = decrypt(bytes.fromhex(pending))
    try:
        services.send_code(phone=phone, now=timezone.now())
    except Refused as refused:
        refused.field = None
        context = {"next": _next(request), "phone": mask_phone(phone), "demo": settings.DEMO}
        form = CodeForm({})
        form.errors.clear()
        return render_refused(request, "accounts/code.html", form, refused, context)
    return redirect(_with_next("accounts:code", request))


@public
@never_cache
@sensitive_post_parameters()
def password_sign_in(request: HttpRequest) -> HttpResponse:
    """Phone and password. One answer for no account, no password and a wrong one; five wrong ones lock the phone for 15 minutes."""
    if request.user.is_authenticated:
        return redirect(_next(request) or settings.LOGIN_REDIRECT_URL)
    form = PasswordSignInForm(request.POST or None)
    context = {"next": _next(request), "demo": settings.DEMO}
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "accounts/password_sign_in.html", form, context=context)
        try:
            account = _by_password(request, form.cleaned_data["phone"], form.cleaned_data["password"])
        except Refused as refused:
            return render_refused(request, "accounts/password_sign_in.html", form, refused, context)
        return complete(request, account, "password")
    return render(request, "accounts/password_sign_in.html", {"form": form, **context})


def _by_password(request: HttpRequest, phone: str, password: str) -> Account:
    name = blind_index("phone", normal_phone(phone)).hex()
    account = None
    if AxesProxyHandler.is_allowed(request, {"username": name}):
        account = authenticate(request, username=name, password=password)
    if not AxesProxyHandler.is_allowed(request, {"username": name}):
        raise Refused(_("密码错误次数过多，请 15 分钟后再试，或改用短信验证码登录。"), code="locked")
    if not isinstance(account, Account):
        raise Refused(_("手机号码或密码不正确。可以改用短信验证码登录。"), code="password", field="password")
    return account


def complete(request: HttpRequest, account: Account, method: str) -> HttpResponse:
    """Hand over to allauth: it asks for the second factor where one is set up, then signs in."""
    account.backend = services.BACKEND
    record_authentication(request, account, method=method)
    response: HttpResponse = perform_login(request, account, email_verification="none", redirect_url=_next(request) or None)
    return response


def _outside() -> list[dict[str, str]]:
    """Outside identities (WeChat, OIDC) that this installation offers."""
    return [
        {"name": str(p["name"]), "url": reverse(str(p["url"]), kwargs=p.get("kwargs", {}))} for p in settings.OUTSIDE_IDENTITIES
    ]


@public
def sign_out(request: HttpRequest) -> HttpResponse:
    """Signs this browser out on POST; a GET asks first."""
    if request.method == "POST":
        logout(request)
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/sign_out.html")


@public
@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    """The demonstration's SMS, and the present codes of its officers' second factor. Not there in earnest."""
    if not settings.DEMO:
        raise Http404
    return render(request, "accounts/inbox.html", selectors.demonstration_inbox())


def own(request: HttpRequest) -> Account:
    """The signed-in account; the view stands behind the sign-in."""
    if not isinstance(request.user, Account):
        raise Http404
    account: Any = request.user
    return account  # type: ignore[no-any-return]
