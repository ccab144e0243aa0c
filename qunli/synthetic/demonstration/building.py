"""Making the demonstration through the rooms' own verbs, each at the time at which it would have happened."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from qunli.access import services as access
from qunli.access.roles import ROLES
from qunli.access.selectors import actor_of
from qunli.accounts import services as accounts
from qunli.accounts.models import Account
from qunli.cases import services as cases
from qunli.divisions import selectors as divisions
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.ciphers import blind_index
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.people import services as people
from qunli.people.enums import IdKind, Purpose, Relation
from qunli.people.models import Person
from qunli.service_hours.models import ServiceRecord
from qunli.service_hours.services import certificates, day, records
from qunli.synthetic import identities
from qunli.synthetic.rows import day_number
from qunli.synthetic.teams import credit_code
from qunli.volunteering import services as asking
from qunli.volunteering.enums import Sponsor, TeamLevel
from qunli.volunteering.models import Activity, Team
from qunli.volunteering.services import activities, guardians, matching, registration, sign_ups, teams

HERE = Path(__file__).parent
FREE = {"evenings": 0b100_100_100_100_100_100_100, "always": 2**21 - 1}
ASKER = "0021"
LEADER = "0003"
WORKER = "0004"
APPROVER = "0005"
FOUNDER_OF_PARTNER = "0030"
BEGAN = timedelta(days=400)
"""How long ago the people registered."""
NUMBERS_FROM = 9_000 * identities.PER_AREA
"""Where the identity numbers of these people begin: beyond those of any synthetic city."""


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))


def phone_of(short: str) -> str:
    return f"+86{identities.DEMONSTRATION_PHONES}{short}"


def account_of(short: str) -> Account:
    """The account of one of these people. Raises Account.DoesNotExist before the demonstration is made."""
    return Account.objects.select_related("person").get(phone_digest=blind_index("phone", phone_of(short)))


def exists() -> bool:
    return Account.objects.filter(phone_digest=blind_index("phone", phone_of(LEADER))).exists()


def build(*, now: datetime) -> None:
    """Make people, teams and activities, all or nothing. Needs the divisions of Chengdu."""
    with transaction.atomic():
        # Hashed once: a hash is made to be slow, and these are the same.
        password = make_password(settings.DEMO_PASSWORD or None)
        for number, about in enumerate(read("people")["person"]):
            _person(number, about, password, now - BEGAN)
        texts = read("activities")
        team = _team(texts["team"], founder=LEADER, now=now - BEGAN + timedelta(days=7))
        partner = _team(texts["partner"], founder=FOUNDER_OF_PARTNER, now=now - BEGAN + timedelta(days=7))
        access.grant(
            person=_known("0008"), role="partner", division=partner.division, unit=partner.unit, valid_from=local_date(now - BEGAN),
            reason="demonstration", by=SYSTEM,
        )  # fmt: skip
        _members(team, now - BEGAN + timedelta(days=9))
        for about in sorted(texts["activity"], key=lambda one: float(one["day"])):
            _activity(team, about, now)
        _requests(team, now)
        volunteer = _known("0002")
        certificates.issue(
            person=volunteer, since=local_date(now - BEGAN), until=local_date(now), by=actor_of(volunteer, local_date(now)), now=now
        )


def _requests(team: Team, now: datetime) -> None:
    """What an old neighbour asked for: one waits for the desk, one for a team, one is taken, one waits for the rating."""
    asker = _known(ASKER)
    unit = cases.Unit(team.division_id, team.unit, team.name)
    for days, matter, text, verbs in (
        (0, "phone", "想学会用手机挂号和视频通话。", ""),
        (1, "company", "家里老人想有人陪着说说话。", "d"),
        (2, "repair", "厨房水龙头滴水，想请人看看。", "dt"),
        (4, "errand", "雨天出不了门，请帮忙取药。", "dtr"),
    ):
        at = now - timedelta(days=days)
        desk, leader = _actor(WORKER, at), _actor(LEADER, at)
        case = asking.ask_request(
            wish=asking.Wish(matter, team.division, text=text, place="3栋2单元"), requester=asker, by=_actor(ASKER, at), now=at
        )
        if "d" in verbs:
            cases.dispatch(case=case, to=[unit], by=desk, now=at + timedelta(minutes=40))
        if "t" in verbs:
            cases.take(case=case, unit=unit, by=leader, now=at + timedelta(hours=2))
            cases.contact(case=case, reached=True, by=leader, now=at + timedelta(hours=3))
        if "r" in verbs:
            cases.reply(case=case, text="药已送到家。", channel="visit", by=leader, now=at + timedelta(hours=22))


def refresh(*, now: datetime) -> int:
    """Make those activities again that are over by now, so that there is always one to sign in at and some to find."""
    team = Team.objects.select_related("division").get(name=read("activities")["team"]["name"], state="active")
    made = 0
    for about in read("activities")["activity"]:
        same = Activity.objects.filter(team=team, title=about["title"], state="published")
        if about["then"] == "running":
            there = same.filter(starts_at__lte=now, ends_at__gt=now + timedelta(minutes=30)).exists()
        else:
            there = about["then"] != "published" or same.filter(starts_at__gt=now).exists()
        if not there:
            with transaction.atomic():
                _activity(team, about, now)
            made += 1
    return made


def _known(short: str) -> Person:
    person = account_of(short).person
    assert person is not None
    return person


def _actor(short: str, now: datetime) -> Actor:
    return actor_of(account_of(short), local_date(now))


def _person(number: int, about: Mapping[str, Any], password: str, now: datetime) -> None:
    account = Account.objects.create_user(phone=phone_of(about["phone"]), phone_verified=True)
    Account.objects.filter(pk=account.pk).update(password=password)
    account.refresh_from_db()
    if not about.get("registers", True):
        return
    place = divisions.by_code(about["place"])
    born: date = about["born"]
    identity = identities.id_numbers(
        np.array([NUMBERS_FROM + number]), np.array([day_number(born)]), np.array([about["sex"] == "f"])
    )
    values = {"name": about["name"], "id_kind": IdKind.RESIDENT, "id_number": identity.tobytes().decode()}
    role = about.get("role", "volunteer")
    if role not in ("volunteer", "team_leader"):
        phone = phone_of(about["phone"])
        person = people.register(**values, phone=phone, sex="", birth_date=None, division=place, by=SYSTEM, now=now)
        accounts.attach_person(account=account, person=person, by=SYSTEM)
        if "at" in about:
            over, since = divisions.by_code(about["at"]), local_date(now)
            access.grant(person=person, role=role, division=over, valid_from=since, reason="demonstration", by=SYSTEM)
    else:
        guardian = None
        if "guardian" in about:
            elder = _known(about["guardian"])
            guardian = guardians.GuardianAnswers(
                name=elder.name, id_kind=elder.id_kind, id_number=elder.id_number, phone=phone_of(about["guardian"]),
                relation=Relation.PARENT,
            )  # fmt: skip
        answers = registration.RegistrationAnswers(
            division=place,
            skills=about.get("skills", []),
            categories=about.get("categories", []),
            free_times=FREE.get(about.get("free", ""), 0),
            consents=frozenset({Purpose.REGISTRATION, Purpose.IDENTITY, *([] if guardian else [Purpose.LOCATION])}),
            guardian=guardian,
            **values,
        )
        by = SYSTEM if guardian else actor_of(account, local_date(now))
        registration.register(account=account, answers=answers, by=by, now=now)
    if ROLES[role].second_factor:
        TOTP.activate(account, generate_totp_secret())


def _team(about: Mapping[str, Any], *, founder: str, now: datetime) -> Team:
    place = divisions.by_code(about["place"])
    above = Team.objects.filter(division=place.parent, level=TeamLevel.STREET, state="active").order_by("id").first()
    sponsor = about.get("sponsor", "")
    values = teams.TeamValues(
        name=about["name"],
        level=TeamLevel.COMMUNITY,
        sponsor=Sponsor.SOCIAL_ORGANISATION if sponsor else Sponsor.RESIDENTS,
        sponsor_name=sponsor,
        credit_code=credit_code(99_999_001) if sponsor else "",
        division=place,
        parent=above,
        introduction=about["introduction"],
        founded_on=date(2019, 12, 22),
    )
    made = teams.apply_team(values=values, by=_actor(founder, now), now=now)
    teams.approve_team(team=made, by=_actor(APPROVER, now), now=now + timedelta(days=1))
    return made


def _members(team: Team, now: datetime) -> None:
    for about in read("people")["person"]:
        short = about["phone"]
        if about.get("role", "volunteer") != "volunteer" or short == LEADER:
            continue
        joined = teams.join(team=team, by=_actor(short, now), now=now)
        teams.approve_member(membership=joined, by=_actor(LEADER, now), now=now + timedelta(hours=5))
        if "guardian" not in about:
            agreed: dict[str, Any] = {"agrees": True, "reach": 10, "weekly_limit": 3, "paused_until": None}
            matching.set_matching(volunteer=joined.volunteer, by=_actor(short, now), now=now, **agreed)


def _times(about: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    if about["then"] == "running":
        half = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
        return half - timedelta(hours=1), half + timedelta(hours=8)
    hours, part = divmod(float(about["at"]), 1)
    start = datetime.combine(local_date(now) + timedelta(days=about["day"]), time(int(hours), round(part * 60)), SHANGHAI)
    return start, start + timedelta(hours=float(about["hours"]))


def _activity(team: Team, about: Mapping[str, Any], now: datetime) -> None:
    start, end = _times(about, now)
    begun = min(start, now) - timedelta(days=6)
    then = about["then"]
    leader = _actor(LEADER, begun)
    values = activities.ActivityValues(
        title=about["title"],
        category=about["category"],
        content=about["content"].strip(),
        starts_at=start,
        ends_at=end,
        address=about["address"],
        division=team.division,
        risk_notice=about["risk"],
        person_in_charge=_known(LEADER),
        longitude=about["longitude"],
        latitude=about["latitude"],
        min_age=about.get("min_age", 18),
        danger=about.get("danger", False),
        insurance=about.get("insurance", ""),
        service_declared=True,
    )
    posts = [activities.PostValues(post["name"], post["places"], post.get("skills", [])) for post in about["posts"]]
    activity = activities.create_activity(team=team, values=values, posts=posts, by=leader, now=begun)
    if then == "draft" and start > now:
        return
    activities.submit_activity(activity=activity, by=leader, now=begun + timedelta(hours=1))
    if then == "submitted" and start > now:
        return
    officer = _actor(APPROVER, begun)
    if then == "returned":
        activities.return_activity(activity=activity, reason=about["reason"], by=officer, now=begun + timedelta(hours=20))
        return
    activities.approve_activity(activity=activity, by=officer, now=begun + timedelta(hours=20))
    for number, short in enumerate(about["people"]):
        _sign_up(activity, short, begun + timedelta(hours=26 + number * 3))
    if then == "cancelled":
        activities.cancel_activity(activity=activity, reason=about["reason"], by=leader, now=now - timedelta(hours=5))
    elif then == "running":
        for sign_up in activity.sign_ups.select_related("activity").order_by("id")[1:4]:
            day.sign_in_for(sign_up=sign_up, by=_actor(LEADER, now), now=max(start, now - timedelta(minutes=40)))
    elif start < now:
        _held(activity, about, start, end, now)


def _sign_up(activity: Activity, short: str, now: datetime) -> None:
    actor = _actor(short, now)
    posts = list(activity.posts.order_by("id").values_list("pk", flat=True))
    for post, wait in [*((post, False) for post in posts), (posts[0], True)]:
        if sign_ups.sign_up(post=post, by=actor, now=now, wait=wait).accepted:
            return
    raise AssertionError(f"{short} cannot sign up for {activity.title}")


def _held(activity: Activity, about: Mapping[str, Any], start: datetime, end: datetime, now: datetime) -> None:
    """What happened on the day and after it, as far as `then` says."""
    leader = _actor(LEADER, start)
    entered = []
    for number, sign_up in enumerate(activity.sign_ups.select_related("activity").order_by("id")):
        record = day.sign_in_for(sign_up=sign_up, by=leader, now=start + timedelta(minutes=number * 3 - 8))
        entered.append(day.sign_out_for(record=record, by=leader, now=end + timedelta(minutes=number)))
    activities.close_activity(activity=activity, by=leader, now=end + timedelta(hours=1))
    step = {"draft": 0, "submitted": 1, "verified": 2, "confirmed": 3, "disputed": 3, "corrected": 3}[about["then"]]
    if step >= 1:
        records.submit(records=entered, by=leader, now=end + timedelta(hours=2))
    if step >= 2:
        records.verify(records=_again(entered), by=leader, now=end + timedelta(hours=20))
    if step < 3:
        return
    for number, record in enumerate(_again(entered)):
        self = actor_of(record.person, local_date(end))
        if number > 0 or about["then"] == "confirmed":
            records.confirm(record=record, by=self, now=end + timedelta(hours=22))
            continue
        records.dispute(record=record, reason="我多留了半小时收桌子，请核对。", by=self, now=end + timedelta(hours=23))
        if about["then"] == "corrected":
            records.correct(
                record=record, signed_in_at=start, signed_out_at=end, reason="与其他队员核对，开始前已到场准备。", by=leader,
                now=end + timedelta(hours=44),
            )  # fmt: skip


def _again(entered: list[ServiceRecord]) -> list[ServiceRecord]:
    keys = [record.pk for record in entered]
    related = ServiceRecord.objects.select_related("person", "activity__team", "activity__division")
    return list(related.filter(pk__in=keys).order_by("pk"))
