"""Those who come without having signed up."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Refused
from qunli.volunteering import signing_up
from qunli.volunteering.models import Activity, Post, SignUp
from qunli.volunteering.signing_up import Outcome
from qunli.volunteering.states import SIGN_UP


def add_on_the_spot(*, activity: Activity, person_id: int, by: Actor, now: datetime) -> SignUp:
    """A confirmed sign-up for who stands there, on the first post with a free place that the person is fit for.

    For service_hours, which has checked who runs the day. Who waits is moved up; who is in already is given back unchanged.
    Raises Refused at "person" with the code of the outcome ("full", "too_young", "overlap", "not_volunteer", ...).
    """
    with transaction.atomic():
        Activity.objects.select_for_update(of=("self",), no_key=True).get(pk=activity.pk)
        posts = list(Post.objects.select_for_update(no_key=True).filter(activity=activity).order_by("pk"))
        known = SignUp.objects.select_for_update().filter(activity=activity, person=person_id).exclude(state="cancelled").first()
        if known is not None:
            return _moved_up(known, posts, by, now)
        outcome = Outcome("full")
        for post in posts:
            if post.taken < post.places:
                outcome = signing_up.run(post=post.pk, person=person_id, by=by, now=now, wait=False, on_the_spot=True)
                if outcome.sign_up is not None:
                    return SignUp.objects.get(pk=outcome.sign_up)
        message = _("名额已满，不能再现场加入。") if outcome.code == "full" else outcome.message
        raise Refused(message, code=outcome.code, field="person")


def _moved_up(known: SignUp, posts: list[Post], by: Actor, now: datetime) -> SignUp:
    if known.state != "waiting":
        return known
    if not any(post.pk == known.post_id and post.taken < post.places for post in posts):
        raise Refused(_("名额已满，不能再现场加入。"), code="full", field="person")
    known.state = SIGN_UP.target("promote", known.state)
    known.changed_at = now
    known.save(update_fields=["state", "changed_at"])
    audit.record("volunteering.promote", f"activity:{known.activity_id}", by=by, sign_up=known.pk)
    return known
