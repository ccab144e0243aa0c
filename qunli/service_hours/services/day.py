"""On the day: signing in and out by code, by place or by the leader, and those who come without having signed up."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from qunli.accounts.services import count_attempt, forget_attempts
from qunli.audit.services import record as audit
from qunli.kernel import codes, geo
from qunli.kernel.actor import Actor
from qunli.kernel.clock import add_working_days, local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people.enums import Purpose
from qunli.people.models import Consent
from qunli.service_hours import perms
from qunli.service_hours.enums import Method, RecordState
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.services.presence import check_alone
from qunli.service_hours.states import RECORD
from qunli.service_hours.windows import Span, check_times, counted_minutes, may_sign_in
from qunli.volunteering import services as volunteering
from qunli.volunteering.models import Activity, SignUp

DUE_WORKING_DAYS = 10
"""Service and evaluation are recorded within 10 working days after the end (办法 11)."""
TRIES, WINDOW = 5, timedelta(minutes=10)
"""Of a six-digit code, two of which are valid at a time, a person gets 5 tries in 10 minutes: 1 in 100,000."""
STALE = timedelta(hours=26)
"""A code that was valid this recently is named as an old one, rather than as a wrong one."""


@dataclass(frozen=True)
class Place:
    """Where a phone says that it is, in WGS-84 degrees. It is measured against the activity's place and forgotten."""

    longitude: float
    latitude: float
    accuracy: float = 0.0
    """Metres within which the phone trusts itself."""


@dataclass(frozen=True)
class Presence:
    """How it was established that somebody is there."""

    method: Method
    distance: int | None = None


def span_of(*, activity: Activity) -> Span:
    """The time of an activity, for the functions of `windows`."""
    return Span(activity.starts_at, activity.ends_at)


def sign_in(*, activity: Activity, by: Actor, now: datetime, code: str = "", place: Place | None = None) -> ServiceRecord:
    """The volunteer signs in with the code on the leader's screen, or by being there. A second tap changes nothing.

    Raises Refused at "code" or "place": "not_signed_up", "waiting", "too_early", "over", "code_form", "code_old", "code_other",
    "code_wrong", "too_many", "no_place", "no_consent", "inaccurate", "too_far", "state".
    """
    sign_up = own_sign_up(activity=activity, by=by)
    known = ServiceRecord.objects.filter(sign_up=sign_up).first()
    if known is not None and known.state == RecordState.PRESENT:
        return known
    may_sign_in(span_of(activity=activity), now)
    presence = _prove(activity, by, now, code, place)
    with transaction.atomic():
        return enter(sign_up_id=sign_up.pk, presence=presence, at=now, by=by, now=now)


def sign_out(*, activity: Activity, by: Actor, now: datetime, code: str = "", place: Place | None = None) -> ServiceRecord:
    """The volunteer signs out the same way. A second tap changes nothing. Raises Refused as `sign_in`, and "not_signed_in"."""
    known = ServiceRecord.objects.filter(activity=activity, person=by.person_id or 0).first()
    if known is None:
        own_sign_up(activity=activity, by=by)
        raise Refused(_("您还没有签到。请先签到，或请负责人补记。"), code="not_signed_in", field="code")
    if known.state == RecordState.DRAFT and known.signed_out_at is not None:
        return known
    RECORD.target("sign_out", known.state)
    presence = _prove(activity, by, now, code, place)
    with transaction.atomic():
        return leave(record_id=known.pk, presence=presence, at=now, by=by, now=now, verb="service_hours.sign_out")


def sign_in_for(*, sign_up: SignUp, by: Actor, now: datetime, at: datetime | None = None, reason: str = "") -> ServiceRecord:
    """The leader signs somebody in who has no phone, or enters afterwards (`at`, with a `reason`) who was there.

    Raises Denied; Refused at "signed_in_at", "reason" or "sign_up".
    """
    check_may_record(activity=sign_up.activity, by=by)
    if at is None:
        may_sign_in(span_of(activity=sign_up.activity), now)
    else:
        check_times(at, None, span_of(activity=sign_up.activity), now)
        _wants_reason(reason)
    with transaction.atomic():
        return enter(sign_up_id=sign_up.pk, presence=Presence(Method.LEADER), at=at or now, by=by, now=now, reason=reason)


def sign_out_for(*, record: ServiceRecord, by: Actor, now: datetime, at: datetime | None = None, reason: str = "") -> ServiceRecord:
    """The leader signs somebody out, now or (`at`, with a `reason`) at the time at which they left."""
    check_may_record(activity=record.activity, by=by)
    if at is not None:
        check_times(record.signed_in_at, at, span_of(activity=record.activity), now)
        _wants_reason(reason)
    with transaction.atomic():
        return leave(
            record_id=record.pk,
            presence=Presence(Method.LEADER),
            at=at or now,
            by=by,
            now=now,
            verb="service_hours.sign_out_for",
            reason=reason,
        )


def add_walk_in(*, activity: Activity, person_id: int, by: Actor, now: datetime) -> ServiceRecord:
    """The leader adds somebody who did not sign up, if places remain, and signs them in. Raises Denied, and Refused at "person"."""
    check_may_record(activity=activity, by=by)
    may_sign_in(span_of(activity=activity), now)
    with transaction.atomic():
        sign_up = volunteering.add_on_the_spot(activity=activity, person_id=person_id, by=by, now=now)
        return enter(sign_up_id=sign_up.pk, presence=Presence(Method.LEADER), at=now, by=by, now=now)


def own_sign_up(*, activity: Activity, by: Actor) -> SignUp:
    """The actor's own place in the activity. Raises Refused "not_signed_up" or "waiting"."""
    sign_up = SignUp.objects.filter(activity=activity, person=by.person_id or 0).exclude(state="cancelled").first()
    if sign_up is None:
        raise Refused(_("您没有报名这场活动。请告诉负责人，还有名额时可以现场加入。"), code="not_signed_up", field="code")
    if sign_up.state == "waiting":
        raise Refused(_("您还在候补中。请告诉负责人，还有名额时可以现场加入。"), code="waiting", field="code")
    return sign_up


def check_may_record(*, activity: Activity, by: Actor) -> None:
    """Raises Denied for who does not run this day."""
    if not perms.may_record(by, activity):
        raise Denied(perms.Permission.RECORD, _("只有这支队伍的负责人和所在区域的工作人员可以登记现场情况。"))


def _wants_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(_("请写明为什么由您设定时间，例如“忘记签退，16:30 一起离开”。"), code="reason", field="reason")


def _prove(activity: Activity, by: Actor, now: datetime, code: str, place: Place | None) -> Presence:
    """That the person is there. The place wins when both are given."""
    if place is not None:
        return Presence(Method.PLACE, _measure(activity, by, place))
    key = f"code:{activity.pk}:{by.person_id}"
    text = "".join(unicodedata.normalize("NFKC", code).split())
    if len(text) != codes.DIGITS or not text.isdecimal():
        raise Refused(_("签到码是 6 位数字，请看负责人屏幕上的数字。"), code="code_form", field="code")
    too_many = _("试错的次数太多。请过 %(minutes)d 分钟再试，或请负责人代签。")
    count_attempt(key=key, limit=TRIES, window=WINDOW, now=now, field="code", message=too_many)
    seed = bytes(activity.code_seed)
    if codes.matches(seed, text, now):
        forget_attempts(key=key)
        return Presence(Method.CODE)
    step = timedelta(seconds=30)
    if any(codes.rotating_code(seed, now - step * n) == text for n in range(2, int(STALE / step))):
        raise Refused(_("这个签到码已经过期。请输入屏幕上现在显示的 6 位数字。"), code="code_old", field="code")
    other = _activity_of_code(activity, by, text, now)
    if other is not None:
        raise Refused(
            _("这是另一场活动“%(title)s”的签到码。请看本场活动负责人的屏幕。") % {"title": other.title},
            code="code_other",
            field="code",
        )
    raise Refused(_("签到码不对。请核对屏幕上现在显示的 6 位数字再输入。"), code="code_wrong", field="code")


def _activity_of_code(activity: Activity, by: Actor, code: str, now: datetime) -> Activity | None:
    """Another activity under way that the code belongs to: one of the person's own, or one of the same division or team."""
    near = Q(sign_ups__person=by.person_id) | Q(division=activity.division_id) | Q(team=activity.team_id)
    under_way = Activity.objects.filter(near, starts_at__lte=now + timedelta(hours=1), ends_at__gte=now, state="published")
    for other in under_way.exclude(pk=activity.pk).distinct().order_by("pk")[:20]:
        if codes.matches(bytes(other.code_seed), code, now):
            return other
    return None


def _measure(activity: Activity, by: Actor, place: Place) -> int:
    """Metres from the activity's place, when the person has agreed to it and is near enough."""
    if activity.longitude is None or activity.latitude is None:
        raise Refused(_("这场活动没有在地图上标出位置，请用签到码。"), code="no_place", field="place")
    if not Consent.objects.filter(person=by.person_id or 0, purpose=Purpose.LOCATION, withdrawn_at=None).exists():
        raise Refused(_("按位置签到要先单独同意使用位置；不同意也可以用签到码。"), code="no_consent", field="consent")
    if not (-180 <= place.longitude <= 180 and -90 <= place.latitude <= 90 and 0 <= place.accuracy <= 1_000_000):
        raise Refused(_("没有收到有效的位置，请再试一次，或用签到码。"), code="place_form", field="place")
    if place.accuracy > activity.radius:
        raise Refused(
            _("定位不够准（误差约 %(metres)d 米）。请到开阔处再试，或用签到码。") % {"metres": place.accuracy},
            code="inaccurate",
            field="place",
        )
    distance = round(geo.metres(place.longitude, place.latitude, activity.longitude, activity.latitude))
    if distance > activity.radius:
        raise Refused(
            _("您离活动地点约 %(metres)d 米，要在 %(radius)d 米以内才能按位置签到。到了以后再试，或用签到码。")
            % {"metres": distance, "radius": activity.radius},
            code="too_far",
            field="place",
            metres=distance,
        )
    return distance


def enter(*, sign_up_id: int, presence: Presence, at: datetime, by: Actor, now: datetime, reason: str = "") -> ServiceRecord:
    """Write the sign-in under the sign-up's lock; somebody who is in already stays in."""
    sign_up = SignUp.objects.select_for_update(of=("self",)).select_related("activity").get(pk=sign_up_id)
    known = ServiceRecord.objects.filter(sign_up=sign_up).first()
    if known is not None:
        if known.state == RecordState.PRESENT:
            return known
        raise Refused(_("已经签过到，现在的状态是“%(state)s”。") % {"state": known.get_state_display()}, code="state", field="code")
    if sign_up.state in ("cancelled", "waiting"):
        raise Refused(_("报名已取消或还在候补，请先加入名单。"), code="not_signed_up", field="code")
    activity = sign_up.activity
    check_alone(
        person_id=sign_up.person_id,
        record=None,
        span=span_of(activity=activity),
        signed_in_at=at,
        signed_out_at=None,
        by=by,
        field="code" if presence.method != Method.LEADER else "signed_in_at",
    )
    if sign_up.state != "attended":
        volunteering.mark_attended(sign_up=sign_up, by=by, now=now)
    entered = ServiceRecord.objects.create(
        sign_up=sign_up,
        activity=activity,
        person_id=sign_up.person_id,
        signed_in_at=at,
        in_method=presence.method,
        in_distance=presence.distance,
        state_reason=reason.strip(),
        state_since=now,
        due_on=add_working_days(local_date(activity.ends_at), DUE_WORKING_DAYS).date,
        recorded_by_id=by.person_id if presence.method == Method.LEADER else None,
    )
    audit(
        "service_hours.sign_in" if presence.method != Method.LEADER else "service_hours.sign_in_for",
        f"record:{entered.pk}",
        by=by,
        activity=activity.pk,
        method=presence.method.value,
        distance=presence.distance,
        at=at.isoformat(),
        reason=reason,
    )
    return entered


def leave(
    *,
    record_id: int,
    presence: Presence,
    at: datetime,
    by: Actor,
    now: datetime,
    verb: str,
    reason: str = "",
    lapsed_too: bool = False,
) -> ServiceRecord:
    """Write the sign-out under the record's lock. `lapsed_too`: also for a record that lapsed without one (its state stays)."""
    found = ServiceRecord.objects.select_for_update(of=("self",)).select_related("activity").get(pk=record_id)
    if not (lapsed_too and found.state == RecordState.DRAFT and found.signed_out_at is None):
        found.state = RECORD.target("sign_out", found.state)
    found.signed_out_at = max(at, found.signed_in_at)
    span = span_of(activity=found.activity)
    check_alone(
        person_id=found.person_id,
        record=found.pk,
        span=span,
        signed_in_at=found.signed_in_at,
        signed_out_at=found.signed_out_at,
        by=by,
        field="code" if presence.method != Method.LEADER else "signed_out_at",
    )
    found.out_method = presence.method
    found.out_distance = presence.distance
    found.minutes = counted_minutes(found.signed_in_at, found.signed_out_at, span)
    found.state_since = now
    if reason.strip():
        found.state_reason = reason.strip()
    found.save(update_fields=["state", "signed_out_at", "out_method", "out_distance", "minutes", "state_reason", "state_since"])
    audit(
        verb,
        f"record:{found.pk}",
        by=by,
        method=presence.method.value,
        distance=presence.distance,
        minutes=found.minutes,
        reason=reason,
    )
    return found
