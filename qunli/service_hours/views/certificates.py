"""My certificates, issuing, the file; and the public page that verifies a number or a file."""

from pathlib import Path

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from qunli.audit.services import looked
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.http import actor_of, add_refusal, or_404, public
from qunli.people.models import Person
from qunli.service_hours import perms, sealing, selectors, services, verification
from qunli.service_hours.forms import FileForm, IssueForm, NumberForm, PeriodForm, ReasonForm
from qunli.service_hours.limits import count_upload, looked_too_often
from qunli.service_hours.models import Certificate
from qunli.service_hours.numbering import normal_number
from qunli.service_hours.perms import Permission
from qunli.service_hours.verification import Kind, Verdict
from qunli.volunteering.selectors import volunteer_by_number

VERIFIER = Path(verification.__file__).with_name("verify_certificate.py")


@require_http_methods(["GET", "POST"])
def certificates(request: HttpRequest) -> HttpResponse:
    """My certificates; a new one for a period."""
    actor, now = actor_of(request), timezone.now()
    today = local_date(now)
    form = PeriodForm(request.POST or None, initial={"since": today.replace(month=1, day=1), "until": today})
    if request.method == "POST" and form.is_valid():
        person = Person.objects.filter(pk=actor.person_id or 0).first()
        try:
            if person is None:
                raise Refused(_("请先登记个人资料。"), code="no_person")
            made = services.issue(person=person, by=actor, now=now, **form.cleaned_data)
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("证明已开具，可以下载。"))
            return redirect("service_hours:certificate", made.number)
    page = selectors.my_certificates(actor=actor, cursor=request.GET.get("cursor"))
    context = {
        "page": page,
        "form": form,
        "totals": selectors.my_totals(actor=actor),
        "issues": actor.has(Permission.ISSUE_CERTIFICATE),
    }
    return render(request, "service_hours/certificates.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def issue(request: HttpRequest) -> HttpResponse:
    """Issue a certificate for a volunteer who asks at the counter."""
    actor, now = actor_of(request), timezone.now()
    if not actor.has(Permission.ISSUE_CERTIFICATE):
        raise Denied(Permission.ISSUE_CERTIFICATE)
    today = local_date(now)
    form = IssueForm(request.POST or None, initial={"since": today.replace(month=1, day=1), "until": today})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        volunteer = volunteer_by_number(number=values["person"])
        try:
            if volunteer is None or not perms.may_issue_for(actor, volunteer.person, volunteer.division.path):
                raise Refused(_("您的辖区里没有这个编号的志愿者，请核对。"), code="not_found", field="person")
            made = services.issue(person=volunteer.person, since=values["since"], until=values["until"], by=actor, now=now)
        except Refused as refused:
            add_refusal(form, refused)
        else:
            messages.success(request, _("证明已开具，可以下载。"))
            return redirect("service_hours:certificate", made.number)
    return render(request, "service_hours/issue.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def certificate(request: HttpRequest, number: str) -> HttpResponse:
    """One certificate; who may, revokes it with a reason."""
    actor = actor_of(request)
    found = _certificate_or_404(request, number)
    path = found.person.volunteer.division.path
    may_revoke = found.state == "issued" and perms.may_revoke(actor, found, path)
    form = ReasonForm(request.POST or None)
    if request.method == "POST":
        if not may_revoke:
            raise Denied(Permission.VOID)
        if form.is_valid():
            try:
                services.revoke(certificate=found, reason=form.cleaned_data["reason"], by=actor, now=timezone.now())
            except Refused as refused:
                add_refusal(form, refused)
            else:
                messages.success(request, _("证明已撤销。"))
                return redirect("service_hours:certificate", number)
    own = found.person_id == actor.person_id
    if not own:
        looked("service_hours.certificate", f"certificate:{found.pk}", by=actor)
    context = {
        "certificate": found,
        "own": own,
        "may_revoke": may_revoke,
        "form": form,
        "download": perms.may_download(actor, found, path),
    }
    return render(request, "service_hours/certificate.html", context, status=422 if form.errors else 200)


@require_GET
@never_cache
def pdf(request: HttpRequest, number: str) -> HttpResponse:
    """The file itself."""
    actor = actor_of(request)
    found = _certificate_or_404(request, number)
    if not perms.may_download(actor, found, found.person.volunteer.division.path):
        raise Denied(Permission.ISSUE_CERTIFICATE)
    if found.person_id != actor.person_id:
        looked("service_hours.certificate_file", f"certificate:{found.pk}", by=actor)
    response = HttpResponse(bytes(found.pdf), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{found.number}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _certificate_or_404(request: HttpRequest, number: str) -> Certificate:
    normal = normal_number(number)
    return or_404(selectors.visible_certificate(number=normal, actor=actor_of(request)) if normal else None)


@public
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """For anybody: is this certificate genuine, and does it still hold?"""
    number_form, file_form = NumberForm(), FileForm()
    if request.method == "POST" and "file" in request.FILES:
        file_form = FileForm(request.POST, request.FILES)
        if file_form.is_valid():
            try:
                count_upload(request)
            except Refused as refused:
                add_refusal(file_form, refused)
            else:
                verdict = verification.by_file(file_form.cleaned_data["file"].read(), now=timezone.now())
                return _verdict_page(request, verdict, file=True)
    elif request.method == "GET" and "number" in request.GET:
        number_form = NumberForm(request.GET)
        if number_form.is_valid():
            normal = normal_number(number_form.cleaned_data["number"])
            if normal is not None:
                return redirect("service_hours:verify_number", normal)
            number_form.add_error("number", _("编号不对：可能有一个字符看错了。请对照证明重新输入，注意区分 0 和 O。"))
    elif request.method == "POST":
        file_form = FileForm(request.POST, request.FILES)
        file_form.is_valid()
    wrong = number_form.errors or file_form.errors
    context = {"number_form": number_form, "file_form": file_form, "slow": False}
    return render(request, "service_hours/verify.html", context, status=422 if wrong else 200)


@public
@require_GET
@never_cache
def verify_number(request: HttpRequest, number: str) -> HttpResponse:
    """Where the QR leads."""
    if looked_too_often(request):
        return render(
            request, "service_hours/verify.html", {"number_form": NumberForm(), "file_form": FileForm(), "slow": True}, status=429
        )
    return _verdict_page(request, verification.by_number(number))


@public
@require_GET
def seals(request: HttpRequest) -> HttpResponse:
    """The seals of the ledger, the latest first, and how to check a certificate by them."""
    page = selectors.seals(cursor=request.GET.get("cursor"))
    return render(request, "service_hours/seals.html", {"page": page})


@public
@require_GET
def seals_json(request: HttpRequest) -> HttpResponse:
    """All seals and the keys that signed them, for `verify_certificate.py` and for whoever keeps a copy."""
    return JsonResponse(sealing.published(), headers={"Content-Disposition": 'attachment; filename="seals.json"'})


@public
@require_GET
def verifier(request: HttpRequest) -> HttpResponse:
    """The program that checks a certificate without the platform."""
    response = HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{VERIFIER.name}"'
    return response


def _verdict_page(request: HttpRequest, verdict: Verdict, *, file: bool = False) -> HttpResponse:
    status = {Kind.UNKNOWN_NUMBER: 404, Kind.NO_NUMBER: 404}.get(
        verdict.kind, 200 if verdict.kind in (Kind.VALID, Kind.REVOKED) else 422
    )
    context = {"verdict": verdict, "kind": verdict.kind.value, "paper": verdict.paper, "file": file}
    return render(request, "service_hours/verdict.html", context, status=status)
