"""Becoming a volunteer in three screens, and what one is afterwards."""

from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qunli.accounts.models import Account
from qunli.divisions.models import Division
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, render_refused
from qunli.kernel.masking import mask_phone
from qunli.people import wordings
from qunli.people.enums import Purpose
from qunli.people.identity import parse_document
from qunli.volunteering import numbers, selectors, services
from qunli.volunteering.forms import (
    ConsentForm,
    GuardianCodeForm,
    GuardianForm,
    IdentityForm,
    OfferForm,
    free_times_of,
    guardian_answers,
)
from qunli.volunteering.selectors import Draft
from qunli.volunteering.services import RegistrationAnswers
from qunli.volunteering.views.common import done, posted


def _screens(minor: bool) -> list[str]:
    return [_("您是谁"), _("能做什么"), _("同意"), *([_("监护人")] if minor else [])]


def _account(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)
    return request.user


def _known(account: Account) -> bool:
    """Whether the account's person has shown an identity before, so that the first screen only greets."""
    return account.person is not None and account.person.id_digest is not None


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Go to the screen where one left off; a volunteer goes to the own page."""
    volunteer = selectors.volunteer_of(actor=actor_of(request))
    if volunteer is not None and volunteer.state != "deregistered":
        return redirect("volunteering:me")
    draft = selectors.draft_of(account=_account(request))
    step = draft.step if draft is not None else 2 if _known(_account(request)) else 1
    following = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    query = f"?{urlencode({'next': following})}" if safe and following else ""
    return redirect(reverse("volunteering:register_step", args=[step]) + query)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def register_step(request: HttpRequest, step: int) -> HttpResponse:
    screens = {1: _who, 2: _what, 3: _consent, 4: _guardian}
    if step not in screens:
        raise Http404
    account = _account(request)
    draft = selectors.draft_of(account=account) or Draft(1, {})
    if _known(account):
        step = max(step, 2)
    elif step > 1 and "identity" not in draft.answers:
        return redirect("volunteering:register_step", 1)
    if step > 2 and "offer" not in draft.answers:
        return redirect("volunteering:register_step", 2)
    if step > 3 and ("guardian" not in draft.answers or not _minor(account, draft)):
        return redirect("volunteering:register_step", 3)
    return screens[step](request, account, draft)


def _context(request: HttpRequest, draft: Draft, step: int) -> dict[str, Any]:
    account, following = _account(request), request.GET.get("next", "")
    minor, first = _minor(account, draft), 2 if _known(account) else 1
    shown = {"screens": _screens(minor), "step": step, "first": first, "back": step - 1, "next": following}
    return {**shown, "minor": minor, "guardian": None, "demo": settings.DEMO}


def _go(request: HttpRequest, step: int) -> HttpResponse:
    query = request.GET.urlencode()
    return redirect(reverse("volunteering:register_step", args=[step]) + (f"?{query}" if query else ""))


def _who(request: HttpRequest, account: Account, draft: Draft) -> HttpResponse:
    initial = draft.answers.get("identity") or {"phone": (account.phone or "").removeprefix("+86")}
    form = IdentityForm(posted(request), initial=initial)
    context = _context(request, draft, 1)
    if request.method != "POST":
        return render(request, "volunteering/register.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "volunteering/register.html", form, context=context)
    answers = dict(form.cleaned_data)
    answers["birth_date"] = answers["birth_date"].isoformat() if answers["birth_date"] else None
    services.save_draft(account=account, step=2, answers={**draft.answers, "identity": answers})
    return _go(request, 2)


def _what(request: HttpRequest, account: Account, draft: Draft) -> HttpResponse:
    kept = draft.answers.get("offer")
    initial: dict[str, Any] = {**kept, "free_times": free_times_of(kept["free_times"])} if kept else {}
    if not kept and account.person is not None and account.person.division_id is not None:
        initial["division"] = account.person.division_id
    form = OfferForm(posted(request), initial=initial)
    context = _context(request, draft, 2)
    if request.method != "POST":
        return render(request, "volunteering/register.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "volunteering/register.html", form, context=context)
    data = form.cleaned_data
    offer = {
        "division": data["division"].pk,
        "skills": data["skills"],
        "categories": data["categories"],
        "free_times": form.bits(),
    }
    services.save_draft(account=account, step=3, answers={**draft.answers, "offer": offer})
    return _go(request, 3)


def _birth_date(account: Account, identity: dict[str, Any]) -> date | None:
    if _known(account) and account.person is not None:
        return account.person.birth_date
    if not identity:
        return None
    document = parse_document(identity["id_kind"], identity["id_number"])
    return document.birth_date or (date.fromisoformat(identity["birth_date"]) if identity["birth_date"] else None)


def _minor(account: Account, draft: Draft) -> bool:
    """Whether a guardian must agree: the last screen asks for it."""
    born, today = _birth_date(account, draft.answers.get("identity") or {}), local_date(timezone.now())
    return services.guardian_needed(person=account.person if _known(account) else None, birth_date=born, today=today)


def _consent(request: HttpRequest, account: Account, draft: Draft) -> HttpResponse:
    context = _context(request, draft, 3)
    form = ConsentForm(posted(request), initial=dict.fromkeys(draft.answers.get("consents", []), True))
    guardian = GuardianForm(posted(request), initial=draft.answers.get("guardian")) if context["minor"] else None
    context["guardian"] = guardian
    if request.method != "POST":
        return render(request, "volunteering/register.html", {"form": form, **context})
    whole = form.is_valid() and (guardian is None or guardian.is_valid())
    if not whole:
        return render_refused(request, "volunteering/register.html", form, context=context)
    draft.answers["consents"] = sorted(form.consents())
    if guardian is None:
        return _finish(request, account, draft, form, context)
    draft.answers["guardian"] = guardian.cleaned_data
    try:
        _ask_guardian(account, draft)
    except Refused as refused:
        guardian.add_error(refused.field if refused.field in guardian.fields else None, str(refused.message))
        return render_refused(request, "volunteering/register.html", form, context=context)
    return _go(request, 4)


def _ask_guardian(account: Account, draft: Draft) -> None:
    name = account.person.name if _known(account) and account.person is not None else draft.answers["identity"]["name"]
    guardian = guardian_answers(draft.answers["guardian"])
    services.ask_guardian(account=account, name=name, answers=guardian, now=timezone.now())
    services.save_draft(account=account, step=4, answers=draft.answers)


def _guardian(request: HttpRequest, account: Account, draft: Draft) -> HttpResponse:
    """A minor's last screen: the code that the guardian got. Can be left and found again, and the code sent once more."""
    form = GuardianCodeForm(posted(request) if "again" not in request.POST else None)
    told = {"guardian_phone": mask_phone(draft.answers["guardian"]["guardian_phone"])}
    wording = wordings.current(Purpose.MINOR, local_date(timezone.now()))
    context = {**_context(request, draft, 4), **told, "wording": wording}
    if request.method != "POST":
        return render(request, "volunteering/register.html", {"form": form, **context})
    if "again" in request.POST:
        return done(request, lambda: _ask_guardian(account, draft), _("验证码已再次发给监护人。"), request.get_full_path())
    if not form.is_valid():
        return render_refused(request, "volunteering/register.html", form, context=context)
    return _finish(request, account, draft, form, context)


def _finish(request: HttpRequest, account: Account, draft: Draft, form: BaseForm, context: dict[str, Any]) -> HttpResponse:
    """Register by what the screens were answered; a refusal is shown at its field, on this screen or the first."""
    identity, offer, kept = draft.answers.get("identity") or {}, draft.answers["offer"], draft.answers.get("guardian")
    answers = RegistrationAnswers(
        division=Division.objects.get(pk=offer["division"]),
        skills=offer["skills"],
        categories=offer["categories"],
        free_times=offer["free_times"],
        consents=frozenset(draft.answers["consents"]),
        guardian=guardian_answers(kept, form.cleaned_data.get("guardian_code", "")) if kept else None,
        **({**identity, "birth_date": _birth_date(account, identity)} if identity else {}),
    )
    try:
        volunteer = services.register(account=account, answers=answers, by=actor_of(request), now=timezone.now())
    except Refused as refused:
        if refused.field in IdentityForm.base_fields and not _known(account):
            first = IdentityForm(identity)
            return render_refused(request, "volunteering/register.html", first, refused, _context(request, draft, 1))
        return render_refused(request, "volunteering/register.html", form, refused, context)
    messages.success(request, _("登记成功。您的志愿者编号是 %(number)s。") % {"number": numbers.shown(volunteer.number)})
    following = request.GET.get("next", "")
    if following and url_has_allowed_host_and_scheme(
        following, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return redirect(following)
    return redirect("volunteering:me")


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """One's own volunteer page: number, offer, teams, calendar."""
    actor = actor_of(request)
    volunteer = selectors.volunteer_of(actor=actor)
    if volunteer is None:
        return redirect("volunteering:register")
    context = {
        "volunteer": volunteer,
        "number": numbers.shown(volunteer.number),
        "memberships": selectors.my_memberships(actor=actor),
        "skills": selectors.labels(volunteer.skills),
        "categories": selectors.labels(volunteer.categories),
        "free_times": selectors.free_time_labels(volunteer.free_times),
    }
    return render(request, "volunteering/me.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Change what one offers."""
    volunteer = selectors.volunteer_of(actor=actor_of(request))
    if volunteer is None:
        return redirect("volunteering:register")
    initial = {
        "division": volunteer.division,
        "skills": volunteer.skills,
        "categories": volunteer.categories,
        "free_times": free_times_of(volunteer.free_times),
    }
    form = OfferForm(posted(request), initial=initial)
    if request.method != "POST":
        return render(request, "volunteering/profile.html", {"form": form})
    if not form.is_valid():
        return render_refused(request, "volunteering/profile.html", form)
    data = form.cleaned_data
    services.change_profile(
        volunteer=volunteer,
        division=data["division"],
        skills=data["skills"],
        categories=data["categories"],
        free_times=form.bits(),
        by=actor_of(request),
        now=timezone.now(),
    )
    messages.success(request, _("已保存。"))
    return redirect("volunteering:me")


@require_http_methods(["GET", "HEAD", "POST"])
def deregister(request: HttpRequest) -> HttpResponse:
    """The person's own wish; asked once more."""
    volunteer = selectors.volunteer_of(actor=actor_of(request))
    if volunteer is None or volunteer.state == "deregistered":
        return redirect("volunteering:register")
    if request.method != "POST":
        return render(request, "volunteering/deregister.html", {"volunteer": volunteer})
    return done(
        request,
        lambda: services.deregister(volunteer=volunteer, by=actor_of(request), now=timezone.now()),
        _("已注销。服务记录和时长依法保存，再次登记时编号不变。"),
        reverse("volunteering:me"),
    )


@require_POST
def forget_draft(request: HttpRequest) -> HttpResponse:
    """Throw the begun registration away."""
    services.drop_draft(account=_account(request))
    messages.success(request, _("已清除填写的内容。"))
    return redirect("volunteering:register")
