"""Pages of signing in and of one's own account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.internal.stagekit import clear_login
from allauth.account.utils import perform_login
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, authenticate, logout, update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from qunli.accounts import selectors, services
from qunli.accounts.forms import (
    ChangePhoneForm,
    CodeForm,
    NewPhoneForm,
    PasswordForm,
    PasswordSignInForm,
    PhoneForm,
    SettingsForm,
    TokenForm,
)
from qunli.accounts.models import Account, CodePurpose
from qunli.accounts.preferences import of_new_account
from qunli.accounts.sessions import digest_of
from qunli.kernel.ciphers import blind_index, decrypt, encrypt
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, public, render_refused
from qunli.kernel.masking import mask_phone
from qunli.people.identity import normal_phone

PENDING_PHONE = "qunli_pending_phone"
"""Session key: the phone that was asked for a code, encrypted."""
NEW_PHONE = "qunli_new_phone"
"""Session key: the phone to change to, encrypted."""


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
            account = services.check_code(
                phone=phone, code=form.cleaned_data["code"], now=timezone.now(), **of_new_account(request)
            )
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
@require_safe
def outside_failed(request: HttpRequest) -> HttpResponse:
    """An outside identity did not sign in: cancelled there, or refused."""
    return render(request, "accounts/outside_failed.html", status=200)


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
    return request.user


@public
@require_safe
def start_again(request: HttpRequest) -> HttpResponse:
    """Leave a sign-in that waits for its second factor, and begin with another phone."""
    clear_login(request)
    request.session.pop(PENDING_PHONE, None)
    return redirect("accounts:sign_in")


@never_cache
def settings_page(request: HttpRequest) -> HttpResponse:
    """Language and look, and the ways to everything about one's own account."""
    account = own(request)
    form = SettingsForm(request.POST or None, instance=account)
    if request.method == "POST":
        if form.is_valid():
            services.save_settings(account=account, by=actor_of(request), **form.cleaned_data)
            response = redirect("accounts:settings")
            # The cookie is what this browser chose; it must not contradict what was just saved.
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME, account.language, max_age=365 * 24 * 3600, samesite="Lax", httponly=True
            )
            return response
        account.refresh_from_db(fields=["language", "theme", "elder"])
    return render(request, "accounts/settings.html", {"form": form, **_about(account)})


def _about(account: Account) -> dict[str, Any]:
    phone = Account.objects.only("phone").get(pk=account.pk).phone
    return {"phone": mask_phone(phone) if phone else "", "has_password": account.has_usable_password()}


@never_cache
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """The browsers in which one is signed in."""
    here = digest_of(request.session.session_key or "")
    rows = [
        {
            "session": row,
            "key": bytes(row.digest).hex(),
            "device": row.device or _("未知设备"),
            "current": bytes(row.digest) == here,
        }
        for row in selectors.sessions(own(request), timezone.now())[:50]
    ]
    return render(request, "accounts/sessions.html", {"rows": rows})


@require_POST
def sign_out_there(request: HttpRequest, key: str) -> HttpResponse:
    """Sign one other browser out. `key` is the digest in hexadecimal: it finds the row and opens nothing."""
    try:
        digest = bytes.fromhex(key)
    except ValueError as error:
        raise Http404 from error
    if services.sign_out_session(account=own(request), digest=digest, by=actor_of(request)):
        messages.success(request, _("已退出那台设备。"))
    return redirect("accounts:sessions")


@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Sign all other browsers out, and the programs that hold a token unless the box was unticked."""
    here, tokens = digest_of(request.session.session_key or ""), bool(request.POST.get("tokens"))
    gone = services.sign_out_everywhere(account=own(request), by=actor_of(request), now=timezone.now(), keep=here, tokens=tokens)
    messages.success(request, _("已退出其他 %(n)d 台设备。") % {"n": gone})
    return redirect("accounts:sessions")


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """The second factor's page is allauth's."""
    return redirect("mfa_index")


@never_cache
@require_safe
def second_factor(request: HttpRequest) -> HttpResponse:
    """Says that the role needs a second factor, and leads to setting it up or showing it."""
    ways = [w for w in get_adapter().get_reauthentication_methods(request.user) if w["id"].startswith("mfa")]
    confirm = f"{ways[0]['url']}?{REDIRECT_FIELD_NAME}={_next(request) or settings.LOGIN_REDIRECT_URL}" if ways else ""
    return render(request, "accounts/second_factor.html", {"enabled": bool(ways), "confirm_url": confirm})


@never_cache
@sensitive_post_parameters()
@reauthentication_required(allow_get=False)  # type: ignore[untyped-decorator]
def password(request: HttpRequest) -> HttpResponse:
    """Set or change the password; asks again who one is if the sign-in was long ago."""
    account = own(request)
    form = PasswordForm(request.POST or None, account=account)
    context = {"has_password": account.has_usable_password()}
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "accounts/password.html", form, context=context)
        here = digest_of(request.session.session_key or "")
        services.set_password(account=account, password=form.cleaned_data["password"], by=actor_of(request), keep=here)
        update_session_auth_hash(request, account)
        messages.success(request, _("密码已保存，其他设备已退出。"))
        return redirect("accounts:settings")
    return render(request, "accounts/password.html", {"form": form, **context})


@never_cache
@sensitive_post_parameters()
def phone(request: HttpRequest) -> HttpResponse:
    """Change the phone: codes go to the old and to the new one, and both must come back."""
    account = Account.objects.get(pk=own(request).pk)
    old, now = account.phone, timezone.now()
    pending = request.session.get(NEW_PHONE)
    context: dict[str, Any] = {"old": mask_phone(old) if old else "", "new": "", "step": "phone"}
    if request.method == "POST" and request.POST.get("step") == "codes" and pending:
        new = decrypt(bytes.fromhex(pending))
        context |= {"step": "codes", "new": mask_phone(new)}
        codes = ChangePhoneForm(request.POST, has_old=bool(old))
        if not codes.is_valid():
            return render_refused(request, "accounts/phone.html", codes, context=context)
        try:
            services.change_phone(account=account, phone=new, by=actor_of(request), now=now, **codes.cleaned_data)
        except Refused as refused:
            return render_refused(request, "accounts/phone.html", codes, refused, context)
        del request.session[NEW_PHONE]
        messages.success(request, _("手机号码已更换。"))
        return redirect("accounts:settings")
    form = NewPhoneForm(request.POST or None)
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "accounts/phone.html", form, context=context)
        try:
            new = services.send_code(phone=form.cleaned_data["phone"], purpose=CodePurpose.PHONE_NEW, now=now)
            if old:
                services.send_code(phone=old, purpose=CodePurpose.PHONE_OLD, now=now)
        except Refused as refused:
            return render_refused(request, "accounts/phone.html", form, refused, context)
        request.session[NEW_PHONE] = encrypt(new).hex()
        context |= {"step": "codes", "new": mask_phone(new)}
        return render(request, "accounts/phone.html", {"form": ChangePhoneForm(has_old=bool(old)), **context})
    return render(request, "accounts/phone.html", {"form": form, **context})


@never_cache
@sensitive_post_parameters()
def confirm(request: HttpRequest) -> HttpResponse:
    """Prove again who one is by a code to the own phone, before something that concerns the account's safety."""
    account = Account.objects.get(pk=own(request).pk)
    if not account.phone:
        raise Http404
    context = {"phone": mask_phone(account.phone), "next": _next(request), "demo": settings.DEMO, "sent": False}
    if request.method != "POST":
        return render(request, "accounts/confirm.html", {"form": CodeForm(), **context})
    now = timezone.now()
    if request.POST.get("send"):
        form = CodeForm()
        try:
            services.send_code(phone=account.phone, purpose=CodePurpose.CONFIRM, now=now)
        except Refused as refused:
            form = CodeForm({})
            form.errors.clear()
            refused.field = None
            return render_refused(request, "accounts/confirm.html", form, refused, context)
        return render(request, "accounts/confirm.html", {"form": form, **context, "sent": True})
    form = CodeForm(request.POST)
    context["sent"] = True
    if not form.is_valid():
        return render_refused(request, "accounts/confirm.html", form, context=context)
    try:
        services.confirm_code(account=account, code=form.cleaned_data["code"], now=now)
    except Refused as refused:
        return render_refused(request, "accounts/confirm.html", form, refused, context)
    record_authentication(request, account, method="code", reauthenticated=True)
    response: HttpResponse = resume_request(request) or redirect("accounts:settings")
    return response


@never_cache
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def tokens(request: HttpRequest) -> HttpResponse:
    """One's API tokens; a new one is shown once, on the answer to its form.

    A new one asks again who one is: it outlives the session, so that whoever found a phone unlocked must not take one along.
    """
    account = own(request)
    form = TokenForm(request.POST or None)
    context = {"tokens": selectors.tokens(account)[:50], "issued": ""}
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "accounts/tokens.html", form, context=context)
        try:
            issued = services.issue_token(
                account=account,
                by=actor_of(request),
                second_factor=selectors.has_second_factor(request.session),
                now=timezone.now(),
                **form.cleaned_data,
            )
        except Refused as refused:
            return render_refused(request, "accounts/tokens.html", form, refused, context)
        return render(request, "accounts/tokens.html", {**context, "form": TokenForm(), "issued": issued})
    return render(request, "accounts/tokens.html", {"form": form, **context})


@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of one's own tokens, at once."""
    if services.revoke_token(account=own(request), token_id=token_id, by=actor_of(request), now=timezone.now()):
        messages.success(request, _("令牌已作废。"))
    return redirect("accounts:tokens")
