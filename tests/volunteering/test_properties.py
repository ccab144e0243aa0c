"""Whatever people do in whatever order: counters tell the truth, nobody is in two places, the waiting list is served in turn."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.volunteering import services
from qunli.volunteering.models import Activity, Post, SignUp
from tests import factories as make
from tests.volunteering.test_signing_up import Self

pytestmark = pytest.mark.django_db

DEEDS = st.lists(
    st.tuples(st.sampled_from(["sign", "wait", "cancel", "attend", "double"]), st.integers(0, 5), st.integers(0, 2)),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS, places=st.lists(st.integers(1, 3), min_size=3, max_size=3))
def test_any_order_of_deeds(deeds: list[tuple[str, int, int]], places: list[int]) -> None:
    with transaction.atomic():
        start = timezone.now() + timedelta(days=1)
        # The first two overlap, the third begins when the second ends.
        begins = [start, start + timedelta(hours=1), start + timedelta(hours=3)]
        posts = [make.post(make.activity(starts_at=at), places=n) for at, n in zip(begins, places, strict=True)]
        persons = [make.volunteer(make.person(birth_date=start.date() - timedelta(days=9000 + n))).person_id for n in range(6)]
        for verb, who, where in deeds:
            do(verb, persons[who], posts[where])
            check(posts)
        transaction.set_rollback(True)


def do(verb: str, person: int, post: Post) -> None:
    now, by = timezone.now(), Self(person)
    own = SignUp.objects.filter(person=person, activity=post.activity).exclude(state="cancelled").first()
    if verb in ("sign", "wait", "double"):
        outcome = services.sign_up(post=post.pk, by=by, now=now, wait=verb == "wait")
        assert (own is not None) == (outcome.code == "already")
        if verb == "double" and outcome.accepted:
            assert services.sign_up(post=post.pk, by=by, now=now).code == "already"
    elif own is not None and own.state in ("confirmed", "waiting") and verb == "cancel":
        services.cancel_sign_up(sign_up=own, by=by, now=now)
    elif own is not None and own.state == "confirmed" and verb == "attend":
        services.mark_attended(sign_up=own, by=by, now=now)


def check(posts: list[Post]) -> None:
    for post in posts:
        post.refresh_from_db()
        rows = list(SignUp.objects.filter(post=post).order_by("created_at", "id"))
        holding = [row for row in rows if row.state in ("confirmed", "attended", "no_show")]
        assert post.taken == len(holding) <= post.places
        activity = Activity.objects.get(pk=post.activity_id)
        assert (activity.taken, activity.places) == (post.taken, post.places)
        if post.taken < post.places:
            assert not [row for row in rows if row.state == "waiting" and not _busy(row)], (
                "a free place and somebody who waits for it"
            )
    confirmed = list(SignUp.objects.filter(post__in=posts, state="confirmed"))
    for one in confirmed:
        for other in confirmed:
            if one.pk != other.pk and one.person_id == other.person_id:
                assert one.during.upper <= other.during.lower or other.during.upper <= one.during.lower


def _busy(row: Any) -> bool:
    others = SignUp.objects.filter(person=row.person_id, state="confirmed").exclude(pk=row.pk)
    return others.filter(during__overlap=row.during).exists()
