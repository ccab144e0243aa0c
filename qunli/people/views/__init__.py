"""One's own data, and the officer's look-up. Whoever is not visible to the actor is not there (404)."""

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, render_refused
from qunli.kernel.pages import Page, paginate
from qunli.people import selectors, services
from qunli.people.erasing import kept_after
from qunli.people.forms import ConsentForm, ContactForm, EraseForm, GuardianForm, PersonForm, ReasonForm
from qunli.people.looks import look_lines
from qunli.people.models import Person
from qunli.people.perms import Permission, is_self_or_ward, may_edit, may_erase, rights
from qunli.people.workbook import workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def visible_person(request: HttpRequest, person_id: int) -> tuple[Actor, Person]:
    """The actor and a person whom the actor may see; 404 otherwise."""
    actor = actor_of(request)
    return actor, get_object_or_404(selectors.visible(actor), pk=person_id)


@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """Look people up by number, phone or part of the name, within one's range.

    What is typed is posted: a number that stood in an address would stay in the browser's history and in the logs of every proxy. A
    name goes on to an address, which has further pages.
    """
    actor = actor_of(request)
    if not actor.has(Permission.SEE):
        raise Denied(Permission.SEE, _("查找人员"))
    words = (request.POST if request.method == "POST" else request.GET).get("q", "").strip()
    number = any(letter.isdigit() for letter in words)
    if request.method == "POST" and not number:
        return redirect(f"{reverse('people:search')}?{urlencode({'q': words})}")
    page: Page[Person] = Page([], None, None)
    if words and (request.method == "POST" or not number):
        page = paginate(selectors.search(words, actor=actor), order=("id",), cursor=request.GET.get("cursor"))
    context = {
        "q": words,
        "in_address": number and request.method != "POST",
        "page": page,
        "may_register": actor.has(Permission.REGISTER),
        "may_merge": actor.has(Permission.MERGE),
    }
    return render(request, "people/search.html", context)


def register(request: HttpRequest) -> HttpResponse:
    """Register somebody who came to the office."""
    actor = actor_of(request)
    if not actor.has(Permission.REGISTER):
        raise Denied(Permission.REGISTER, _("登记人员"))
    form = PersonForm(request.POST or None)
    if request.method != "POST":
        return render(request, "people/register.html", {"form": form})
    if not form.is_valid():
        return render_refused(request, "people/register.html", form)
    if not actor.has(Permission.REGISTER, form.cleaned_data["division"].path):
        outside = Refused(_("这个区域不在您负责的范围内。"), code="range", field="division")
        return render_refused(request, "people/register.html", form, outside)
    try:
        made = services.register(**form.cleaned_data, by=actor, now=timezone.now())
    except Refused as refused:
        return render_refused(request, "people/register.html", form, refused)
    messages.success(request, _("已登记。"))
    return redirect("people:person", made.pk)


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """One's own record; without one, how to get it."""
    actor = actor_of(request)
    if actor.person_id is None:
        return render(request, "people/none.html")
    return _page(request, actor, get_object_or_404(selectors.visible(actor), pk=actor.person_id))


@require_safe
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """A record: masked, with what the actor may do to it."""
    actor, found = visible_person(request, person_id)
    return _page(request, actor, found)


def _page(request: HttpRequest, actor: Actor, found: Person, **more: Any) -> HttpResponse:
    today, may = local_date(timezone.now()), rights(actor, found)
    context = {
        "person": found,
        "me": actor.person_id == found.pk,
        "own": may.own,
        "unmasked": None,
        "consents": selectors.consent_lines(found, today),
        "guardians": selectors.guardians(found),
        "wards": selectors.wards(found),
        "minor": not selectors.counts_as_adult(found, today) and found.birth_date is not None,
        "consent_missing": found.birth_date is not None and selectors.missing_for_minor(found, today),
        "may_confirm_income": not may.own and selectors.may_confirm_own_income(found, actor, today),
        "looks": look_lines(found, limit=20) if may.own else [],
        "may_edit": may.edit,
        "may_unmask": may.unmask,
        "may_export": may.export,
        "may_erase": may.erase,
        "reason_form": ReasonForm(),
    }
    return render(request, "people/person.html", context | more, status=more.get("status", 200))


@require_POST
def unmask(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show number, phone and e-mail in full: recorded, with the reason where the record is another's."""
    actor, found = visible_person(request, person_id)
    form = ReasonForm(request.POST)
    if not form.is_valid() and not is_self_or_ward(actor, found):
        return _page(request, actor, found, reason_form=form, status=422)
    try:
        unmasked = services.unmask(person=found, reason=form.cleaned_data.get("reason", ""), by=actor)
    except Refused as refused:
        form.add_error("reason", str(refused.message))
        return _page(request, actor, found, reason_form=form, status=422)
    response = _page(request, actor, found, unmasked=unmasked)
    response["Cache-Control"] = "no-store"
    return response


def contact(request: HttpRequest, person_id: int) -> HttpResponse:
    """Change phone, e-mail and where the person lives."""
    actor, found = visible_person(request, person_id)
    if not may_edit(actor, found):
        raise Denied(Permission.REGISTER, _("修改联系方式"))
    form = ContactForm(request.POST or None, initial={"division": found.division}, has_email=bool(found.email))
    context = {"person": found}
    if request.method != "POST":
        return render(request, "people/contact.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "people/contact.html", form, context=context)
    data = form.cleaned_data
    try:
        email = "" if data.get("remove_email") else data["email"] or None
        services.update_contact(
            person=found, phone=data["phone"], email=email, division=data["division"], by=actor, now=timezone.now()
        )
    except Refused as refused:
        return render_refused(request, "people/contact.html", form, refused, context)
    messages.success(request, _("联系方式已更新。"))
    return _back(actor, found)


@require_POST
def consent(request: HttpRequest, person_id: int) -> HttpResponse:
    """Give or withdraw consent to one purpose: one button each way."""
    actor, found = visible_person(request, person_id)
    form = ConsentForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("没有这个同意事项。"))
        return _back(actor, found)
    data, now = form.cleaned_data, timezone.now()
    try:
        if data["give"]:
            services.give_consent(person=found, purpose=data["purpose"], wording=data["wording"], by=actor, now=now)
            messages.success(request, _("已同意。随时可以撤回。"))
        else:
            services.withdraw_consent(person=found, purpose=data["purpose"], by=actor, now=now)
            messages.success(request, _("已撤回。"))
    except Refused as refused:
        messages.error(request, str(refused.message))
    return _back(actor, found)


def guardian(request: HttpRequest, person_id: int) -> HttpResponse:
    """Name a guardian, who is registered already."""
    actor, found = visible_person(request, person_id)
    if not may_edit(actor, found):
        raise Denied(Permission.REGISTER, _("登记监护人"))
    form = GuardianForm(request.POST or None)
    context = {"person": found}
    if request.method != "POST":
        return render(request, "people/guardian.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "people/guardian.html", form, context=context)
    data = form.cleaned_data
    try:
        known = selectors.find_by_identity(data["id_kind"], data["id_number"])
        if known is None:
            raise Refused(_("还没有这位监护人的档案，请先为其登记。"), code="unknown", field="id_number")
        services.add_guardian(minor=found, guardian=known, relation=data["relation"], by=actor, now=timezone.now())
    except Refused as refused:
        refused.field = "id_number" if refused.field == "guardian" else refused.field
        return render_refused(request, "people/guardian.html", form, refused, context)
    messages.success(request, _("监护人已登记。"))
    return _back(actor, found)


@require_POST
def end_guardian(request: HttpRequest, person_id: int, guardianship_id: int) -> HttpResponse:
    """The guardian answers no longer."""
    actor, found = visible_person(request, person_id)
    guardianship = get_object_or_404(selectors.guardians(found), pk=guardianship_id)
    services.end_guardianship(guardianship=guardianship, by=actor, now=timezone.now())
    messages.success(request, _("监护关系已结束。"))
    return _back(actor, found)


@require_POST
def own_income(request: HttpRequest, person_id: int) -> HttpResponse:
    """An officer has checked that somebody of 16 or 17 lives on own income."""
    actor, found = visible_person(request, person_id)
    try:
        services.confirm_own_income(person=found, by=actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused.message))
    return _back(actor, found)


@require_POST
def export(request: HttpRequest, person_id: int) -> HttpResponse:
    """All that is held on the person: a page to read, a workbook or JSON to take along."""
    actor, found = visible_person(request, person_id)
    holding = services.export(person=found, by=actor)
    if request.POST.get("format") == "json":
        text = json.dumps(holding.data(), ensure_ascii=False, indent=1, default=str)
        response = HttpResponse(text, content_type="application/json; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="qunli-person-{found.pk}.json"'
    elif request.POST.get("format") == "xlsx":
        response = HttpResponse(workbook(holding), content_type=XLSX)
        response["Content-Disposition"] = f'attachment; filename="qunli-person-{found.pk}.xlsx"'
    else:
        response = render(request, "people/export.html", {"person": found, "holding": holding})
    response["Cache-Control"] = "no-store"
    return response


def erase(request: HttpRequest, person_id: int) -> HttpResponse:
    """Deletion at the person's request: says first what stays and why."""
    actor, found = visible_person(request, person_id)
    if not may_erase(actor, found):
        raise Denied(Permission.ERASE, _("注销档案"))
    form = EraseForm(request.POST or None)
    context = {"person": found, "kept": kept_after(found), "me": actor.person_id == found.pk}
    if request.method != "POST":
        return render(request, "people/erase.html", {"form": form, **context})
    if not form.is_valid():
        return render_refused(request, "people/erase.html", form, context=context)
    try:
        kept = services.erase(person=found, by=actor, now=timezone.now())
    except Refused as refused:
        return render_refused(request, "people/erase.html", form, refused, context)
    return render(request, "people/erased.html", {"kept": kept})


def _back(actor: Actor, found: Person) -> HttpResponse:
    return redirect("people:me") if actor.person_id == found.pk else redirect("people:person", found.pk)
