"""Asking for help (群众点单): three small screens for oneself, two for a community worker who writes it down for somebody.

The answers of the screens before travel in hidden fields: nothing is kept until the last press.
"""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from qunli.cases import selectors as cases
from qunli.cases.perms import Permission
from qunli.cases.services import Contact, matters
from qunli.divisions.enums import Level
from qunli.divisions.selectors import tree
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal
from qunli.people.models import Person
from qunli.people.selectors import find_by_phone
from qunli.volunteering.requests import services
from qunli.volunteering.requests.forms import ConfirmForm, WhatForm, WhereForm, WhoForm, wish_of
from qunli.volunteering.requests.selectors import KIND

PAGE = "volunteering/ask.html"


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """What I asked for, and the way to ask."""
    actor = actor_of(request)
    page = cases.my_cases(actor=actor, kind=KIND, cursor=request.GET.get("cursor") or None)
    return render(request, "volunteering/requests.html", {"page": page, "works": bool(actor.ranges(Permission.DISPATCH))})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """For oneself: what, where and when, is it right."""
    actor = actor_of(request)
    me = Person.objects.select_related("division").filter(pk=actor.person_id).first() if actor.person_id is not None else None
    if me is None:
        messages.info(request, _("请先填写您的资料，社区才知道是谁要帮忙。"))
        return redirect("people:me")
    home = tree().by_id.get(me.division_id or 0)
    return _screens(request, WhatForm, actor, home.code if home is not None and home.level == Level.COMMUNITY else "", me)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for(request: HttpRequest) -> HttpResponse:
    """For somebody else, by the office: who and what, where and when."""
    actor = actor_of(request)
    ranges = actor.ranges(Permission.DISPATCH)
    if not ranges:
        raise Denied(Permission.DISPATCH)
    return _screens(request, WhoForm, actor, ranges[0].rstrip("/").rpartition("/")[2], None)


def _screens(request: HttpRequest, first_form: type[WhatForm], actor: Actor, home: str, me: Person | None) -> HttpResponse:
    last = 3 if me is not None else 2
    data = request.POST if request.method == "POST" else None
    step = _number(data.get("step") if data is not None else None, last)
    if data is None:
        return _show(request, first_form(), 1, me, [])
    first = first_form(data)
    if not first.is_valid() or step == 0:
        return _show(request, first, 1, me, [])
    if step == 1 and "back" not in data:
        known = {"division", "division_words"} & data.keys()
        return _show(request, WhereForm(initial={"division": home}) if not known else WhereForm(data), 2, me, [first])
    where = WhereForm(data)
    if "back" in data or not where.is_valid():
        back = first if step <= 2 and "back" in data else where
        return _show(request, back, 1 if back is first else 2, me, [] if back is first else [first])
    if step < last:
        return _show(request, ConfirmForm(), 3, me, [first, where])
    confirm = ConfirmForm(data)
    confirm.is_valid()
    wish = wish_of(first, where, bool(confirm.cleaned_data.get("no_emergency")))
    try:
        requester, contact = (me, None) if me is not None else _who(first)
        case = services.ask(wish=wish, requester=requester, contact=contact, by=actor, now=timezone.now())
    except Refused as refused:
        shown: Form = confirm if refused.code == "emergency" or (me is not None and refused.field not in where.fields) else where
        add_refusal(shown, refused)
        confirming = shown is confirm
        return _show(request, shown, 3 if confirming else 2, me, [first, where] if confirming else [first], emergency=confirming)
    messages.success(request, _("已提交。社区会安排人来办，办到哪一步这里都看得到。"))
    return redirect("cases:case", case.number)


def _number(text: str | None, last: int) -> int:
    return int(text) if text in {str(n) for n in range(1, last + 1)} else 0


def _who(first: Form) -> tuple[Person | None, Contact | None]:
    """The person with this phone and this name, so that the own page shows it; else the name and the phone alone."""
    name, phone = first.cleaned_data["name"], first.cleaned_data["phone"]
    known = [person for person in find_by_phone(phone) if person.name == name] if phone else []
    return (known[0], Contact(name, phone)) if len(known) == 1 else (None, Contact(name, phone))


def _show(
    request: HttpRequest, form: Form, step: int, me: Person | None, before: list[Form], *, emergency: bool = False
) -> HttpResponse:
    carried = [
        (key, value)
        for one in before
        for name in one.fields
        for key in (name, f"{name}_words")
        for value in one.data.getlist(key)  # type: ignore[attr-defined]
    ]
    context: dict[str, Any] = {
        "form": form,
        "step": step,
        "own": me is not None,
        "screens": [_("帮什么忙"), _("在哪里，什么时候"), _("确认")]
        if me is not None
        else [_("谁，帮什么忙"), _("在哪里，什么时候")],
        "last": step == (3 if me is not None else 2),
        "carried": carried,
        "emergency": emergency,
        "summary": _summary(before) if step == 3 else None,
    }
    failed = form.is_bound and bool(form.errors)
    return render(request, PAGE, context, status=422 if failed and request.headers.get("HX-Request") != "true" else 200)


def _summary(before: list[Form]) -> dict[str, Any]:
    first, where = before
    return {"matter": matters(KIND)[first.cleaned_data["matter"]].name, **where.cleaned_data}
