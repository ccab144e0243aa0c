"""My record and its ledger; what waits to be submitted and verified; one record and what may be done with it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from qunli.audit.services import looked
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date, working_days_between
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal, or_404
from qunli.service_hours import perms, selectors, services
from qunli.service_hours.enums import RecordState
from qunli.service_hours.forms import ReasonForm, ServedForm, TimesForm, local
from qunli.service_hours.integrity.evidence import confidence_of
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.selectors import QUEUES, Queue
from qunli.service_hours.services.records import only
from qunli.service_hours.states import OPEN, RECORD
from qunli.service_hours.views.common import EVIDENCE_FORMS, evidence_context, said, servable
from qunli.service_hours.windows import Span, planned_minutes


@require_GET
def records(request: HttpRequest) -> HttpResponse:
    """My hours: the total, what is on the way, every service."""
    actor = actor_of(request)
    page = selectors.my_records(actor=actor, cursor=request.GET.get("cursor"))
    return render(request, "service_hours/records.html", {"page": page, "totals": selectors.my_totals(actor=actor)})


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """My ledger: every entry with its record."""
    actor = actor_of(request)
    page = selectors.my_entries(actor=actor, cursor=request.GET.get("cursor"))
    return render(request, "service_hours/ledger.html", {"page": page, "totals": selectors.my_totals(actor=actor)})


@require_GET
def queue(request: HttpRequest, which: str = "") -> HttpResponse:
    """What waits: to be submitted, to be verified, in dispute; the earliest due first."""
    actor, today = actor_of(request), local_date(timezone.now())
    open_queues = [name for name, (permission, _states) in QUEUES.items() if actor.has(permission)]
    if not open_queues:
        raise Denied(Permission.RECORD)
    chosen = Queue(which) if which else open_queues[0]
    if chosen not in open_queues:
        raise Denied(QUEUES[chosen][0])
    page = selectors.queue(which=chosen, actor=actor, cursor=request.GET.get("cursor"))
    for activity in page.items:
        left = working_days_between(today, activity.due_on) if activity.due_on else 0  # type: ignore[attr-defined]
        activity.days_left, activity.days_late = left, -left  # type: ignore[attr-defined]
    counts = selectors.waiting_counts(actor=actor)
    context = {
        "page": page,
        "which": chosen.value,
        "tabs": [{"name": name.value, "count": counts[name] or "", "current": name == chosen} for name in open_queues],
    }
    return render(request, "service_hours/queue.html", context)


@require_GET
@never_cache
def activity_records(request: HttpRequest, activity: int) -> HttpResponse:
    """All records of an activity: planned and actual side by side, single or all at once."""
    return activity_page(request, activity)


@require_POST
def many(request: HttpRequest, activity: int, verb: str) -> HttpResponse:
    """Submit or verify the chosen records of an activity."""
    actor, now = actor_of(request), timezone.now()
    found = or_404(selectors.visible_activity(activity_id=activity, actor=actor))
    wanted = Permission.RECORD if verb == "submit" else Permission.VERIFY
    if not perms.over(actor, wanted, found):
        raise Denied(wanted)
    keys = [key for key in request.POST.getlist("record") if key.isdecimal() and len(key) < 19]
    rows = list(ServiceRecord.objects.visible_to(actor).filter(activity=activity, pk__in=keys))
    if not rows:
        messages.warning(request, _("请先勾选要办理的记录。"))
        return redirect("service_hours:activity_records", activity)
    done = (services.submit if verb == "submit" else services.verify)(records=rows, by=actor, now=now)
    count = len(done.records)
    if count and verb == "submit":
        messages.success(request, ngettext("已提交 %(count)d 条。", "已提交 %(count)d 条。", count) % {"count": count})
    elif count:
        messages.success(request, ngettext("已核实 %(count)d 条。", "已核实 %(count)d 条。", count) % {"count": count})
    for line in said(done):
        messages.warning(request, line)
    return redirect("service_hours:activity_records", activity)


def activity_page(request: HttpRequest, activity: int, *, served_form: Form | None = None, status: int = 200) -> HttpResponse:
    actor, today = actor_of(request), local_date(timezone.now())
    found = or_404(selectors.visible_activity(activity_id=activity, actor=actor))
    rows = selectors.records_of(activity=found, actor=actor)
    named = perms.over(actor, Permission.RECORD, found) or perms.over(actor, Permission.VERIFY, found)
    if named and rows:
        looked("service_hours.records", f"activity:{found.pk}", by=actor, people=len(rows))
    planned = planned_minutes(Span(found.starts_at, found.ends_at))
    lines = [
        {
            "record": row,
            "difference": row.minutes - planned if row.signed_out_at else None,
            "submit": row.state == RecordState.DRAFT and row.signed_out_at is not None and perms.may_record(actor, found),
            "verify": row.state == RecordState.SUBMITTED and perms.may_verify(actor, row),
            "mend": row.state in (RecordState.PRESENT, RecordState.DRAFT) and perms.may_record(actor, found),
            "own": row.person_id == actor.person_id,
        }
        for row in rows
    ]
    due = min((row.due_on for row in rows if row.state in OPEN), default=None)
    left = working_days_between(today, due) if due else 0
    context = {
        "activity": found,
        "lines": lines,
        "named": named,
        "runs": perms.may_record(actor, found),
        "planned": planned,
        "total": sum(row.minutes for row in rows if row.state != RecordState.VOID),
        "to_submit": sum(bool(line["submit"]) for line in lines),
        "to_verify": sum(bool(line["verify"]) for line in lines),
        "due_on": due,
        "days_left": left,
        "days_late": -left,
        "to_ask": len(servable(rows, actor, timezone.now())),
        "served_form": served_form or ServedForm(),
    }
    return render(request, "service_hours/activity_records.html", context, status=status)


@require_GET
@never_cache
def record(request: HttpRequest, record: int) -> HttpResponse:
    """One record: its way, its entries, and what the reader may do."""
    return record_page(request, record_or_404(request, record))


def _reason_form(data: Any, found: ServiceRecord) -> Form:
    return ReasonForm(data)


def _times_form(data: Any, found: ServiceRecord) -> Form:
    return TimesForm(data, initial={"signed_in_at": local(found.signed_in_at), "signed_out_at": local(found.signed_out_at)})


def _no_form(data: Any, found: ServiceRecord) -> Form:
    return Form(data or {})


VERBS: dict[str, tuple[Any, Callable[[Any, ServiceRecord], Form]]] = {
    "confirm": (gettext_lazy("已确认。"), _no_form),
    "dispute": (gettext_lazy("已提出异议，组织方会核对并答复。"), _reason_form),
    "times": (gettext_lazy("时间已设定。"), _times_form),
    "submit": (gettext_lazy("已提交。"), _no_form),
    "verify": (gettext_lazy("已核实，时长已记入。"), _no_form),
    "send-back": (gettext_lazy("已退回负责人。"), _reason_form),
    "correct": (gettext_lazy("已更正，原来的时长已冲回。"), _times_form),
    "uphold": (gettext_lazy("已维持原记录。"), _reason_form),
    "void": (gettext_lazy("已撤销，时长已冲回。"), _reason_form),
}
"""What is said when it is done, and the form that it wants."""


@require_POST
def change(request: HttpRequest, record: int, verb: str) -> HttpResponse:
    """Do one thing with a record; what refuses it stands at its field."""
    if verb not in VERBS:
        raise BadRequest(verb)
    found = record_or_404(request, record)
    words, make = VERBS[verb]
    form = make(request.POST, found)
    if form.is_valid():
        try:
            _do(verb, found, form.cleaned_data, actor_of(request))
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, words)
            return redirect("service_hours:record", record)
    return record_page(request, record_or_404(request, record), {verb: form}, status=422)


def _do(verb: str, found: ServiceRecord, values: dict[str, Any], by: Actor) -> None:
    now = timezone.now()
    match verb:
        case "confirm":
            services.confirm(record=found, by=by, now=now)
        case "submit":
            only(services.submit(records=[found], by=by, now=now))
        case "verify":
            only(services.verify(records=[found], by=by, now=now))
        case "times":
            services.set_times(record=found, by=by, now=now, **values)
        case "correct":
            services.correct(record=found, by=by, now=now, **values)
        case "dispute":
            services.dispute(record=found, by=by, now=now, **values)
        case "send-back":
            services.send_back(record=found, by=by, now=now, **values)
        case "uphold":
            services.uphold(record=found, by=by, now=now, **values)
        case "void":
            services.void(record=found, by=by, now=now, **values)


def record_or_404(request: HttpRequest, record: int) -> ServiceRecord:
    return or_404(selectors.visible_record(record_id=record, actor=actor_of(request)))


def record_page(
    request: HttpRequest, found: ServiceRecord, forms: dict[str, Form] | None = None, *, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    own = perms.is_own(actor, found)
    named = own or perms.over(actor, Permission.RECORD, found.activity) or perms.over(actor, Permission.VERIFY, found.activity)
    if named and not own:
        looked("service_hours.record", f"record:{found.pk}", by=actor)
    possible = set(RECORD.verbs(found.state))
    verifies = perms.may_verify(actor, found)
    offered = {
        "confirm": own and "confirm" in possible,
        "dispute": own and "dispute" in possible,
        "times": found.state in (RecordState.PRESENT, RecordState.DRAFT) and perms.may_record(actor, found.activity),
        "submit": found.state == RecordState.DRAFT and found.signed_out_at is not None and perms.may_record(actor, found.activity),
        "verify": "verify" in possible and verifies,
        "send-back": "send_back" in possible and verifies,
        "correct": "correct" in possible and verifies,
        "uphold": "uphold" in possible and verifies,
        "void": "void" in possible and perms.may_void(actor, found),
    }
    given = forms or {}
    evidence = evidence_context(found, actor, given)
    entries = selectors.entries_of(record=found)
    context = {
        "record": found,
        "activity": found.activity,
        "own": own,
        "named": named,
        "entries": entries,
        "confidence": confidence_of(found),
        "late": selectors.late_statements(record=found),
        "findings": selectors.findings_of(record=found, actor=actor),
        "planned": planned_minutes(Span(found.activity.starts_at, found.activity.ends_at)),
        "steps": selectors.path_of(record=found, entries=entries, today=local_date(timezone.now())),
        "actions": [
            {"verb": verb, "form": given.get(verb) or VERBS[verb][1](None, found), "open": verb in given}
            for verb, offer in offered.items()
            if offer
        ],
        "failed": [
            form for verb, form in given.items() if not (offered.get(verb) or (verb in EVIDENCE_FORMS and evidence["adds"]))
        ],
        "evidence": evidence,
    }
    return render(request, "service_hours/record.html", context, status=status)
