"""What speaks for an attendance: photos; asking who was served; and the page on which they answer, without an account."""

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal, or_404, public
from qunli.service_hours import attesting, perms, selectors, services
from qunli.service_hours.enums import ServedRole
from qunli.service_hours.forms import PhotoForm, ServedCodeForm, ServedForm
from qunli.service_hours.limits import count_answer
from qunli.service_hours.models import Photo, ServedStatement, ServiceRecord
from qunli.service_hours.perms import Permission
from qunli.service_hours.views.common import servable
from qunli.service_hours.views.records import activity_page, record_or_404, record_page


@require_POST
def add_photo(request: HttpRequest, record: int) -> HttpResponse:
    """The volunteer or the leader adds a photo, from the day's page or the record's."""
    found, form = _addable(request, record), PhotoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            services.add_photo(record=found, upload=form.cleaned_data["file"], by=actor_of(request), now=timezone.now())
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("照片已保存，作为到场的证据。"))
            return redirect("service_hours:record", record)
    return record_page(request, record_or_404(request, record), {"photo": form}, status=422)


@require_POST
def remove_photo(request: HttpRequest, record: int, photo: int) -> HttpResponse:
    """The volunteer takes a picture of themselves away."""
    found = record_or_404(request, record)
    if not perms.is_own(actor_of(request), found):
        raise Denied("self", _("照片属于志愿者本人，只有本人可以删除。"))
    row = or_404(Photo.objects.filter(pk=photo, record=found).select_related("attachment").first())
    services.remove_photo(photo=row, by=actor_of(request))
    messages.success(request, _("照片已删除。"))
    return redirect("service_hours:record", record)


@require_POST
def ask(request: HttpRequest, record: int) -> HttpResponse:
    """Ask who was served about one attendance."""
    found, form = _addable(request, record), ServedForm(request.POST)
    if form.is_valid() and _asked(request, form, [found]):
        return redirect("service_hours:record", record)
    return record_page(request, record_or_404(request, record), {"served": form}, status=422)


@require_POST
def ask_all(request: HttpRequest, activity: int) -> HttpResponse:
    """Ask who was served about everybody who took part."""
    actor = actor_of(request)
    found = or_404(selectors.visible_activity(activity_id=activity, actor=actor))
    if not perms.may_record(actor, found):
        raise Denied(Permission.RECORD)
    form = ServedForm(request.POST)
    rows = servable(selectors.records_of(activity=found, actor=actor), actor, timezone.now())
    if form.is_valid() and _asked(request, form, rows):
        return redirect("service_hours:activity_records", activity)
    return activity_page(request, activity, served_form=form, status=422)


@require_POST
def tell_code(request: HttpRequest, record: int) -> HttpResponse:
    """The code that the person served read out."""
    found, form = _addable(request, record), ServedCodeForm(request.POST)
    if form.is_valid():
        statement = attesting.statement_about(statement_id=form.cleaned_data["statement"], record=found)
        if statement is None:
            raise Http404
        try:
            services.tell_code(statement=statement, code=form.cleaned_data["code"], by=actor_of(request), now=timezone.now())
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("服务对象已确认。"))
            return redirect("service_hours:record", record)
    return record_page(request, record_or_404(request, record), {"code": form}, status=422)


@public
@require_http_methods(["GET", "POST"])
@never_cache
def served(request: HttpRequest, token: str) -> HttpResponse:
    """Where the message's link leads: did they come? Names are masked; nothing else of anybody is told."""
    statement = or_404(attesting.statement_of_token(token=token))
    wrong = ""
    if request.method == "POST":
        try:
            _answer(request, statement)
        except Refused as refused:
            wrong = str(refused.message)
        else:
            return redirect("service_hours:served", token)
    context = {
        "statement": statement,
        "activity": statement.activity,
        "lines": attesting.lines_of(statement=statement),
        "over": not statement.answer and timezone.now() > statement.valid_until,
        "wrong": wrong,
    }
    response = render(request, "service_hours/served.html", context, status=422 if wrong else 200)
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: HttpRequest, statement: ServedStatement) -> None:
    answer = request.POST.get("came", "")
    if answer not in ("yes", "no"):
        raise Refused(_("请点“来过”或“没有来过”。"), code="empty", field="came")
    lines = [int(line) for line in request.POST.getlist("line") if line.isdecimal() and len(line) < 19]
    count_answer(request)
    services.say_served(statement=statement, came=answer == "yes", lines=lines, now=timezone.now())


def _asked(request: HttpRequest, form: Form, rows: list[ServiceRecord]) -> bool:
    values = form.cleaned_data
    try:
        statement, _token = services.ask_served(
            records=rows, phone=values["phone"], role=ServedRole(values["role"]), by=actor_of(request), now=timezone.now()
        )
    except Refused as refused:
        add_refusal(form, refused)
        return False
    messages.success(request, _("短信已发到 %(phone)s。") % {"phone": statement.contact})
    return True


def _addable(request: HttpRequest, record: int) -> ServiceRecord:
    found = record_or_404(request, record)
    if not perms.may_add_evidence(actor_of(request), found):
        raise Denied(Permission.RECORD, _("只有志愿者本人和活动的负责人可以补充证据。"))
    return found
