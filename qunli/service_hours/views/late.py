"""For the script of the day's pages: what they take into a dead spot, and what comes back from there. Answers are JSON."""

from collections.abc import Callable
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Refused
from qunli.kernel.http import actor_of, or_404
from qunli.service_hours import offline, selectors, services
from qunli.service_hours.forms import LateForm
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.services import Statement
from qunli.service_hours.windows import Span


@require_GET
@never_cache
def kit(request: HttpRequest, activity: int) -> HttpResponse:
    """The server's time, a ticket, a fresh form token; for who runs the day, the codes of the next hours."""
    actor, now = actor_of(request), timezone.now()
    found = selectors.day(activity_id=activity, actor=actor, now=now)
    led = selectors.run_by(activity_id=activity, actor=actor)
    if actor.person_id is None or (found is None and led is None):
        raise Http404
    begin: datetime = now
    codes: list[str] = []
    if led is not None:
        begin, codes = offline.codes_ahead(seed=bytes(led.code_seed), span=Span(led.starts_at, led.ends_at), now=now)
    return JsonResponse(
        {
            "who": offline.whose(actor.person_id),
            "now": int(now.timestamp() * 1000),
            "ticket": offline.ticket(person_id=actor.person_id, activity_id=activity, now=now),
            "token": get_token(request),
            "codes": codes,
            "begin": int(begin.timestamp() * 1000),
            "step": int(offline.STEP.total_seconds() * 1000),
        }
    )


@require_POST
@never_cache
def sign(request: HttpRequest, activity: str, way: str) -> HttpResponse:
    """The volunteer's own sign-in or sign-out, noted without a network."""
    actor, now = actor_of(request), timezone.now()
    found = or_404(selectors.day(activity_id=int(activity), actor=actor, now=now))

    def write(statement: Statement, code: str) -> ServiceRecord:
        return services.sign_late(activity=found.activity, statement=statement, code=code, by=actor, now=now)

    return _answer(request, way, write)


@require_POST
@never_cache
def sign_for(request: HttpRequest, activity: str, sign_up: str, way: str) -> HttpResponse:
    """The leader's tick, noted without a network."""
    actor, now = actor_of(request), timezone.now()
    row = selectors.sign_up_run_by(sign_up_id=int(sign_up), actor=actor)
    if row is None or row.activity_id != int(activity):
        raise Http404

    def write(statement: Statement, code: str) -> ServiceRecord:
        return services.sign_late_for(sign_up=row, statement=statement, by=actor, now=now)

    return _answer(request, way, write)


def _answer(request: HttpRequest, way: str, write: Callable[[Statement, str], ServiceRecord]) -> HttpResponse:
    """200 when it stands in the record, now or since before; 409 with a reason for people; 422 for what no page of ours sends."""
    form = LateForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"code": "form", "message": _("这条离线登记不完整，不能补传。请告诉负责人补记。")}, status=422)
    try:
        record = write(form.statement(way), form.cleaned_data["code"])
    except Refused as refused:
        return JsonResponse({"code": refused.code, "message": str(refused.message)}, status=409)
    moment = record.signed_in_at if way == "in" else record.signed_out_at
    words = _("签到 %(time)s 已补传。") if way == "in" else _("签退 %(time)s 已补传。")
    return JsonResponse({"message": words % {"time": f"{moment.astimezone(SHANGHAI):%H:%M}" if moment else ""}})
