"""Pages of cases: what waits, one case with what may be done, the rates."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from qunli.audit.services import looked
from qunli.cases import forms, perms, selectors, services
from qunli.cases.enums import HandlerRole
from qunli.cases.kinds import kind_of, names_of
from qunli.cases.models import Case
from qunli.cases.perms import Permission
from qunli.cases.querysets import seen_ranges
from qunli.cases.selectors import Queue
from qunli.cases.states import CASE
from qunli.divisions import selectors as divisions
from qunli.divisions.models import Division
from qunli.files import selectors as files
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date, working_days_between
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal

QUEUE_NAMES = {
    Queue.DISPATCH: _("待派单"),
    Queue.OFFERED: _("可接单"),
    Queue.WORK: _("办理中"),
    Queue.SURVEY: _("待回访"),
    Queue.OVERDUE: _("已超期"),
    Queue.ALL: _("全部未结"),
}


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """What I asked for, and where it stands."""
    actor = actor_of(request)
    page = selectors.my_cases(actor=actor, cursor=request.GET.get("cursor"))
    return render(request, "cases/mine.html", {"page": page})


@require_safe
def queue(request: HttpRequest, which: str = "") -> HttpResponse:
    """What waits for the desk or the team, the earliest deadline first."""
    actor, today = actor_of(request), local_date(timezone.now())
    known = selectors.queues(actor)
    if not known:
        raise Denied(Permission.SEE)
    chosen = Queue(which) if which else known[0]
    if chosen not in known:
        raise Denied(Permission.SEE)
    page = selectors.queue(which=chosen, actor=actor, today=today, cursor=request.GET.get("cursor"))
    counts = selectors.waiting_counts(actor=actor, today=today)
    lines = [{"case": case, **_left(case, today), "owner": names} for case, names in _owners(page.items)]
    context = {
        "page": page,
        "lines": lines,
        "which": chosen.value,
        "name": QUEUE_NAMES[chosen],
        "tabs": [{"name": q.value, "label": QUEUE_NAMES[q], "count": counts.get(q) or "", "current": q == chosen} for q in known],
        "may_see_rates": bool(seen_ranges(actor)),
    }
    return render(request, "cases/queue.html", context)


def _owners(cases: list[Case]) -> list[tuple[Case, str]]:
    names = names_of(case.owner_unit for case in cases if case.owner_unit)
    return [(case, names.get(case.owner_unit) or case.owner_division.name) for case in cases]


def _left(case: Case, today: Any) -> dict[str, int]:
    left = working_days_between(today, case.due_on)
    return {"days_left": left, "late": -left}


@require_safe
@never_cache
def case(request: HttpRequest, number: str) -> HttpResponse:
    """One case: what, where it stands, and what the reader may do."""
    return _page(request, _found(request, number))


def _found(request: HttpRequest, number: str) -> Case:
    try:
        return selectors.case_of(number=number, actor=actor_of(request))
    except Case.DoesNotExist as error:
        raise Http404 from error


# What may be done: the verb, what is said when it is done, the form, and the call.


def _plain(form: type[Form]) -> Callable[[Any, Case, Actor], Form]:
    return lambda data, case, actor: form(data)


def _unit(form: type[forms.UnitForm], role: str) -> Callable[[Any, Case, Actor], Form]:
    def make(data: Any, case: Case, actor: Actor) -> Form:
        return form(data, units=units_in(case, actor, role))

    return make


def units_in(case: Case, actor: Actor, role: str) -> list[services.Unit]:
    """The actor's units that stand in the case as `role`; for "offered" also the one that it was sent to."""
    rows = {(h.division_id, h.unit) for h in case.handlers.all() if h.role == role and h.done_at is None}
    if role == HandlerRole.OFFERED and not any(h.role == role for h in case.handlers.all()):
        rows.add((case.owner_division_id, case.owner_unit))
    return [unit for unit in selectors.own_units(case, actor) if (unit.division, unit.key) in rows]


def _merge_form(data: Any, case: Case, actor: Actor) -> Form:
    return merge_form(data, selectors.likely_repeats(case, actor))


def merge_form(data: Any, likely: list[selectors.Likely]) -> Form:
    """Into which of the cases that may be the same."""
    return forms.MergeForm(data, leads=[(one.case.number, f"{one.case.title}（{one.why}）") for one in likely])


def _split_form(data: Any, case: Case, actor: Actor) -> Form:
    return forms.SplitForm(data, matters=[(m.key, m.name) for m in kind_of(case.kind).matters.values()])


def _dispatch_form(data: Any, case: Case, actor: Actor) -> Form:
    return forms.DispatchForm(data, units=selectors.units_for(case))


VERBS: dict[str, tuple[Any, Any, Callable[[Any, Case, Actor], Form]]] = {
    "take": (_("接单"), _("已接单。请在 24 小时内联系诉求人。"), _unit(forms.UnitForm, HandlerRole.OFFERED)),
    "rate": (_("评价"), _("谢谢您的评价。"), _plain(forms.RateForm)),
    "dispatch": (_("派单"), _("已派单。"), _dispatch_form),
    "contact": (_("联系诉求人"), _("已记录。"), _plain(forms.ContactForm)),
    "begin": (_("记录办理进展"), _("已记录。"), _plain(forms.BeginForm)),
    "report": (_("反馈协办情况"), _("已反馈。"), _unit(forms.UnitNoteForm, HandlerRole.ASSIST)),
    "reply": (_("答复诉求人"), _("已答复，诉求人会收到通知。"), _plain(forms.ReplyForm)),
    "visit-back": (_("回访"), _("已记录。"), _plain(forms.VisitBackForm)),
    "archive": (_("归档"), _("已归档。"), _plain(forms.NoForm)),
    "urge": (_("催办"), _("已催办，承办单位会收到通知。"), _plain(forms.NoForm)),
    "reopen": (_("再办一次"), _("已重新办理。"), _plain(forms.ReasonForm)),
    "decline": (_("不能接单"), _("已告知社区。"), _unit(forms.UnitReasonForm, HandlerRole.OFFERED)),
    "return": (_("退单"), _("已退回。"), _plain(forms.ReasonForm)),
    "hand-up": (_("转上级"), _("已转上级。"), _plain(forms.ReasonForm)),
    "extend": (_("延期"), _("已延期，诉求人会收到通知。"), _plain(forms.ExtendForm)),
    "merge": (_("并案"), _("已并案。"), _merge_form),
    "split": (_("拆分"), _("已拆出一件新的工单。"), _split_form),
    "split-off": (_("拆出并案"), _("已拆出。"), _plain(forms.ReasonForm)),
    "supervise": (_("督办"), _("已督办。"), _plain(forms.NoteForm)),
    "refuse": (_("不予受理"), _("已告知诉求人。"), _plain(forms.RefuseForm)),
    "withdraw": (_("撤回"), _("已撤回。"), _plain(forms.NoForm)),
    "attach": (_("添加照片或文件"), _("已添加。"), _plain(forms.FileForm)),
}
"""In the order in which they stand on the page: what most likely comes next is first."""
MAIN = ("take", "rate", "dispatch", "contact", "reply", "visit-back", "report", "archive")


def offered(case: Case, actor: Actor) -> list[str]:
    """The verbs that the actor may use on the case now."""
    possible = set(CASE.verbs(case.state))
    own, desk, owner = perms.is_own(actor, case), perms.may_dispatch(actor, case), perms.may_handle(actor, case)
    working = case.state in ("signed_for", "handling")
    open_ = not case.ended
    offers = case.state == "dispatched" and bool(units_in(case, actor, HandlerRole.OFFERED)) and not own
    rows = {
        "take": offers,
        "rate": own and "rate" in possible,
        "dispatch": desk and "dispatch" in possible,
        "contact": owner and working,
        "begin": owner and working,
        "report": open_ and bool(units_in(case, actor, HandlerRole.ASSIST)),
        "reply": owner and "reply" in possible,
        "visit-back": desk and case.state in ("replied", "visited_back"),
        "archive": desk and "archive" in possible and (case.rated_at is not None or case.state == "visited_back"),
        "urge": own and case.state in ("received", "dispatched", "returned", "reopened", "signed_for", "handling"),
        "reopen": (own or desk) and "reopen" in possible and not (case.solved and case.satisfied),
        "decline": offers and any(h.role == HandlerRole.OFFERED for h in case.handlers.all()),
        "return": owner and "return" in possible and bool(case.owner_unit),
        "hand-up": desk and case.state in ("received", "returned", "reopened"),
        "extend": desk and case.state in ("dispatched", "signed_for", "handling") and not case.extended_days,
        "merge": desk and "merge" in possible,
        "split": desk and open_,
        "split-off": desk and "split_off" in possible,
        "supervise": open_ and perms.may_supervise(actor, case) and case.pressure != "supervised",
        "refuse": desk and "refuse" in possible,
        "withdraw": own and "withdraw" in possible,
        "attach": open_ and perms.may_see_contact(actor, case) and actor.person_id is not None,
    }
    return [verb for verb in VERBS if rows[verb]]


@require_POST
def act(request: HttpRequest, number: str, verb: str) -> HttpResponse:
    """Do one thing with a case; what refuses it stands at its field."""
    if verb not in VERBS:
        raise BadRequest(verb)
    found = _found(request, number)
    _label, words, make = VERBS[verb]
    form = make(request.POST, found, actor_of(request))
    if verb == "attach":
        form = forms.FileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            do(verb, found, dict(form.cleaned_data), actor_of(request), timezone.now())
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, words)
            return redirect("cases:case", number) if verb not in ("return", "decline") else redirect("cases:queue")
    return _page(request, _found(request, number), {verb: form}, status=422)


def do(verb: str, case: Case, values: dict[str, Any], by: Actor, now: datetime) -> None:
    """The service of a verb, with the values of its form."""
    call: dict[str, Any] = {
        "take": services.take, "rate": services.rate, "dispatch": services.dispatch, "contact": services.contact,
        "begin": services.begin, "report": services.report, "reply": services.reply, "visit-back": services.visit_back,
        "archive": services.archive, "urge": services.urge, "reopen": services.reopen, "decline": services.decline,
        "return": services.give_back, "hand-up": services.hand_up, "extend": services.extend, "split-off": services.split_off,
        "supervise": services.supervise, "refuse": services.refuse, "withdraw": services.withdraw,
        "attach": services.attach,
    }  # fmt: skip
    if verb == "merge":
        lead = selectors.case_of(number=values["lead"], actor=by)
        services.merge(lead=lead, others=[case], by=by, now=now)
    elif verb == "split":
        services.split(case=case, parts=[services.Asked(division=case.division, **values)], by=by, now=now)
    else:
        call[verb](case=case, by=by, now=now, **values)


def _page(request: HttpRequest, found: Case, given: dict[str, Form] | None = None, *, status: int = 200) -> HttpResponse:
    actor, today = actor_of(request), local_date(timezone.now())
    given = given or {}
    own = perms.is_own(actor, found)
    contact = perms.may_see_contact(actor, found)
    shown = contact and (own or request.GET.get("contact") == "1")
    if shown and not own:
        looked("case.contact", f"case:{found.pk}", by=actor)
    verbs = offered(found, actor)
    desk = perms.may_dispatch(actor, found)
    likely = selectors.likely_repeats(found, actor) if desk else []
    if not likely and "merge" not in given:
        verbs = [verb for verb in verbs if verb != "merge"]
    events = selectors.events_of(found)
    names = selectors.names_in(found, events)
    actions: list[dict[str, Any]] = []
    main = [verb for verb in MAIN if verb != "contact" or found.contacted_at is None]
    first = next((verb for verb in main if verb in verbs), "")
    for verb in verbs:
        form = given.get(verb) or (merge_form(None, likely) if verb == "merge" else VERBS[verb][2](None, found, actor))
        form.auto_id = f"id_{verb}_%s"  # several forms stand on one page
        actions.append({"verb": verb, "label": VERBS[verb][0], "form": form, "open": verb in given or verb == first})
    kind = kind_of(found.kind)
    context = {
        "case": found,
        "kind": kind.name,
        "own": own,
        "works": not own and bool(seen_ranges(actor) or actor.units(Permission.HANDLE)),
        "may_see_contact": contact and not own and not shown,
        "contact": shown,
        "name": _name(found),
        "phone": found.contact_phone or (found.requester.phone if found.requester is not None else "") or "",
        "owner": names.get(found.owner_unit) or found.owner_division.name,
        "helpers": [(names.get(h.unit) or h.division.name, h) for h in found.handlers.all()],
        "actions": actions,
        "failed": [form for verb, form in given.items() if verb not in verbs],
        "steps": selectors.path_of(found, events, names, today),
        "replies": [event.reply for event in events if event.reply is not None],
        "repeats": found.times,  # type: ignore[attr-defined]
        "files": list(files.of_subject(f"case:{found.pk}")) if contact else [],
        "panel": kind.panel(found, actor) if kind.panel is not None else None,
        "deadline": selectors.deadline_of(found, events) if "replied" in selectors.AHEAD.get(found.state, []) else None,
        **_left(found, today),
    }
    return render(request, "cases/case.html", context, status=status)


def _name(case: Case) -> str:
    return case.contact_name or (case.requester.name if case.requester is not None else "")


@require_safe
def rates(request: HttpRequest) -> HttpResponse:
    """The three rates of a division and of those below it, with numerator and denominator; what is asked for again and again."""
    actor, today = actor_of(request), local_date(timezone.now())
    ranges = seen_ranges(actor)
    if not ranges:
        raise Denied(Permission.SEE)
    form = forms.RatesForm(request.GET if request.GET.get("since") else None)
    form.is_valid()
    since, until = form.months(today)
    data = getattr(form, "cleaned_data", {})
    division = data.get("division") or by_code(request.GET.get("of", "")) or _first(ranges)
    if not any(division.path.startswith(path) for path in ranges):
        raise Denied(Permission.SEE)
    whole, below = selectors.rates(actor=actor, division=division, since=since, until=until, kind=data.get("kind") or "")
    context = {
        "form": forms.RatesForm(initial={"division": division, "since": since, "until": until, "kind": data.get("kind", "")}),
        "division": division,
        "since": since,
        "until": until,
        "whole": whole,
        "below": below,
        "repeated": selectors.most_repeated(actor=actor, division=division),
    }
    return render(request, "cases/rates.html", context)


def by_code(code: str) -> Division | None:
    """The division in force with a code, if there is one."""
    node = divisions.tree().by_code.get(code)
    return Division.objects.get(pk=node.id) if node is not None else None


def _first(ranges: tuple[str, ...]) -> Division:
    """The largest division that the reader sees."""
    codes = sorted((path.rstrip("/").rpartition("/")[2] for path in ranges if path), key=len)
    found = next((node for code in codes if (node := by_code(code)) is not None), None)
    return found or divisions.city()
