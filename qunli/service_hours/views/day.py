"""The day: the volunteer's page, and the leader's screen."""

import io
from typing import Any

import segno
from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from qunli.audit.services import looked
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.codes import rotating_code, seconds_left
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, add_refusal, or_404
from qunli.people import selectors as people
from qunli.people import services as people_services
from qunli.people.enums import Purpose
from qunli.people.models import Person
from qunli.people.wordings import current
from qunli.service_hours import selectors, services
from qunli.service_hours.forms import CodeForm, LeaderTimeForm, PhotoForm, PlaceForm, WalkInForm
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.selectors import Day, Next
from qunli.service_hours.services import Place
from qunli.service_hours.windows import OPENS_BEFORE
from qunli.volunteering.models import Activity
from qunli.volunteering.selectors import volunteer_by_number

KEPT = (Next.TOO_EARLY, Next.SIGN_IN, Next.SIGN_OUT)
"""The volunteer's page is of use in a dead spot while something is still to be done."""


def may_be_kept(response: HttpResponse) -> HttpResponse:
    """The service worker of the reader's own device may keep this page, although it says no-store to all others."""
    response.headers["X-Qunli-Offline"] = "keep"
    return response


@require_GET
@never_cache
def days(request: HttpRequest) -> HttpResponse:
    """My day: what I take part in, and what I lead, from today on."""
    actor, now = actor_of(request), timezone.now()
    mine = [
        (row, selectors.next_step(row.activity, row, getattr(row, "record", None), now))
        for row in selectors.my_days(actor=actor, now=now)[:20]
    ]
    led = list(selectors.led_days(actor=actor, now=now)[:20])
    return render(request, "service_hours/days.html", {"mine": mine, "led": led, "today": local_date(now), "Next": Next})


@require_GET
@never_cache
def day(request: HttpRequest, activity: int) -> HttpResponse:
    """One activity on the day, with the one thing to do next. The QR's address brings the code along."""
    code = request.GET.get("code", "")[:20]
    return _day_page(request, _day_or_404(request, activity), code_form=CodeForm(initial={"code": code}), scanned=bool(code))


@require_POST
@never_cache
def sign(request: HttpRequest, activity: int, way: str) -> HttpResponse:
    """Sign in or out by code."""
    found = _day_or_404(request, activity)
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            _sign(request, found.activity, way, code=form.cleaned_data["code"])
        except Refused as refused:
            add_refusal(form, refused)
        else:
            return redirect("service_hours:day", activity)
    return _day_page(request, _day_or_404(request, activity), code_form=form, status=422)


@require_POST
@never_cache
def sign_by_place(request: HttpRequest, activity: int, way: str) -> HttpResponse:
    """Sign in or out by where the phone is, with the separate consent to its use."""
    found = _day_or_404(request, activity)
    form = PlaceForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            if values["longitude"] is None or values["latitude"] is None:
                raise Refused(_("没有收到位置。请允许浏览器使用位置，或用签到码。"), code="place_form", field="place")
            if values["consent"]:
                _consent(request)
            place = Place(values["longitude"], values["latitude"], values["accuracy"] or 0.0)
            _sign(request, found.activity, way, place=place)
        except Refused as refused:
            add_refusal(form, refused)
        else:
            return redirect("service_hours:day", activity)
    return _day_page(request, _day_or_404(request, activity), place_form=form, status=422)


def _sign(request: HttpRequest, activity: Activity, way: str, *, code: str = "", place: Place | None = None) -> None:
    verb = services.sign_in if way == "in" else services.sign_out
    verb(activity=activity, by=actor_of(request), now=timezone.now(), code=code, place=place)
    messages.success(request, _("签到成功。") if way == "in" else _("签退成功，辛苦了！"))


def _consent(request: HttpRequest) -> None:
    actor = actor_of(request)
    person = Person.objects.filter(pk=actor.person_id or 0).first()
    if person is not None:
        people_services.give_consent(person=person, purpose=Purpose.LOCATION, by=actor, now=timezone.now())


def _day_or_404(request: HttpRequest, activity: int) -> Day:
    return or_404(selectors.day(activity_id=activity, actor=actor_of(request), now=timezone.now()))


def _day_page(
    request: HttpRequest,
    found: Day,
    *,
    code_form: Form | None = None,
    place_form: Form | None = None,
    scanned: bool = False,
    status: int = 200,
) -> HttpResponse:
    today = local_date(timezone.now())
    entries = selectors.entries_of(record=found.record) if found.record else []
    context = {
        "day": found,
        "activity": found.activity,
        "next": found.next.value,
        "keeps": found.next in KEPT,
        "way": "out" if found.next == Next.SIGN_OUT else "in",
        "code_form": code_form or CodeForm(),
        "place_form": place_form or PlaceForm(),
        "wording": current(Purpose.LOCATION, today).text,
        "scanned": scanned,
        "steps": selectors.path_of(record=found.record, entries=entries, today=today) if found.record else [],
        "photo_form": PhotoForm() if found.record and found.record.state != "void" and today <= found.record.due_on else None,
        "leads": selectors.run_by(activity_id=found.activity.pk, actor=actor_of(request)) is not None,
    }
    response = render(request, "service_hours/day.html", context, status=status)
    return may_be_kept(response) if found.next in KEPT else response


@require_GET
@never_cache
def screen(request: HttpRequest, activity: int) -> HttpResponse:
    """The leader's screen: code, QR, who is expected, present and out."""
    return _screen_page(request, _run_or_404(request, activity))


@require_GET
@never_cache
def screen_code(request: HttpRequest, activity: int) -> HttpResponse:
    """The code alone, fetched again when it changes. Tells the page when the numbers of people have changed."""
    found = _run_or_404(request, activity)
    response = render(request, "service_hours/_code.html", _code_context(request, found))
    people_there = selectors.headcount(activity=found)
    if request.GET.get("seen", "") != people_there.stamp:
        response.headers["HX-Trigger"] = "people-changed"
    return response


@require_GET
@never_cache
def screen_people(request: HttpRequest, activity: int) -> HttpResponse:
    """The list alone."""
    found = _run_or_404(request, activity)
    return render(request, "service_hours/_people.html", _people_context(request, found))


@require_POST
def sign_for(request: HttpRequest, activity: int, sign_up: int, way: str) -> HttpResponse:
    """The leader signs somebody in or out; with a time in the form, at that time and with a reason."""
    found, actor, now = _run_or_404(request, activity), actor_of(request), timezone.now()
    row = selectors.sign_up_run_by(sign_up_id=int(sign_up), actor=actor)
    if row is None or row.activity_id != found.pk:
        raise Http404
    form = LeaderTimeForm(request.POST)
    if form.is_valid():
        moment, reason = form.cleaned_data["at"], form.cleaned_data["reason"]
        try:
            if way == "in":
                services.sign_in_for(sign_up=row, by=actor, now=now, at=moment, reason=reason)
            else:
                record = get_object_or_404(
                    ServiceRecord.objects.select_related("activity__team", "activity__division"), sign_up=row
                )
                services.sign_out_for(record=record, by=actor, now=now, at=moment, reason=reason)
        except Refused as refused:
            field = {"signed_in_at": "at", "signed_out_at": "at", "code": "at"}.get(refused.field or "", refused.field)
            form.add_error(field if field in form.fields else None, str(refused.message))
        else:
            if request.headers.get("HX-Request") == "true":
                return render(request, "service_hours/_people.html", _people_context(request, found))
            return redirect("service_hours:screen", activity)
    if request.headers.get("HX-Request") == "true":
        return render(request, "service_hours/_people.html", {**_people_context(request, found), "wrong": row, "wrong_form": form})
    return _screen_page(request, found, {"wrong": row, "wrong_form": form}, status=422)


@require_POST
def walk_in(request: HttpRequest, activity: int) -> HttpResponse:
    """The leader adds somebody by volunteer number or phone, and signs them in."""
    found = _run_or_404(request, activity)
    form = WalkInForm(request.POST)
    if form.is_valid():
        try:
            person = _person_of(form.cleaned_data["person"])
            services.add_walk_in(activity=found, person_id=person.pk, by=actor_of(request), now=timezone.now())
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("%(name)s 已加入并签到。") % {"name": person.name})
            return redirect("service_hours:screen", activity)
    return _screen_page(request, found, {"walk_in_form": form}, status=422)


def _person_of(text: str) -> Person:
    volunteer = volunteer_by_number(number=text)
    if volunteer is not None:
        return volunteer.person
    try:
        found = people.find_by_phone(text)
    except Refused:
        found = []
    if len(found) > 1:
        raise Refused(_("几位志愿者共用这个手机号码。请改用志愿者编号。"), code="several", field="person")
    if not found:
        raise Refused(_("没有找到这位志愿者。请核对编号或手机号码；还没登记的，请先登记。"), code="not_found", field="person")
    return found[0]


def _run_or_404(request: HttpRequest, activity: int) -> Activity:
    return or_404(selectors.run_by(activity_id=activity, actor=actor_of(request)))


def _screen_page(request: HttpRequest, found: Activity, more: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
    context = {
        "walk_in_form": WalkInForm(),
        **_code_context(request, found),
        **_people_context(request, found),
        **(more or {}),
    }
    return may_be_kept(render(request, "service_hours/screen.html", context, status=status))


def _code_context(request: HttpRequest, found: Activity) -> dict[str, Any]:
    now = timezone.now()
    code = rotating_code(bytes(found.code_seed), now)
    link = request.build_absolute_uri(reverse("service_hours:day", args=[found.pk]) + f"?code={code}")
    return {
        "activity": found,
        "code": code,
        "left": seconds_left(now),
        "qr": _svg(link),
        "link": link,
        "open": found.starts_at - OPENS_BEFORE <= now,
        "over": now > found.ends_at,
        "opens_at": found.starts_at - OPENS_BEFORE,
        "clock": now.astimezone(SHANGHAI),
    }


def _people_context(request: HttpRequest, found: Activity) -> dict[str, Any]:
    name = request.GET.get("name", "").replace("\x00", "").strip()[:50]
    there = selectors.attendance(activity=found, name=name)
    looked("service_hours.attendance", f"activity:{found.pk}", by=actor_of(request), people=there.all)
    stamp = selectors.headcount(activity=found).stamp if name else there.stamp
    return {"activity": found, "there": there, "name": name, "stamp": stamp, "wrong": None, "wrong_form": None}


def _svg(link: str) -> SafeString:
    """The QR as inline SVG: made here from our own address, so it is safe to show."""
    picture = io.BytesIO()
    segno.make(link, error="m", micro=False).save(picture, kind="svg", border=0, xmldecl=False, svgns=True, omitsize=True)
    return mark_safe(picture.getvalue().decode())  # noqa: S308
