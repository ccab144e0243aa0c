"""Rows for tests, one function a model, each with sensible values for what the test does not say.

They write through the ORM, not through the services: a test of a service makes its own world without depending on others.
"""

import itertools
import secrets
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from qunli.access.models import Posting
from qunli.accounts.models import Account
from qunli.cases.clocks import clocks_on
from qunli.cases.models import Case, CaseEvent
from qunli.cases.numbers import make as case_number
from qunli.divisions.enums import Level
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM
from qunli.kernel.ciphers import blind_index
from qunli.kernel.clock import local_date
from qunli.kernel.words import search_tokens
from qunli.people.models import Consent, Person
from qunli.rules import selectors as rules
from qunli.rules.services import decide
from qunli.service_hours.models import Finding, SampleItem, SamplingRound, ServiceRecord, StarProposal
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.models import Activity, Invitation, MatchPlan, Membership, Post, SignUp, Team, Volunteer

DISTRICT = "510104000000"
"""锦江区, where the people of the tests live and work unless a test says otherwise."""
OTHER_DISTRICT = "510105000000"
"""青羊区: outside the reach of 锦江区."""
_count = itertools.count(1)


def id_number(birth: date = date(1990, 1, 1), *, male: bool = False, serial: int | None = None) -> str:
    """A valid identity number (GB 11643) of an area that does not exist, so that it can be no one's."""
    order = (next(_count) if serial is None else serial) * 2 % 1000 + (1 if male else 0)
    body = f"510199{birth:%Y%m%d}{order:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def phone_number() -> str:
    """A phone of a range that is assigned, never the same twice in one run. As stored: with the country code."""
    return f"+86139{next(_count):08d}"


def division(level: Level = Level.COMMUNITY, district: str = DISTRICT, nth: int = 0) -> Division:
    """The nth division of that level inside (or at) a district; the city for Level.CITY."""
    if level == Level.CITY:
        return Division.objects.get(level=level, valid_to=None)
    root = Division.objects.get(code=district, valid_to=None)
    return Division.objects.filter(path__startswith=root.path, level=level, valid_to=None).order_by("path")[nth]


def person(**fields: Any) -> Person:
    """`id_number=None` and `phone=None` leave them out."""
    fields.setdefault("name", f"测试{next(_count)}")
    fields.setdefault("sex", "f")
    fields.setdefault("birth_date", date(1990, 1, 1))
    fields.setdefault("id_number", id_number(fields["birth_date"]))
    fields.setdefault("phone", phone_number())
    if "division" not in fields:
        fields["division"] = division()
    if fields["id_number"] is not None:
        fields.setdefault("id_digest", blind_index("identity", fields["id_number"]))
    if fields["phone"] is not None:
        fields.setdefault("phone_digest", blind_index("phone", fields["phone"]))
    return Person.objects.create(**fields)


def account(of: Person | None = None, **fields: Any) -> Account:
    """With the phone of its person, verified, and no password."""
    of = of or person()
    fields.setdefault("phone_verified", True)
    return Account.objects.create_user(f"test-{next(_count)}-{secrets.token_hex(4)}", None, person=of, phone=of.phone, **fields)


def posting(of: Person, role: str, at: Division, *, unit: str = "", since: date = date(2020, 1, 1), **fields: Any) -> Posting:
    return Posting.objects.create(person=of, role=role, division=at, unit=unit, valid_from=since, **fields)


def volunteer(of: Person | None = None, **fields: Any) -> Volunteer:
    """With the posting that makes the person a volunteer for `access`."""
    of = of or person()
    home = of.division or division()
    fields.setdefault("number", f"5101{next(_count):08d}T")
    fields.setdefault("division", home)
    fields.setdefault("registered_at", timezone.now())
    made = Volunteer.objects.create(person=of, **fields)
    posting(of, "volunteer", made.division)
    return made


def team(**fields: Any) -> Team:
    """An active team of residents in a community."""
    if "division" not in fields:
        fields["division"] = division()
    fields.setdefault("name", f"志愿服务队{next(_count)}")
    fields.setdefault("level", "community")
    fields.setdefault("sponsor", "residents")
    fields.setdefault("state", "active")
    fields.setdefault("founded_on", date(2020, 1, 1))
    fields.setdefault("search", search_tokens(fields["name"]))
    return Team.objects.create(**fields)


def membership(of: Volunteer, in_team: Team, **fields: Any) -> Membership:
    """`leader=True` also gives the posting over the team."""
    fields.setdefault("state", "active")
    fields.setdefault("applied_at", timezone.now())
    fields.setdefault("joined_at", timezone.now())
    made = Membership.objects.create(team=in_team, volunteer=of, **fields)
    if made.leader:
        posting(of.person, "team_leader", in_team.division, unit=in_team.unit)
    return made


def leader(of_team: Team, **fields: Any) -> Volunteer:
    made = volunteer(person(division=of_team.division, **fields))
    membership(made, of_team, leader=True)
    return made


def activity(of_team: Team | None = None, *, starts_at: datetime | None = None, hours: float = 2, **fields: Any) -> Activity:
    """A published activity of tomorrow, two hours long, without a post."""
    of_team = of_team or team()
    starts_at = starts_at or timezone.now() + timedelta(days=1)
    fields.setdefault("title", f"社区志愿服务{next(_count)}")
    fields.setdefault("category", "community")
    fields.setdefault("content", "打扫院落，陪老人聊天。")
    fields.setdefault("ends_at", starts_at + timedelta(hours=hours))
    fields.setdefault("address", "成都市锦江区")
    fields.setdefault("longitude", 104.0836)
    fields.setdefault("latitude", 30.6571)
    fields.setdefault("risk_notice", "请注意安全。")
    fields.setdefault("service_declared", True)
    fields.setdefault("person_in_charge", fields.get("created_by") or person(division=of_team.division))
    fields.setdefault("created_by", fields["person_in_charge"])
    fields.setdefault("division", of_team.division)
    fields.setdefault("state", "published")
    fields.setdefault("code_seed", secrets.token_bytes(20))
    fields.setdefault("search", search_tokens(f"{fields['title']} {of_team.name} {fields['address']}"))
    return Activity.objects.create(team=of_team, starts_at=starts_at, **fields)


def post(of: Activity | None = None, places: int = 20, **fields: Any) -> Post:
    fields.setdefault("name", f"岗位{next(_count)}")
    return Post.objects.create(activity=of or activity(), places=places, **fields)


def sign_up(of: Person | None = None, at: Post | None = None, **fields: Any) -> SignUp:
    at = at or post()
    fields.setdefault("state", "confirmed")
    fields.setdefault("during", (at.activity.starts_at, at.activity.ends_at))
    fields.setdefault("created_at", timezone.now())
    fields.setdefault("changed_at", fields["created_at"])
    return SignUp.objects.create(post=at, activity=at.activity, person=of or volunteer().person, **fields)


def case(*, requester: Person | None = None, state: str = "signed_for", unit: str = "", **fields: Any) -> Case:
    """A resident request in its community, sent to `unit` and taken an hour ago."""
    now = timezone.now()
    place = fields.setdefault("division", division())
    fields.setdefault("number", case_number(now.date()))
    fields.setdefault("title", "代买代办、取药")
    fields.setdefault("text", "腿脚不便，请人到医院取药。")
    fields.setdefault("desk", place)
    fields.setdefault("owner_division", place)
    fields.setdefault("due_on", (now + timedelta(days=7)).date())
    fields.setdefault("promised_on", fields["due_on"])
    clocks = clocks_on(local_date(now))
    fields = {"clocks_id": clocks.clocks, "follow_up_id": clocks.follow_up} | fields
    if state != "received":
        fields.setdefault("dispatched_at", now - timedelta(hours=1))
        fields.setdefault("contact_until", now + timedelta(hours=23))
    made = Case.objects.create(
        kind="resident_request", matter="errand", nature="suggestion", duty="grassroots", state=state, state_since=now,
        received_at=now - timedelta(hours=2), owner_unit=unit, requester=requester or person(division=place), **fields,
    )  # fmt: skip
    CaseEvent.objects.create(case=made, verb="receive", state=state, at=now)
    return made


def finding(record: ServiceRecord, **fields: Any) -> Finding:
    """That the record was entered by the volunteer, found today; a reply may come for two weeks."""
    today = local_date(timezone.now())
    fields = {"kind": "own-recorder", "severity": "suspicious", "facts": {"recorder_is_volunteer": True}} | fields
    fields = {
        "found_on": today,
        "reply_until": today + timedelta(days=14),
        "rules_id": rules.held("hour-integrity", today).pk,
    } | fields
    return Finding.objects.create(record=record, **fields)


def sample(of: ServiceRecord, **fields: Any) -> SampleItem:
    """Drawn for certain in a round of its own, of the activity's day; nobody has judged it."""
    day = local_date(of.activity.starts_at)
    drawn = SamplingRound.objects.create(
        division=of.activity.division, since=day, until=day, size=1, seed=1, state="open", records=1, organisations=1, drawn=1,
        rules_id=rules.held("sampling-risk", day).pk, created_at=timezone.now(), drawn_at=timezone.now(),
    )  # fmt: skip
    return SampleItem.objects.create(round=drawn, record=of, team=of.activity.team, stratum="low", weight=1, chance=1.0, **fields)


def star_proposal(of: Volunteer, **fields: Any) -> StarProposal:
    """One star for a hundred hours that the volunteer has not got: it waits for the district."""
    now = timezone.now()
    decision = decide(
        key="volunteer-stars", facts={"verified_minutes": 6000}, subject=f"person:{of.person_id}", division=of.division,
        on=local_date(now), by=SYSTEM, now=now, person=of.person,
    )  # fmt: skip
    fields = {"level": 1, "approval": "county", "minutes": 6000, "proposed_at": now} | fields
    return StarProposal.objects.create(person=of.person, division=of.division, decision=decision, **fields)


def record(of: SignUp | None = None, **fields: Any) -> ServiceRecord:
    """Signed in at the start by code, not yet signed out."""
    of = of or sign_up()
    fields.setdefault("signed_in_at", of.activity.starts_at)
    fields.setdefault("in_method", "code")
    fields.setdefault("due_on", (of.activity.ends_at + timedelta(days=14)).date())
    return ServiceRecord.objects.create(sign_up=of, activity=of.activity, person=of.person, **fields)


def consent(of: Person, purpose: str, **fields: Any) -> Consent:
    fields.setdefault("wording", "2026-11")
    fields.setdefault("given_at", timezone.now())
    return Consent.objects.create(person=of, purpose=purpose, given_by=of, **fields)


def invitation(of: Person, at: Post, **fields: Any) -> Invitation:
    """Sent just now, to be answered within two days."""
    now = timezone.now()
    fields.setdefault("nth", 1)
    return Invitation.objects.create(
        post=at,
        activity=at.activity,
        person=of,
        week=(now, now + timedelta(days=7)),
        score=50_000,
        metres=1200,
        slots=1,
        created_at=now,
        expires_at=fields.pop("expires_at", now + timedelta(days=2)),
        **fields,
    )


def plan(of: Division, **fields: Any) -> MatchPlan:
    """Computed, for tomorrow, with nobody in it."""
    fields.setdefault("first_day", local_date(timezone.now()) + timedelta(days=1))
    fields.setdefault("state", "ready")
    fields.setdefault("weights", asdict(Weights()))
    figures = {"people": 0, "places": 0, "filled": 0, "metres": 0, "certified": True, "edges": 0, "communities": []}
    fields.setdefault("figures", figures)
    return MatchPlan.objects.create(division=of, created_at=timezone.now(), **fields)
