"""Postings: who holds which role where; granting and ending, and what the roles mean."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from qunli.access import selectors, services
from qunli.access.forms import EndForm, GrantForm
from qunli.access.models import Posting
from qunli.access.perms import Permission, may_grant, may_grant_anything
from qunli.access.roles import ROLES, grant_permission
from qunli.access.units import names_of_units
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, render_refused
from qunli.kernel.masking import mask_name
from qunli.kernel.pages import paginate


@require_safe
def postings(request: HttpRequest) -> HttpResponse:
    """Postings in one's range, those in force first asked for; `role` and `ended` narrow the list."""
    actor, today = actor_of(request), local_date(timezone.now())
    if not (actor.has(Permission.VIEW_POSTINGS) or may_grant_anything(actor)):
        raise Denied(Permission.VIEW_POSTINGS, _("查看任职名单"))
    found = selectors.postings(actor)
    role = request.GET.get("role", "")
    # Every registered volunteer holds a posting: a list of who works where is of use without them, unless they are asked for.
    found = found.filter(role=role) if role in ROLES else found.exclude(role="volunteer")
    ended = request.GET.get("ended") == "1"
    found = found.exclude(pk__in=Posting.objects.in_force(today)) if ended else found.in_force(today)
    page = paginate(found, order=("-id",), cursor=request.GET.get("cursor"), size=30)
    units = names_of_units(posting.unit for posting in page.items if posting.unit)
    rows = [
        {
            "posting": posting,
            "role": ROLES[posting.role].name if posting.role in ROLES else posting.role,
            "name": mask_name(posting.person.name),
            "unit": units.get(posting.unit, posting.unit),
            "may_end": not ended and posting.person_id != actor.person_id and may_grant(actor, posting.role, posting.division.path),
        }
        for posting in page.items
    ]
    context = {
        "rows": rows,
        "page": page,
        "roles": ROLES.values(),
        "role": role,
        "ended": ended,
        "may_grant": may_grant_anything(actor),
    }
    return render(request, "access/postings.html", context)


def grant(request: HttpRequest) -> HttpResponse:
    """Give a person a role in one's own range."""
    actor = actor_of(request)
    if not may_grant_anything(actor):
        raise Denied("access.grant", _("任命"))
    form = GrantForm(request.POST or None, by=actor, initial={"valid_from": local_date(timezone.now())})
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "access/grant.html", form)
        data = form.cleaned_data
        try:
            services.grant(
                person=data["person"],
                role=data["role"],
                division=data["division"],
                unit=data["unit"],
                valid_from=data["valid_from"],
                valid_to=data["valid_to"],
                reason=data["reason"],
                by=actor,
            )
        except Refused as refused:
            refused.field = "phone" if refused.field == "person" else refused.field
            return render_refused(request, "access/grant.html", form, refused)
        except Denied as denied:
            message = _("您不能在这里%(what)s。") % {"what": denied.message}
            return render_refused(request, "access/grant.html", form, Refused(message, code="denied", field="division"))
        return redirect("access:postings")
    return render(request, "access/grant.html", {"form": form})


def end(request: HttpRequest, posting_id: int) -> HttpResponse:
    """End a posting in one's own range."""
    actor = actor_of(request)
    posting = get_object_or_404(selectors.postings(actor), pk=posting_id)
    if not may_grant(actor, posting.role, posting.division.path):
        raise Denied(grant_permission(posting.role), _("结束任职"))
    role = ROLES[posting.role].name if posting.role in ROLES else posting.role
    form = EndForm(request.POST or None, initial={"on": local_date(timezone.now())})
    unit = names_of_units([posting.unit]).get(posting.unit, posting.unit)
    context = {"posting": posting, "role": role, "name": mask_name(posting.person.name), "unit": unit}
    if request.method == "POST":
        if not form.is_valid():
            return render_refused(request, "access/end.html", form, context=context)
        try:
            services.end(posting=posting, on=form.cleaned_data["on"], reason=form.cleaned_data["reason"], by=actor)
        except Refused as refused:
            return render_refused(request, "access/end.html", form, refused, context)
        return redirect("access:postings")
    return render(request, "access/end.html", {"form": form, **context})


@require_safe
def roles(request: HttpRequest) -> HttpResponse:
    """What each role does, in a sentence, and who grants it."""
    rows = [{"role": role, "granted_by": [ROLES[key].name for key in role.granted_by]} for role in ROLES.values()]
    return render(request, "access/roles.html", {"rows": rows})
