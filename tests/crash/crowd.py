"""Runs inside the environment of the server under test (`script/manage shell -c`): makes a crowd, and later counts what is left.

Everything goes through standard output as one line of JSON, since the test itself is connected to another database.
"""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db.models import Sum
from django.utils import timezone

from qunli.accounts.services import open_session
from qunli.service_hours.models import HourEntry, ServiceRecord
from qunli.volunteering.models import Activity, Post, SignUp, Volunteer
from tests import factories

MARK = "crowd:"


def say(found: Any) -> None:
    print(MARK + json.dumps(found))


def session(of: Any) -> dict[str, str]:
    cookie = open_session(factories.account(of))
    return {"name": cookie.name, "value": cookie.value, "csrf": cookie.csrf}


def make(people: int, places: int, records: int) -> None:
    """Volunteers with sessions in front of one activity with fewer places; hours of another that wait for verification."""
    call_command("load_divisions", stdout=StringIO())
    call_command("load_rules", stdout=StringIO())
    team = factories.team()
    worker = factories.person(division=team.division)
    factories.posting(worker, "community_worker", team.division)
    post = factories.post(factories.activity(team), places)
    crowd = [factories.volunteer().person for _ in range(people)]
    over = factories.activity(team, starts_at=timezone.now() - timedelta(days=1))
    past = factories.post(over, records)
    waiting = [
        factories.record(
            factories.sign_up(person, past, state="attended"),
            state="submitted",
            signed_out_at=over.ends_at,
            out_method="code",
            minutes=120,
            submitted_at=timezone.now(),
        )
        for person in crowd[:records]
    ]
    say(
        {
            "activity": post.activity_id,
            "post": post.pk,
            "crowd": [{"person": person.pk, **session(person)} for person in crowd],
            "over": over.pk,
            "records": [record.pk for record in waiting],
            "worker": session(worker),
        }
    )


def count(activity: int) -> None:
    """What stands in the database now."""
    sign_ups = SignUp.objects.filter(activity=activity, state="confirmed")
    post = Post.objects.get(activity=activity)
    earned = dict(HourEntry.objects.values("person").annotate(sum=Sum("minutes")).values_list("person", "sum"))
    say(
        {
            "confirmed": list(sign_ups.values_list("person_id", flat=True)),
            "taken": post.taken,
            "taken_of_activity": Activity.objects.values_list("taken", flat=True).get(pk=activity),
            "places": post.places,
            "verified": list(ServiceRecord.objects.filter(state="verified").values_list("pk", flat=True)),
            "entries": list(HourEntry.objects.values_list("record_id", flat=True)),
            "totals_that_differ": [
                volunteer.person_id
                for volunteer in Volunteer.objects.exclude(minutes=0)
                if volunteer.minutes != earned.get(volunteer.person_id, 0)
            ],
            "without_total": Volunteer.objects.filter(person_id__in=earned, minutes=0).count(),
        }
    )
