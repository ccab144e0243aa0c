"""Signing up, cancelling, moving up from the waiting list, and what the day makes of a sign-up.

Locks are taken in one order everywhere: activity, post, sign-up.
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Denied, Refused
from qunli.notices import services as notices
from qunli.volunteering import signing_up
from qunli.volunteering.models import Activity, Post, SignUp
from qunli.volunteering.perms import Permission, leads, may_cancel_sign_up
from qunli.volunteering.signing_up import Outcome
from qunli.volunteering.states import SIGN_UP

DEADLOCK = "40P01"


def sign_up(*, post: int, by: Actor, now: datetime, wait: bool = False, person: int | None = None) -> Outcome:
    """Sign up for a post, oneself or, as a leader of the team, a person without a phone. `wait`: onto the waiting list when full.

    Rules that say no come back as the outcome's code and message, not as an exception. Raises Denied for somebody else's sign-up.
    """
    whom = by.person_id if person is None else person
    if whom is None:
        return Outcome("not_volunteer")
    if not by.has(Permission.SIGN_UP):
        raise Denied(Permission.SIGN_UP)
    if whom != by.person_id:
        team = Post.objects.select_related("activity__team").get(pk=post).activity.team
        if not leads(by, team):
            raise Denied(Permission.LEAD_TEAM)
    for attempt in range(signing_up.TRIES):
        try:
            return signing_up.run(post=post, person=whom, by=by, now=now, wait=wait)
        except OperationalError as error:
            if not _is_deadlock(error) or connection.in_atomic_block or attempt == signing_up.TRIES - 1:
                raise
    raise AssertionError("unreachable")


def cancel_sign_up(*, sign_up: SignUp, by: Actor, now: datetime) -> None:
    """Give a place back, or leave the waiting list, until the activity begins. Who waits first moves up in the same transaction."""
    with transaction.atomic():
        activity = Activity.objects.select_for_update(of=("self",), no_key=True).select_related("team").get(pk=sign_up.activity_id)
        post = Post.objects.select_for_update(no_key=True).get(pk=sign_up.post_id)
        current = SignUp.objects.select_for_update().get(pk=sign_up.pk)
        current.activity = activity
        if not may_cancel_sign_up(by, current):
            raise Denied(Permission.LEAD_TEAM)
        if now >= activity.starts_at:
            raise Refused(_("活动已经开始，不能再取消报名。来不了请直接联系负责人。"), code="begun")
        before = current.state
        current.state = SIGN_UP.target("cancel", current.state)
        current.changed_at = now
        current.save(update_fields=["state", "changed_at"])
        audit.record("volunteering.cancel_sign_up", f"activity:{activity.pk}", by=by, sign_up=current.pk, was=before)
        if by.person_id != current.person_id:
            notices.tell([current.person_id], "volunteering/sign_up_cancelled", url=address(activity), sms=True, **told(activity))
        promote(activity=activity, post=post, now=now)
    sign_up.state, sign_up.changed_at = current.state, current.changed_at


def promote(*, activity: Activity, post: Post, now: datetime) -> list[int]:
    """Fill the free places of a post from its waiting list, first come first served; returns the persons who moved up.

    The caller holds the locks on activity and post. Who has meanwhile signed up for something at the same time, or is no active
    volunteer any more, keeps waiting and is passed over.
    """
    if activity.state != "published" or now >= activity.starts_at:
        return []
    moved: list[int] = []
    passed: list[int] = []
    while True:
        post.refresh_from_db(fields=["taken", "places"])
        if post.taken >= post.places:
            break
        candidate = _next_waiting(post, passed)
        if candidate is None:
            break
        try:
            with transaction.atomic():
                candidate.state = SIGN_UP.target("promote", candidate.state)
                candidate.changed_at = now
                candidate.save(update_fields=["state", "changed_at"])
        except (IntegrityError, OperationalError) as error:
            if isinstance(error, OperationalError) and not _is_deadlock(error):
                raise
            # In this very moment the person signed up elsewhere at the same time.
            passed.append(candidate.pk)
            continue
        moved.append(candidate.person_id)
        audit.record("volunteering.promote", f"activity:{activity.pk}", by=SYSTEM, sign_up=candidate.pk)
    if moved:
        notices.tell(moved, "volunteering/sign_up_promoted", url=address(activity), sms=True, **told(activity))
    return moved


_WAITING = """
SELECT w.* FROM volunteering_signup w
JOIN volunteering_volunteer v ON v.person_id = w.person_id AND v.state = 'active'
WHERE w.post_id = %s AND w.state = 'waiting' AND w.id <> ALL(%s)
  AND NOT EXISTS (SELECT FROM volunteering_signup o
                  WHERE o.person_id = w.person_id AND o.state = 'confirmed' AND o.during && w.during)
ORDER BY w.created_at, w.id
LIMIT 1 FOR UPDATE OF w SKIP LOCKED
"""


def _next_waiting(post: Post, passed: list[int]) -> SignUp | None:
    return next(iter(SignUp.objects.raw(_WAITING, [post.pk, passed])), None)


def mark_attended(*, sign_up: SignUp, by: Actor, now: datetime) -> None:
    """The person signed in, or a no-show was corrected afterwards. For service_hours, which has checked code, place or leader."""
    _mark(sign_up, "attend", by, now)


def _mark(sign_up: SignUp, verb: str, by: Actor, now: datetime) -> None:
    with transaction.atomic():
        current = SignUp.objects.select_for_update().get(pk=sign_up.pk)
        current.state = SIGN_UP.target(verb, current.state)
        current.changed_at = now
        current.save(update_fields=["state", "changed_at"])
        audit.record(f"volunteering.{verb}", f"activity:{current.activity_id}", by=by, sign_up=current.pk)
    sign_up.state, sign_up.changed_at = current.state, current.changed_at


def address(activity: Activity) -> str:
    """The activity's page."""
    return f"/activities/{activity.pk}/"


def told(activity: Activity) -> dict[str, Any]:
    """What a notice says of an activity."""
    return {"title": activity.title, "starts_at": f"{activity.starts_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"}


def _is_deadlock(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) == DEADLOCK
