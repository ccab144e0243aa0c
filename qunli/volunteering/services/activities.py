"""Activities: written, approved by the level above, changed, cancelled, closed. Everyone signed up is told.

When the time changes, the copies in the sign-ups change with it. A confirmed person who then has another confirmed activity at
the new time is taken off this one and told which one is in the way: the other promise was given for a time that still holds.
The freed places go to the waiting list at once. People who wait stay on the list; overlap is looked at when they move up.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import search_tokens
from qunli.notices import services as notices
from qunli.people.models import Person
from qunli.volunteering import counting
from qunli.volunteering.enums import Category, Nature
from qunli.volunteering.models import Activity, Post, SignUp, Team
from qunli.volunteering.perms import Permission, leads, may_cancel_activity, may_decide_activity
from qunli.volunteering.requests import services as requests
from qunli.volunteering.services.sign_ups import address, promote, told
from qunli.volunteering.states import ACTIVITY, SIGN_UP

LONGEST = timedelta(days=3)
FARTHEST = timedelta(days=366)
CLOSE_AFTER = timedelta(hours=2)
"""How long after the end people may still sign out before the activity closes by itself."""
FIXED = (
    "title", "category", "division", "danger", "min_age", "max_age", "nature", "subsidy", "own_cost", "service_declared",
)  # fmt: skip
"""What stays as it was approved; for the rest one leads a published activity without asking again."""


@dataclass(frozen=True)
class PostValues:
    name: str
    places: int
    skills: list[str] = field(default_factory=list)
    pk: int | None = None
    """The post that is changed; None for a new one."""


@dataclass(frozen=True)
class ActivityValues:
    title: str
    category: str
    content: str
    starts_at: datetime
    ends_at: datetime
    address: str
    division: Division
    risk_notice: str
    person_in_charge: Person
    longitude: float | None = None
    latitude: float | None = None
    radius: int = 500
    min_age: int = 18
    max_age: int | None = None
    danger: bool = False
    insurance: str = ""
    nature: str = Nature.SERVICE
    subsidy: Decimal = Decimal(0)
    own_cost: Decimal = Decimal(0)
    service_declared: bool = False

    @classmethod
    def of(cls, activity: Activity) -> "ActivityValues":
        return cls(**{f.name: getattr(activity, f.name) for f in fields(cls)})


def create_activity(*, team: Team, values: ActivityValues, posts: Sequence[PostValues], by: Actor, now: datetime) -> Activity:
    """Write a draft for a team that one leads."""
    if not leads(by, team):
        raise Denied(Permission.LEAD_TEAM)
    if team.state != "active":
        raise Refused(_("队伍通过审核后才能发起活动。"), code="team_state")
    activity = Activity(team=team, created_by_id=by.person_id, code_seed=os.urandom(20))
    with transaction.atomic():
        _write(activity, values, posts, now)
        audit.record("volunteering.create_activity", f"activity:{activity.pk}", by=by, team=team.pk)
    return activity


def edit_activity(*, activity: Activity, values: ActivityValues, posts: Sequence[PostValues], by: Actor, now: datetime) -> None:
    """Change a draft or one that was returned."""
    with transaction.atomic():
        current = _locked(activity)
        if not leads(by, current.team):
            raise Denied(Permission.LEAD_TEAM)
        if current.state not in ("draft", "returned"):
            raise Refused(_("已提交的活动不能直接修改，请等待审批或使用“变更”。"), code="state")
        _write(current, values, posts, now)
        audit.record("volunteering.edit_activity", f"activity:{activity.pk}", by=by)
    activity.refresh_from_db()


def submit_activity(*, activity: Activity, by: Actor, now: datetime) -> None:
    """Ask the level above for approval."""
    with transaction.atomic():
        current = _locked(activity)
        if not leads(by, current.team):
            raise Denied(Permission.LEAD_TEAM)
        _check_times(current.starts_at, current.ends_at, now)
        if not current.posts.exists():
            raise Refused(_("至少要有一个岗位。"), code="posts", field="posts")
        counting.require_service(current)
        _step(current, "submit", "")
        audit.record("volunteering.submit_activity", f"activity:{activity.pk}", by=by)
    activity.refresh_from_db()


def approve_activity(*, activity: Activity, by: Actor, now: datetime) -> None:
    """Open it for sign-up."""
    with transaction.atomic():
        current = _locked(activity)
        if not may_decide_activity(by, current):
            raise Denied(Permission.APPROVE_ACTIVITY)
        if current.starts_at <= now:
            raise Refused(_("活动时间已过，请退回修改时间。"), code="past", field="starts_at")
        counting.decide(current, by=by, now=now)
        current.approved_by_id, current.approved_at = by.person_id, now
        _step(current, "approve", "")
        audit.record("volunteering.approve_activity", f"activity:{activity.pk}", by=by)
        _tell_author(current, "volunteering/activity_approved")
    activity.refresh_from_db()


def return_activity(*, activity: Activity, reason: str, by: Actor, now: datetime) -> None:
    """Give it back to the team, with a reason."""
    if not reason.strip():
        raise Refused(_("请写明退回的原因，队伍会看到。"), code="reason", field="reason")
    with transaction.atomic():
        current = _locked(activity)
        if not may_decide_activity(by, current):
            raise Denied(Permission.APPROVE_ACTIVITY)
        _step(current, "return", reason)
        audit.record("volunteering.return_activity", f"activity:{activity.pk}", by=by, reason=reason)
        _tell_author(current, "volunteering/activity_returned", reason=reason)
    activity.refresh_from_db()


def cancel_activity(*, activity: Activity, reason: str, by: Actor, now: datetime) -> int:
    """Call it off before it begins; everyone signed up or waiting is told. Returns how many were."""
    if not reason.strip():
        raise Refused(_("请写明取消的原因，报名的人会看到。"), code="reason", field="reason")
    with transaction.atomic():
        current = _locked(activity)
        if not may_cancel_activity(by, current):
            raise Denied(Permission.LEAD_TEAM)
        if current.state == "published" and current.starts_at <= now:
            raise Refused(_("活动已经开始，不能取消。"), code="begun")
        _step(current, "cancel", reason)
        affected = current.sign_ups.filter(state__in=SIGN_UP.transitions["cancel"].sources)
        persons = list(affected.select_for_update().values_list("person", flat=True))
        affected.update(state="cancelled", changed_at=now)
        audit.record("volunteering.cancel_activity", f"activity:{activity.pk}", by=by, reason=reason, told=len(persons))
        notices.tell(persons, "volunteering/activity_cancelled", url=address(current), sms=True, reason=reason, **told(current))
    activity.refresh_from_db()
    return len(persons)


def change_activity(
    *, activity: Activity, values: ActivityValues, posts: Sequence[PostValues], reason: str, by: Actor, now: datetime
) -> None:
    """Change a published activity before it begins: time, place, content, places to fill. Everyone signed up is told."""
    if not reason.strip():
        raise Refused(_("请写明变更的原因，报名的人会看到。"), code="reason", field="reason")
    for attempt in range(3):
        try:
            with transaction.atomic():
                _change_once(activity, values, posts, reason, by, now)
        except IntegrityError as error:
            # Between our look and our write somebody signed up elsewhere for the new time: look again.
            if "sign_up_no_overlap" not in str(error) or attempt == 2:
                raise
        else:
            break
    activity.refresh_from_db()


def _change_once(
    activity: Activity, values: ActivityValues, posts: Sequence[PostValues], reason: str, by: Actor, now: datetime
) -> None:
    current = _locked(activity)
    if not leads(by, current.team):
        raise Denied(Permission.LEAD_TEAM)
    if current.state != "published" or current.starts_at <= now:
        raise Refused(_("只有正在招募、还没开始的活动可以变更。"), code="state")
    for name in FIXED:
        if getattr(values, name) != getattr(current, name):
            raise Refused(_("这一项是审批时定下的，不能变更。需要改动请取消后重新申请。"), code="fixed", field=name)
    before = ActivityValues.of(current)
    moved = (values.starts_at, values.ends_at) != (current.starts_at, current.ends_at)
    _write(current, values, posts, now)
    if moved:
        if local_date(before.starts_at) != local_date(current.starts_at):
            counting.decide(current, by=by, now=now)  # by the rules of the new day
        _move_sign_ups(current, by, now)
    for post in current.posts.select_for_update(no_key=True):
        promote(activity=current, post=post, now=now)
    changed = sorted(name for name, value in asdict(before).items() if value != asdict(values)[name])
    audit.record("volunteering.change_activity", f"activity:{current.pk}", by=by, changed=changed, reason=reason)
    persons = current.sign_ups.filter(state__in=["confirmed", "waiting"]).values_list("person", flat=True)
    notices.tell(
        list(persons),
        "volunteering/activity_changed",
        url=address(current),
        sms=True,
        reason=reason,
        place=current.address,
        **told(current),
    )


def _move_sign_ups(activity: Activity, by: Actor, now: datetime) -> None:
    during = (activity.starts_at, activity.ends_at)
    held = activity.sign_ups.filter(state__in=["confirmed", "waiting"])
    busy = SignUp.objects.filter(
        state="confirmed", during__overlap=during, person__in=held.filter(state="confirmed").values("person")
    )
    others = {s.person_id: s.activity for s in busy.exclude(activity=activity).select_related("activity")}
    leaving = held.filter(state="confirmed", person__in=others)
    persons = list(leaving.values_list("person", flat=True))
    leaving.update(state="cancelled", changed_at=now)
    held.filter(state__in=["confirmed", "waiting"]).update(during=during, changed_at=now)
    for person in persons:
        notices.tell(
            [person],
            "volunteering/sign_up_in_the_way",
            url=address(activity),
            sms=True,
            other=others[person].title,
            **told(activity),
        )
    if persons:
        audit.record("volunteering.overlap_after_change", f"activity:{activity.pk}", by=by, cancelled=len(persons))


def copy_activity(*, activity: Activity, by: Actor, now: datetime) -> Activity:
    """The same again as a new draft, the next week that is still to come at the same hour; insurance must be bought anew."""
    weeks = max(1, -(-(now - activity.starts_at) // timedelta(weeks=1)))
    if activity.starts_at + timedelta(weeks=weeks) <= now:
        weeks += 1
    step = timedelta(weeks=weeks)
    values = replace(
        ActivityValues.of(activity), starts_at=activity.starts_at + step, ends_at=activity.ends_at + step, insurance=""
    )
    posts = [PostValues(p.name, p.places, list(p.skills)) for p in activity.posts.order_by("id")]
    return create_activity(team=activity.team, values=values, posts=posts, by=by, now=now)


def close_activity(*, activity: Activity, by: Actor = SYSTEM, now: datetime) -> int:
    """Its time is over: who did not sign in is a no-show, the waiting list ends. Returns the number of no-shows."""
    with transaction.atomic():
        current = _locked(activity)
        if by is not SYSTEM and not leads(by, current.team):
            raise Denied(Permission.LEAD_TEAM)
        if current.ends_at > now:
            raise Refused(_("活动还没有结束。"), code="not_over")
        _step(current, "close", "")
        missed = current.sign_ups.filter(state="confirmed")
        persons = list(missed.select_for_update().values_list("person", flat=True))
        missed.update(state="no_show", changed_at=now)
        current.sign_ups.filter(state="waiting").update(state="cancelled", changed_at=now)
        audit.record("volunteering.close_activity", f"activity:{activity.pk}", by=by, no_shows=len(persons))
        notices.tell(persons, "volunteering/no_show", url=address(current), **told(current))
        requests.held(activity=current, by=by, now=now)
    activity.refresh_from_db()
    return len(persons)


def close_ended(*, now: datetime, limit: int = 500) -> int:
    """Close what ended some time ago; returns how many. Called by the queue every few minutes."""
    ended = Activity.objects.filter(state="published", ends_at__lte=now - CLOSE_AFTER).order_by("ends_at")[:limit]
    for activity in ended:
        close_activity(activity=activity, now=now)
    return len(ended)


def _locked(activity: Activity) -> Activity:
    """Activity first, then its posts: the order of every lock in the room."""
    related = Activity.objects.select_for_update(of=("self",), no_key=True)
    current = related.select_related("team__division", "division", "person_in_charge").get(pk=activity.pk)
    list(current.posts.select_for_update(no_key=True).order_by("id").values_list("pk"))
    return current


def _step(current: Activity, verb: str, reason: str) -> None:
    current.state, current.state_reason = ACTIVITY.target(verb, current.state), reason
    _valid(current)
    current.save(update_fields=["state", "state_reason", "approved_by", "approved_at"])


def _tell_author(activity: Activity, template: str, **facts: Any) -> None:
    persons = {p for p in (activity.created_by_id, activity.person_in_charge_id) if p is not None}
    notices.tell(persons, template, url=address(activity), **told(activity), **facts)


def _check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if starts_at <= now:
        raise Refused(_("开始时间已经过去，请选择以后的时间。"), code="past", field="starts_at")
    if ends_at <= starts_at:
        raise Refused(_("结束时间要晚于开始时间。"), code="ends_before_start", field="ends_at")
    if ends_at - starts_at > LONGEST:
        raise Refused(_("一次活动最长三天。更长的请分成几次发布。"), code="too_long", field="ends_at")
    if starts_at - now > FARTHEST:
        raise Refused(_("只能发布一年以内的活动。"), code="too_far", field="starts_at")


def _write(activity: Activity, values: ActivityValues, posts: Sequence[PostValues], now: datetime) -> None:
    """Check everything, then write activity and posts, in the caller's transaction. Raises Refused at the field."""
    _check_times(values.starts_at, values.ends_at, now)
    if not values.division.path.startswith(activity.team.division.path):
        raise Refused(_("活动地点要在队伍所在的区域之内。"), code="division", field="division")
    if values.person_in_charge.pk != activity.person_in_charge_id and not _is_leader(activity.team, values.person_in_charge):
        raise Refused(_("负责人要是这支队伍的队长。"), code="person_in_charge", field="person_in_charge")
    if not values.risk_notice.strip():
        raise Refused(_("请写明可能的风险（《志愿服务条例》第十二条）。"), code="risk_notice", field="risk_notice")
    if not posts:
        raise Refused(_("至少要有一个岗位。"), code="posts", field="posts")
    if len({post.name.strip() for post in posts}) < len(posts):
        raise Refused(_("同一活动的岗位名称不能重复。"), code="posts", field="posts")
    for each in fields(values):
        setattr(activity, each.name, getattr(values, each.name))
    if activity.longitude is None or activity.latitude is None:
        activity.longitude, activity.latitude = values.division.longitude, values.division.latitude
    kind = str(Category(values.category).label) if values.category in Category.values else ""
    activity.search = search_tokens(f"{values.title} {activity.team.name} {values.address} {values.division.name} {kind}")
    _valid(activity)
    activity.save()
    _write_posts(activity, posts)
    activity.refresh_from_db(fields=["places", "taken"])


def _is_leader(team: Team, person: Person) -> bool:
    return team.memberships.filter(state="active", leader=True, volunteer__person=person).exists()


def _write_posts(activity: Activity, posts: Sequence[PostValues]) -> None:
    known: Mapping[int, Post] = {post.pk: post for post in activity.posts.all()}
    kept = {post.pk for post in posts if post.pk is not None}
    if not kept <= known.keys():
        raise Refused(_("没有这个岗位，活动可能已经改动。请刷新页面。"), code="posts", field="posts")
    gone = known.keys() - kept
    if gone:
        if SignUp.objects.filter(activity=activity, post__in=gone).exists():
            raise Refused(_("已有人报名的岗位不能删除。"), code="post_taken", field="posts")
        activity.posts.filter(pk__in=gone).delete()
    for values in posts:
        post = known[values.pk] if values.pk is not None else Post(activity=activity)
        post.name, post.places, post.skills = values.name.strip(), values.places, values.skills
        if post.places < post.taken:
            raise Refused(
                _("“%(post)s”已有 %(taken)s 人报名，人数不能再少。") % {"post": post.name, "taken": post.taken},
                code="post_taken",
                field="posts",
            )
        try:
            post.full_clean(exclude=["activity"], validate_unique=False, validate_constraints=False)
        except ValidationError as error:
            raise Refused(f"{post.name}：{error.messages[0]}", code="posts", field="posts") from error
        if post.places < 1:
            raise Refused(_("每个岗位至少一人。"), code="posts", field="posts")
        if post.pk is None:
            post.save()
        else:
            post.save(update_fields=["name", "places", "skills"])


_CONSTRAINT_FIELDS: Mapping[str, str] = {
    "activity_danger_insured": "insurance",
    "activity_ends_after_start": "ends_at",
    "activity_on_the_map": "longitude",
    "activity_ages": "max_age",
    "activity_risk_told": "risk_notice",
}


def _valid(activity: Activity) -> None:
    """The model's own rules, each as a refusal at its field."""
    relations: Any = ["team", "division", "person_in_charge", "created_by", "approved_by"]
    try:
        activity.clean_fields(exclude=[*relations, "code_seed", "search"])
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise Refused(messages[0], code="invalid", field=name) from error
    for constraint in activity._meta.constraints:
        if constraint.name in _CONSTRAINT_FIELDS:
            try:
                constraint.validate(Activity, activity)
            except ValidationError as error:
                raise Refused(error.messages[0], code="invalid", field=_CONSTRAINT_FIELDS[constraint.name]) from error
