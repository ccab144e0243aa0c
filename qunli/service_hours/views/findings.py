"""What the checks against fabricated hours found: the list, one finding with the evidence side by side, reply and decision."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from qunli.audit.services import looked
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal, or_404
from qunli.service_hours import perms, selectors, services
from qunli.service_hours.forms import ReasonForm, ReplyForm
from qunli.service_hours.integrity.evidence import confidence_of, facts_of
from qunli.service_hours.integrity.showing import beside, told
from qunli.service_hours.models import Finding
from qunli.service_hours.perms import Permission
from qunli.service_hours.states import FINDING
from qunli.service_hours.views.common import evidence_shown


@require_GET
def findings(request: HttpRequest) -> HttpResponse:
    """What waits for a decision in the reader's reach, or what was decided."""
    actor = actor_of(request)
    if not (actor.has(Permission.INSPECT) or actor.has(Permission.JUDGE)):
        raise Denied(Permission.INSPECT)
    decided = request.GET.get("which") == "decided"
    page = selectors.findings(actor=actor, decided=decided, cursor=request.GET.get("cursor"))
    lines = [{"finding": one, "told": told(one)} for one in page.items]
    return render(
        request, "service_hours/findings.html", {"page": page, "lines": lines, "decided": decided, "waiting": not decided}
    )


@require_GET
@never_cache
def finding(request: HttpRequest, finding: int) -> HttpResponse:
    """One finding with all records that it is about."""
    return _page(request, _or_404(request, finding))


@require_POST
def reply(request: HttpRequest, finding: int) -> HttpResponse:
    """The volunteer, or who ran the day, says how it was."""
    found, actor = _or_404(request, finding), actor_of(request)
    if not perms.may_reply(actor, found):
        raise Denied("self")
    form = ReplyForm(request.POST)
    if form.is_valid():
        try:
            services.reply_to(finding=found, reply=form.cleaned_data["reply"], by=actor, now=timezone.now())
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("说明已提交。"))
            return redirect("service_hours:finding", finding)
    return _page(request, _or_404(request, finding), reply_form=form, status=422)


@require_POST
def decide(request: HttpRequest, finding: int) -> HttpResponse:
    """Upheld: the hours are void. Dismissed: they stand."""
    found, actor = _or_404(request, finding), actor_of(request)
    if not perms.may_judge(actor, found):
        raise Denied(Permission.JUDGE)
    verb = {"uphold": services.uphold_finding, "dismiss": services.dismiss}.get(request.POST.get("decision", ""))
    if verb is None:
        raise BadRequest("decision")
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            verb(finding=found, reason=form.cleaned_data["reason"], by=actor, now=timezone.now())
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("决定已记录，当事人已收到通知。"))
            return redirect("service_hours:finding", finding)
    return _page(request, _or_404(request, finding), decision_form=form, status=422)


def _or_404(request: HttpRequest, finding: int) -> Finding:
    return or_404(selectors.visible_finding(finding_id=finding, actor=actor_of(request)))


def _page(
    request: HttpRequest, found: Finding, *, reply_form: Form | None = None, decision_form: Form | None = None, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    record = found.record
    own = perms.is_own(actor, record)
    named = own or perms.over(actor, Permission.RECORD, record.activity) or perms.over(actor, Permission.VERIFY, record.activity)
    if named and not own:
        looked("service_hours.finding", f"finding:{found.pk}", by=actor)
    possible = set(FINDING.verbs(found.state))
    columns = [record, *beside(found, actor)]
    context = {
        "finding": found,
        "told": told(found),
        "record": record,
        "columns": [
            {
                "record": one,
                "confidence": confidence_of(one),
                "facts": facts_of(one),
                "first": one.pk == record.pk,
                "late": {statement.way for statement in one.late_statements.all()},
            }
            for one in columns
        ],
        "evidence": evidence_shown(record, sees=perms.may_see_evidence(actor, record)),
        "own": own,
        "named": named,
        "reply_form": (reply_form or ReplyForm()) if "reply" in possible and perms.may_reply(actor, found) else None,
        "decision_form": (decision_form or ReasonForm()) if "dismiss" in possible and perms.may_judge(actor, found) else None,
        "failed": [form for form in (reply_form, decision_form) if form is not None and not possible],
    }
    return render(request, "service_hours/finding.html", context, status=status)
