"""Signing up, cancelling, and one's own sign-ups."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from qunli.kernel.http import actor_of
from qunli.volunteering import selectors, services
from qunli.volunteering.asking import found
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
