"""What a person sees first: what is next, what waits for them, the figures of their own division.

A home page is put together from what the reader holds, not from a role's name: somebody who leads a team and works in a community
sees both parts, the more pressing first.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import caches
from django.db.models import Count, Sum
from django.utils import timezone

from qunli.cases import selectors as cases
from qunli.cases.perms import Permission as Cases
from qunli.divisions.selectors import tree, within
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.people.models import Person
from qunli.service_hours import selectors as service_hours
from qunli.service_hours.perms import Permission as Hours
from qunli.service_hours.selectors import Queue, Totals
from qunli.volunteering import selectors as volunteering
from qunli.volunteering.matching import finding
from qunli.volunteering.matching.finding import Recommended
from qunli.volunteering.models import Activity, SignUp, Team, Volunteer
from qunli.volunteering.perms import Permission

FEW = 3
"""Activities that are recommended on the home page; all of them have a page of their own."""
FIGURES_FOR = 600
"""Seconds for which the figures of a division are kept: they are counted over its whole population."""


@dataclass(frozen=True)
class Figures:
    """Counts over the reader's divisions, `at` a moment."""

    volunteers: int
    minutes: int
    teams: int
    open_activities: int
    at: datetime


@dataclass
class Home:
    name: str = ""
    """The reader's own, in full."""
    volunteer: Volunteer | None = None
    upcoming: list[SignUp] = field(default_factory=list)
    totals: Totals | None = None
    near: list[Activity] = field(default_factory=list)
    recommended: list[Recommended] | None = None
    """The best open activities for the reader; None for who did not agree to be matched, and for leaders, who look for others."""
    leads: bool = False
    led: list[Activity] = field(default_factory=list)
    today: set[int] = field(default_factory=set)
    """Led activities whose day it is: their screen can be shown."""
    running: set[int] = field(default_factory=set)
    """Led activities that have begun."""
    next_is_today: bool = False
    decides: bool = False
    activities_waiting: list[Activity] = field(default_factory=list)
    teams_waiting: list[Team] = field(default_factory=list)
    records_waiting: dict[Queue, int] = field(default_factory=dict)
    cases_waiting: dict[str, int] = field(default_factory=dict)
    """Requests that wait for the reader, by queue."""
    place: str = ""
    figures: Figures | None = None

    @property
    def short_of(self) -> Activity | None:
        """The next activity of the reader's teams that still looks for people."""
        return next((a for a in self.led if a.state == "published" and a.places > a.taken and a.pk not in self.running), None)

    @property
    def short_by(self) -> int:
        """How many people that activity looks for."""
        return self.short_of.places - self.short_of.taken if self.short_of else 0

    @property
    def works(self) -> bool:
        """Whether the reader answers for a division."""
        return self.figures is not None

    @property
    def next(self) -> SignUp | None:
        return self.upcoming[0] if self.upcoming else None


def build(actor: Actor, now: datetime) -> Home:
    """At most ten queries, whatever the reader holds; three more when the figures have to be counted again."""
    home = Home(volunteer=volunteering.volunteer_of(actor=actor))
    if home.volunteer is not None:
        home.name = home.volunteer.person.name
    elif actor.person_id is not None:
        home.name = Person.objects.values_list("name", flat=True).get(pk=actor.person_id)
    ranges = actor.ranges(Permission.VIEW_VOLUNTEERS)
    if home.volunteer is not None:
        home.upcoming = volunteering.my_sign_ups(actor=actor, now=now, size=3).items
        home.next_is_today = home.next is not None and local_date(home.next.activity.starts_at) == local_date(now)
        home.totals = service_hours.my_totals(actor=actor)
    teams = volunteering.led_keys(actor=actor)
    if teams:
        home.leads = True
        home.led = led_soon(teams, now)
        home.running = {activity.pk for activity in home.led if activity.starts_at <= now}
        home.today = {
            activity.pk
            for activity in home.led
            if activity.state in ("published", "closed") and local_date(activity.starts_at) == local_date(now)
        }
    if actor.has(Permission.APPROVE_ACTIVITY):
        home.decides = True
        home.activities_waiting = volunteering.activities_to_decide(actor=actor, size=5).items
        home.teams_waiting = volunteering.teams_to_decide(actor=actor, size=5).items
    if actor.has(Hours.RECORD) or actor.has(Hours.VERIFY):
        home.records_waiting = {queue: count for queue, count in service_hours.waiting_counts(actor=actor).items() if count}
    if actor.has(Cases.HANDLE):
        waiting = cases.waiting_counts(actor=actor, today=local_date(now))
        home.cases_waiting = {queue.value: count for queue, count in waiting.items() if count}
    if ranges:
        home.figures = figures(ranges)
        node = tree().by_code.get(ranges[0].rstrip("/").split("/")[-1])
        home.place = tree().full_name(node) if node else ""
    else:
        if home.volunteer is not None and not home.leads:
            home.recommended = finding.recommended(person=home.volunteer.person_id, now=now, count=FEW)
        if not home.recommended:
            home.near = near(actor, home.volunteer, now)
    return home


def led_soon(teams: list[int], now: datetime, limit: int = 5) -> list[Activity]:
    """Activities of the reader's teams from this morning on, soonest first, whatever their state but cancelled."""
    morning = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    found = Activity.objects.filter(team__in=teams, ends_at__gte=morning).exclude(state="cancelled")
    return list(found.select_related("team", "division").order_by("starts_at", "id")[:limit])


def near(actor: Actor, volunteer: Volunteer | None, now: datetime, limit: int = 6) -> list[Activity]:
    """Open activities nearest to where the volunteer serves; the soonest for everybody else."""
    node = tree().by_id.get(volunteer.division_id) if volunteer else None
    place = volunteering.Place(node.longitude, node.latitude) if node and node.longitude and node.latitude else None
    wanted = volunteering.Wanted(near=place, free=True)
    return volunteering.find_activities(wanted=wanted, actor=actor, now=now, size=limit).items


def figures(ranges: tuple[str, ...]) -> Figures:
    """Active volunteers, their hours, active teams and open activities of the ranges; counted at most every ten minutes."""
    key = "home:" + "|".join(sorted(ranges)).replace("/", ".")
    kept: Figures | None = caches["figures"].get(key)
    if kept is not None and timezone.now() - kept.at < timedelta(seconds=FIGURES_FOR):
        return kept
    now = timezone.now()
    # A range of the whole city needs no join to say so.
    city = any(path.count("/") <= 1 for path in ranges)
    volunteers: Any = Volunteer.objects.filter(state="active")
    teams: Any = Team.objects.filter(state="active")
    activities: Any = Activity.objects.open_at(now)
    if not city:
        volunteers, teams, activities = (rows.filter(within(ranges)) for rows in (volunteers, teams, activities))
    total = volunteers.aggregate(count=Count("pk"), minutes=Sum("minutes"))
    counted = Figures(total["count"], total["minutes"] or 0, teams.count(), activities.count(), now)
    caches["figures"].set(key, counted, FIGURES_FOR)
    return counted
