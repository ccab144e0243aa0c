"""What can be read here, always through `visible_to`."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, DateTimeField, ExpressionWrapper, F, FloatField, Func, Model, Prefetch, QuerySet, Value
from django.utils.translation import gettext as _

from qunli.accounts.models import Account
from qunli.divisions.models import Division
from qunli.divisions.selectors import Node, tree
from qunli.kernel.actor import Actor
from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Refused
from qunli.kernel.geo import metres
from qunli.kernel.lists import listed
from qunli.kernel.pages import Page, paginate
from qunli.kernel.words import query_tokens
from qunli.notices.selectors import Entry
from qunli.people import selectors as people
from qunli.people.models import Person
from qunli.volunteering import eligibility, signing_up
from qunli.volunteering.enums import PARENTS, TIMES_OF_DAY, WEEKDAYS, Category, SignUpState, Skill
from qunli.volunteering.models import Activity, Membership, Post, RegistrationDraft, SignUp, Team, Volunteer, mercator
from qunli.volunteering.perms import may_see_members, may_see_sign_ups
from qunli.volunteering.querysets import led_teams

SIZE = 20
FEW = 500
"""Persons of a name up to which their keys are handed to the next query."""
WORDS_BACK = timedelta(days=92)
"""What is over is found by words for a quarter; after that by place, team, kind and day: words outweigh the rest of a row."""


class Place(NamedTuple):
    longitude: float
    latitude: float


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for. Empty fields do not narrow."""

    words: str = ""
    category: str = ""
    division: Division | None = None
    team: Team | None = None
    day: date | None = None
    """A date of Asia/Shanghai on which it begins."""
    near: Place | None = None
    """Nearest first instead of soonest first."""
    free: bool = False
    """Only with places left."""
    past: bool = False
    """What is over, latest first, instead of what is still to come."""


def find_activities(*, wanted: Wanted, actor: Actor, now: datetime, cursor: str | None = None, size: int = SIZE) -> Page[Activity]:
    """A page of published activities. Each has `metres` (None without `near`). Raises Refused "words"."""
    found: Any = Activity.objects.listed()
    if wanted.past:
        found = found.filter(state="closed")
    elif wanted.near is not None:
        # The condition of the partial index `activity_near`. The time is compared by way of a sum, of which PostgreSQL has no
        # statistics: it would otherwise think that hardly anything begins after today, and sort all that is open by distance.
        begins = ExpressionWrapper(F("starts_at") + timedelta(0), DateTimeField())
        found = found.alias(begins=begins).filter(state="published", longitude__isnull=False, begins__gt=now)
    else:
        found = found.open_at(now)
    found = _narrow(found, wanted, now)
    if wanted.near is not None and not wanted.past:
        found = found.annotate(nearness=_nearness(wanted.near))
        page = paginate(found, order=("nearness", "id"), cursor=cursor, size=size)
    else:
        page = paginate(found, order=("-starts_at", "-id") if wanted.past else ("starts_at", "id"), cursor=cursor, size=size)
    for activity in page.items:
        activity.metres = _distance(wanted.near, activity)
    return page


def _narrow(found: QuerySet[Activity], wanted: Wanted, now: datetime) -> QuerySet[Activity]:
    if wanted.words.strip():
        tokens = query_tokens(wanted.words)
        if not tokens:
            raise Refused(_("请输入汉字、拼音或首字母。"), code="words", field="words")
        found = found.filter(search__contains=tokens)
        if wanted.past:
            found = found.filter(starts_at__gte=now - WORDS_BACK)
    if wanted.category:
        found = found.filter(category=wanted.category)
    if wanted.division is not None:
        found = found.filter(division__path__startswith=wanted.division.path)
    if wanted.team is not None:
        found = found.filter(team=wanted.team)
    if wanted.day is not None:
        if not 2000 <= wanted.day.year < 3000:
            raise Refused(_("日期不在可以查找的范围内。"), code="day", field="day")
        start = datetime.combine(wanted.day, time(), SHANGHAI)
        found = found.filter(starts_at__gte=start, starts_at__lt=start + timedelta(days=1))
    if wanted.free:
        found = found.filter(taken__lt=F("places"))
    return found


def _nearness(near: Place) -> Func:
    """Distance on Mercator's plane, in radians: the order of the GiST index."""
    here = mercator(Value(near.longitude, FloatField()), Value(near.latitude, FloatField()))
    return Func(
        mercator(F("longitude"), F("latitude")), here, template="(%(expressions)s)", arg_joiner=" <-> ", output_field=FloatField()
    )


def _distance(near: Place | None, activity: Activity) -> int | None:
    if near is None or activity.longitude is None or activity.latitude is None:
        return None
    return round(metres(near.longitude, near.latitude, activity.longitude, activity.latitude))


def _shown(model: type[Model], unseen: Collection[str], **related: Sequence[str]) -> list[str]:
    """Fields for `only`: the model's own but `unseen`, and of each relation what is named. A page's read costs by its columns."""
    own = [field.name for field in model._meta.concrete_fields if field.name not in unseen]
    return own + [f"{relation}__{name}" for relation, names in related.items() for name in names]


DIVISION_SHOWN = ("code", "name", "path", "kind", "level")
ACTIVITY_SHOWN = _shown(
    Activity, ["search"], team=("name", "level", "state", "division"), division=DIVISION_SHOWN, person_in_charge=("name",)
)
TEAM_SHOWN = _shown(Team, ["search"], division=DIVISION_SHOWN, parent=("name",))


def activity(*, pk: int, actor: Actor) -> Activity:
    """One activity with team, division and posts. Raises Activity.DoesNotExist also when it may not be seen."""
    posts = Prefetch("posts", Post.objects.order_by("id"))
    related = Activity.objects.visible_to(actor).select_related("team", "division", "person_in_charge").only(*ACTIVITY_SHOWN)
    return related.prefetch_related(posts).get(pk=pk)


class Check(NamedTuple):
    """One condition of signing up, as the "why" panel shows it."""

    code: str
    """The outcome's code when it does not hold."""
    holds: bool
    says: str
    clause: str = ""


@dataclass(frozen=True)
class Standing:
    """How the actor stands to one post: every condition, and whether a press on the button would succeed now."""

    post: Post
    checks: Sequence[Check]
    already: int | None
    clash: int | None
    full: bool

    @property
    def ready(self) -> bool:
        return all(check.holds for check in self.checks)

    @property
    def missing(self) -> list[Check]:
        return [check for check in self.checks if not check.holds]


def standings(*, activity: Activity, actor: Actor, now: datetime) -> list[Standing]:
    """The actor's standing to each post of the activity, by the very facts on which the sign-up statement decides (one query)."""
    if actor.person_id is None:
        return []
    return standings_of(activity=activity, posts=list(activity.posts.all()), person_id=actor.person_id, now=now)


def standings_of(*, activity: Activity, posts: Sequence[Post], person_id: int, now: datetime) -> list[Standing]:
    """`standings` of a person for given posts, as a leader on the spot needs it."""
    values: dict[str, Any] = {"person": person_id, "actor": "", "address": None, "request_id": "", "activity": activity.pk}
    with connection.cursor() as cursor:
        cursor.execute(signing_up.facts(), values)
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    return [_standing(activity, post, rows[post.pk], now) for post in posts if post.pk in rows]


def _ages(activity: Activity) -> str:
    if activity.max_age is None:
        return _("活动当天年满 %(min)s 周岁") % {"min": activity.min_age}
    return _("活动当天在 %(min)s 到 %(max)s 周岁之间") % {"min": activity.min_age, "max": activity.max_age}


def _standing(activity: Activity, post: Post, row: Any, now: datetime) -> Standing:
    active, age, skills, own, already, clash, agrees = row
    rules = eligibility.said(activity, age=age, agrees=agrees)
    age_code = "age_unknown" if age is None else "too_young" if age < activity.min_age else "too_old"
    checks = [
        Check("closed", activity.state == "published" and activity.starts_at > now, _("正在招募，还没有开始")),
        Check("not_volunteer", active, _("已登记为志愿者")),
        Check(age_code, rules.old_enough, _ages(activity), rules.age_clause),
    ]
    if age is not None and age < people.ADULT:
        checks.append(Check("consent_missing", rules.consented, _("监护人已同意"), rules.consent_clause))
    if skills:
        says = _("具备岗位需要的技能：%(names)s") % {"names": listed(Skill(s).label for s in skills)}
        checks.append(Check("skills_missing", set(skills) <= set(own), says, _("《志愿服务条例》第十六条")))
    checks.append(Check("overlap", clash is None, _("这个时间没有别的活动")))
    return Standing(post, checks, already, clash, post.taken >= post.places)


def own_sign_up(*, activity: Activity, actor: Actor) -> SignUp | None:
    """The actor's sign-up for the activity that is not cancelled."""
    if actor.person_id is None:
        return None
    return (
        SignUp.objects.filter(activity=activity, person=actor.person_id).exclude(state="cancelled").select_related("post").first()
    )


def my_sign_ups(*, actor: Actor, now: datetime, past: bool = False, cursor: str | None = None, size: int = SIZE) -> Page[SignUp]:
    """One's own sign-ups: those to come, soonest first, or those that are over, latest first."""
    own = SignUp.objects.visible_to(actor).filter(person=actor.person_id).exclude(state="cancelled")
    own = own.select_related("activity__division", "activity__team", "post")
    if past:
        return paginate(own.filter(activity__ends_at__lte=now), order=("-activity__starts_at", "-id"), cursor=cursor, size=size)
    return paginate(own.filter(activity__ends_at__gt=now), order=("activity__starts_at", "id"), cursor=cursor, size=size)


def sign_up(*, pk: int, actor: Actor) -> SignUp:
    """One sign-up that the actor may see. Raises SignUp.DoesNotExist."""
    related = SignUp.objects.visible_to(actor).select_related("activity__team__division", "activity__division", "post", "person")
    return related.get(pk=pk)


def roster(*, activity: Activity, actor: Actor, state: str = "", cursor: str | None = None, size: int = 50) -> Page[SignUp]:
    """Who signed up, by post and order of arrival; cancelled ones only when asked for."""
    rows = SignUp.objects.filter(activity=activity).select_related("person__volunteer", "post")
    if not may_see_sign_ups(actor, activity):
        rows = rows.visible_to(actor)
    rows = rows.filter(state=state) if state else rows.exclude(state=SignUpState.CANCELLED)
    return paginate(rows, order=("post_id", "created_at", "id"), cursor=cursor, size=size)


def waiting_place(*, sign_up: SignUp) -> int:
    """How many wait for the post in front of this sign-up, and itself: 1 is next."""
    ahead = SignUp.objects.filter(post=sign_up.post_id, state="waiting", created_at__lt=sign_up.created_at)
    return ahead.count() + 1


def led_activities(*, actor: Actor, cursor: str | None = None, size: int = SIZE) -> Page[Activity]:
    """Activities of the teams that the actor leads, latest first, drafts among them."""
    rows = Activity.objects.listed().visible_to(actor).filter(team__in=led_teams(actor))
    return paginate(rows, order=("-starts_at", "-id"), cursor=cursor, size=size)


def activities_to_decide(*, actor: Actor, cursor: str | None = None, size: int = SIZE) -> Page[Activity]:
    """What waits for the actor's approval, soonest first."""
    rows = Activity.objects.to_decide(actor).select_related("team", "division", "person_in_charge")
    return paginate(rows, order=("starts_at", "id"), cursor=cursor, size=size)


def teams_to_decide(*, actor: Actor, cursor: str | None = None, size: int = SIZE) -> Page[Team]:
    """Applications for teams that wait for the actor's approval, oldest first."""
    rows = Team.objects.to_decide(actor).select_related("division", "applicant", "parent")
    return paginate(rows, order=("id",), cursor=cursor, size=size)


@dataclass(frozen=True)
class WantedTeams:
    words: str = ""
    division: Division | None = None
    here: bool = False
    """Only teams of the division itself, none of those below it."""
    level: str = ""
    sponsor: str = ""


def find_teams(*, wanted: WantedTeams, actor: Actor, cursor: str | None = None, size: int = SIZE) -> Page[Team]:
    """Active teams, largest first. Raises Refused "words" when nothing can be searched."""
    found = Team.objects.filter(state="active").select_related("division")
    if wanted.words.strip():
        tokens = query_tokens(wanted.words)
        if not tokens:
            raise Refused(_("请输入汉字、拼音或首字母。"), code="words", field="words")
        found = found.filter(search__contains=tokens)
    if wanted.division is not None:
        inside = {"division": wanted.division} if wanted.here else {"division__path__startswith": wanted.division.path}
        found = found.filter(**inside)
    if wanted.level:
        found = found.filter(level=wanted.level)
    if wanted.sponsor:
        found = found.filter(sponsor=wanted.sponsor)
    return paginate(found, order=("-members", "-id"), cursor=cursor, size=size)


def team(*, pk: int, actor: Actor) -> Team:
    """One team. Raises Team.DoesNotExist also when it may not be seen."""
    return Team.objects.visible_to(actor).select_related("division", "parent").only(*TEAM_SHOWN).get(pk=pk)


def teams_below(*, path: str, children: Iterable[Node]) -> dict[int, int]:
    """Number of active teams in each child division and below it, by the child's primary key. `path` is that of the parent."""
    by_path = {child.path: child.id for child in children}
    if not by_path:
        return {}
    nodes = tree().by_id
    counted: dict[int, int] = {}
    # Grouped by the key alone, which the index has; which child a division lies in is known here.
    rows = (
        Team.objects.filter(state="active", division__path__startswith=path)
        .values_list("division")
        .annotate(n=Count("id"))
        .order_by()
    )
    for division, n in rows:
        child = by_path.get(nodes[division].path[: len(path) + 13]) if division in nodes else None
        if child is not None:
            counted[child] = counted.get(child, 0) + n
    return counted


class ToDecide(NamedTuple):
    activities: int
    teams: int


def to_decide_counts(*, actor: Actor) -> ToDecide:
    """How much waits for the actor's decision; counting stops at 100."""
    return ToDecide(Activity.objects.to_decide(actor)[:100].count(), Team.objects.to_decide(actor)[:100].count())


def team_activities(*, team: Team, now: datetime, limit: int = 5) -> list[Activity]:
    """What of a team is still to come."""
    return list(Activity.objects.listed().open_at(now).filter(team=team).order_by("starts_at", "id")[:limit])


def members(*, team: Team, actor: Actor, state: str = "active", cursor: str | None = None, size: int = 50) -> Page[Membership]:
    """Members (or applicants) of a team whom the actor may see; by key, since a team may have 100,000."""
    rows = Membership.objects.filter(team=team, state=state).select_related("volunteer__person")
    if not may_see_members(actor, team):
        rows = rows.visible_to(actor)
    return paginate(rows, order=("id",), cursor=cursor, size=size)


def membership(*, pk: int, actor: Actor) -> Membership:
    """One membership that the actor may see. Raises Membership.DoesNotExist."""
    return Membership.objects.visible_to(actor).select_related("team__division", "volunteer__person").get(pk=pk)


def my_memberships(*, actor: Actor) -> list[Membership]:
    """The teams that one is in or has applied to."""
    if actor.person_id is None:
        return []
    rows = Membership.objects.filter(volunteer__person=actor.person_id, state__in=["applied", "active"])
    return list(rows.select_related("team__division").order_by("-leader", "team_id")[:50])


def own_membership(*, team: Team, actor: Actor) -> Membership | None:
    """The actor's living membership of the team."""
    if actor.person_id is None:
        return None
    rows = Membership.objects.filter(team=team, volunteer__person=actor.person_id, state__in=["applied", "active"])
    return rows.order_by().first()


def led(*, actor: Actor) -> list[Team]:
    """Teams that the actor leads."""
    return list(Team.objects.filter(pk__in=led_teams(actor)).select_related("division").order_by("id"))


def led_keys(*, actor: Actor) -> list[int]:
    """Primary keys of the teams that the actor leads; no query."""
    return led_teams(actor)


def leaders(*, team: Team) -> list[Person]:
    """The persons who lead the team: who may be in charge of an activity."""
    rows = Membership.objects.filter(team=team, state="active", leader=True).select_related("volunteer__person").order_by("id")
    return [row.volunteer.person for row in rows[:50]]


def volunteer_of(*, actor: Actor) -> Volunteer | None:
    """The actor's own volunteer record, in whatever state."""
    if actor.person_id is None:
        return None
    return Volunteer.objects.filter(person=actor.person_id).select_related("division", "person").first()


def volunteer(*, pk: int, actor: Actor) -> Volunteer:
    """One volunteer whom the actor may see. Raises Volunteer.DoesNotExist."""
    return Volunteer.objects.visible_to(actor).select_related("division", "person").get(pk=pk)


def volunteer_by_number(*, number: str) -> Volunteer | None:
    """The volunteer with a public number, with person and division, whoever asks: the caller checks what may be done."""
    return Volunteer.objects.select_related("person", "division").filter(number=number.strip()).first()


def verified_minutes(person: Person, on: date) -> int | None:
    """What rules ask as `verified_minutes`: the minutes on the ledger now, whatever the day; None for who is no volunteer."""
    return Volunteer.objects.filter(person=person).values_list("minutes", flat=True).first()


def find_volunteers(*, words: str, state: str, actor: Actor, cursor: str | None = None, size: int = SIZE) -> Page[Volunteer]:
    """Volunteers whom the actor may see, by number, or by a part of the name."""
    rows = Volunteer.objects.visible_to(actor).select_related("person", "division")
    text = "".join(words.split())
    if text.isdecimal():
        rows = rows.filter(number=text)
    elif text:
        # Persons first: their names have an index over characters, the volunteers of a city have none. A name that very many have
        # is looked for from the volunteers' side: the first page is soon full.
        named = people.search(text, actor=actor).order_by().values("pk")
        few = list(named.values_list("pk", flat=True)[: FEW + 1])
        rows = rows.filter(person__in=few) if len(few) <= FEW else rows.filter(person__in=named)
    if state:
        rows = rows.filter(state=state)
    return paginate(rows, order=("id",), cursor=cursor, size=size)


class Draft(NamedTuple):
    step: int
    answers: dict[str, Any]


def draft_of(*, account: Account) -> Draft | None:
    """The registration that the account has begun."""
    row = RegistrationDraft.objects.filter(account=account).first()
    return Draft(row.step, json.loads(row.answers)) if row is not None else None


def calendar_entries(person_id: int, now: datetime) -> Iterator[Entry]:
    """A person's sign-ups for the calendar feed: those to come and of the last three months, cancelled activities marked so."""
    rows = SignUp.objects.filter(person=person_id, activity__ends_at__gte=now - timedelta(days=90)).exclude(state="no_show")
    for row in rows.select_related("activity__team", "post").order_by("activity__starts_at", "id")[:500]:
        called_off = row.state == "cancelled"
        if called_off and row.activity.state != "cancelled":
            continue
        title = row.activity.title if row.state != "waiting" else _("%(title)s（候补）") % {"title": row.activity.title}
        yield Entry(
            uid=f"sign-up-{row.pk}@qunli",
            title=title,
            starts_at=row.activity.starts_at,
            ends_at=row.activity.ends_at,
            changed_at=row.changed_at,
            place=row.activity.address,
            text=f"{row.activity.team.name} · {row.post.name}",
            url=f"/activities/{row.activity_id}/",
            cancelled=called_off,
        )


def labels(values: Iterable[str]) -> list[str]:
    """Skills or categories in the reader's language."""
    known: dict[str, Any] = {**dict(Skill.choices), **dict(Category.choices)}
    return [str(known.get(value, value)) for value in values]


def free_time_labels(bits: int) -> list[str]:
    """The free times as words, a day in one piece: 周六 上午、下午."""
    found = []
    for n, day in enumerate(WEEKDAYS):
        free = [time for t, time in enumerate(TIMES_OF_DAY) if bits >> (3 * n + t) & 1]
        if free:
            found.append(f"{day} {listed(free)}")
    return found


def parent_for(*, level: str, division: Division) -> Team | None:
    """The team of the level above that covers a division: where a new team hangs in the tree."""
    above = PARENTS[level]
    if not above:
        return None
    codes = [code for code in division.path.split("/") if code]
    rows = Team.objects.filter(level__in=above, state="active", division__code__in=codes)
    return rows.order_by("id").first()
