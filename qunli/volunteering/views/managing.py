"""Volunteers of a division, for those who answer for it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from qunli.kernel.errors import Denied
from qunli.kernel.http import actor_of
from qunli.volunteering import numbers, perms, selectors, services
from qunli.volunteering.asking import found
from qunli.volunteering.forms import FindVolunteerForm
from qunli.volunteering.views.common import done
from qunli.volunteering.views.teams import with_reason


@require_safe
def volunteers(request: HttpRequest) -> HttpResponse:
    """Volunteers of one's range, names masked; suspended ones can be restored."""
    actor = actor_of(request)
    if not actor.ranges(perms.Permission.VIEW_VOLUNTEERS):
        raise Denied(perms.Permission.VIEW_VOLUNTEERS)
    form = FindVolunteerForm(request.GET)
    form.is_valid()
    words, state = form.cleaned_data.get("q") or "", form.cleaned_data.get("state") or ""
    page = selectors.find_volunteers(words=words, state=state, actor=actor, cursor=request.GET.get("cursor") or None)
    rows = [(one, numbers.shown(one.number), perms.may_manage_volunteer(actor, one)) for one in page.items]
    return render(request, "volunteering/volunteers.html", {"form": form, "page": page, "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: HttpRequest, pk: int) -> HttpResponse:
    """No new sign-ups until restored; with a reason that the person reads."""
    one = found(selectors.volunteer, request, pk)
    if not perms.may_manage_volunteer(actor_of(request), one):
        raise Denied(perms.Permission.MANAGE_VOLUNTEERS)

    def go(reason: str) -> None:
        services.suspend(volunteer=one, reason=reason, by=actor_of(request), now=timezone.now())

    title = _("暂停志愿者 %(number)s") % {"number": numbers.shown(one.number)}
    return with_reason(request, go, title=title, button=_("暂停"), back=reverse("volunteering:volunteers"))


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """The reason of the suspension is gone."""
    one = found(selectors.volunteer, request, pk)
    back = reverse("volunteering:volunteers")
    return done(
        request,
        lambda: services.restore(volunteer=one, by=actor_of(request), now=timezone.now()),
        _("已恢复，本人会收到通知。"),
        back,
    )
