"""Signing up, cancelling, one's own sign-ups and the calendar of them."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from qunli.kernel.http import public
from qunli.notices import selectors as notices
from qunli.notices import services as notice_services
from qunli.volunteering import calendars, selectors, services
from qunli.volunteering.asking import actor_of, found
from qunli.volunteering.views.common import done


@require_POST
def sign_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign up for a post of the activity; with `wait`, onto its waiting list. The outcome is said on the activity's page."""
    chosen = request.POST.get("post", "")
    if not chosen.isdecimal() or len(chosen) > 18:
        messages.error(request, _("请先选择岗位。"))
        return redirect("volunteering:activity", pk)
    outcome = services.sign_up(post=int(chosen), by=actor_of(request), now=timezone.now(), wait="wait" in request.POST)
    if outcome.code == "not_volunteer":
        messages.info(request, outcome.message)
        return redirect(f"{reverse('volunteering:register')}?next={reverse('volunteering:activity', args=[pk])}")
    say = messages.success if outcome.accepted else messages.info if outcome.code == "already" else messages.warning
    say(request, outcome.message)
    return redirect("volunteering:activity", outcome.activity or pk)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the place back."""
    own = found(selectors.sign_up, request, pk)
    back = reverse("volunteering:activity", args=[own.activity_id])
    if own.person_id != actor_of(request).person_id:
        back = reverse("volunteering:people", args=[own.activity_id])
    return done(
        request,
        lambda: services.cancel_sign_up(sign_up=own, by=actor_of(request), now=timezone.now()),
        _("已取消报名，名额会让给候补的人。"),
        back,
    )


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """One's own sign-ups: to come, or over."""
    past = request.GET.get("when") == "past"
    page = selectors.my_sign_ups(actor=actor_of(request), now=timezone.now(), past=past, cursor=request.GET.get("cursor") or None)
    return render(request, "volunteering/mine.html", {"page": page, "past": past, "now": timezone.now()})


@require_POST
def renew_calendar(request: HttpRequest) -> HttpResponse:
    """A new secret address for the calendar; shown once."""
    key = notice_services.renew_feed(by=actor_of(request), now=timezone.now())
    address = request.build_absolute_uri(reverse("volunteering:calendar", args=[key]))
    return render(request, "volunteering/calendar.html", {"address": address, "webcal": "webcal:" + address.partition(":")[2]})


@public
@require_safe
def calendar(request: HttpRequest, key: str) -> HttpResponse:
    """The feed of the person to whom the secret key belongs; 404 for any other key."""
    owner = notices.feed_owner(key)
    if owner is None:
        raise Http404
    rows = selectors.feed_of(person_id=owner.pk, since=timezone.now() - timedelta(days=90))
    body = calendars.feed(rows, site=request.build_absolute_uri("/")[:-1], now=timezone.now())
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, max-age=300"
    return response
