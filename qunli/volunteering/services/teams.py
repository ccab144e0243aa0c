"""Teams of the four-level tree: applied for, approved by the level above, joined and left."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as NumberError

from qunli.access import services as access
from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.words import search_tokens
from qunli.notices import services as notices
from qunli.people.models import Person
from qunli.volunteering.enums import PARENTS, TREE_LEVEL, Sponsor
from qunli.volunteering.models import Membership, Team, Volunteer
from qunli.volunteering.perms import Permission, leads, may_decide_team, may_leave
from qunli.volunteering.states import MEMBERSHIP, TEAM

LEADER = "team_leader"


@dataclass(frozen=True)
class TeamValues:
    name: str
    level: str
    sponsor: str
    division: Division
    parent: Team | None = None
    sponsor_name: str = ""
    credit_code: str = ""
    introduction: str = ""
    founded_on: date | None = None


def checked_credit_code(text: str) -> str:
    """A unified social credit code (GB 32100) in its normal form. Raises Refused at field `credit_code`."""
    try:
        return str(uscc.validate(text))
    except NumberError as error:
        raise Refused(
            _("统一社会信用代码不正确：应为 18 位，且最后一位是校验码。请对照登记证书核对。"),
            code="credit_code",
            field="credit_code",
        ) from error


def _check(values: TeamValues, now: datetime) -> dict[str, Any]:
    if values.division.level != TREE_LEVEL[values.level]:
        raise Refused(_("所选区域与队伍层级不符，请选择同一层级的区域。"), code="level", field="division")
    parent = values.parent
    if parent is not None and (
        parent.level not in PARENTS[values.level]
        or parent.state != "active"
        or not values.division.path.startswith(parent.division.path)
    ):
        raise Refused(_("上级队伍应是上一层级、包含本区域、正在活动的队伍。"), code="parent", field="parent")
    fields = asdict(values) | {"division": values.division, "parent": parent}
    if values.sponsor in (Sponsor.SOCIAL_ORGANISATION, Sponsor.ENTERPRISE):
        if not values.sponsor_name.strip():
            raise Refused(_("请填写社会组织或企业的名称。"), code="sponsor_name", field="sponsor_name")
        fields["credit_code"] = checked_credit_code(values.credit_code)
    elif values.credit_code:
        fields["credit_code"] = checked_credit_code(values.credit_code)
    fields["founded_on"] = values.founded_on or local_date(now)
    if fields["founded_on"] > local_date(now):
        raise Refused(_("成立日期不能晚于今天。"), code="founded_on", field="founded_on")
    fields["search"] = search_tokens(f"{values.name} {values.sponsor_name} {values.division.name}")
    return fields


def _valid(team: Team) -> None:
    """Turn a broken constraint into a refusal at its field, with the message of the model."""
    try:
        team.full_clean(exclude=["division", "parent", "applicant"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        named = field if field != "__all__" else ("credit_code" if "信用代码" in messages[0] else "name")
        raise Refused(messages[0], code="invalid", field=named) from error


def apply_team(*, values: TeamValues, by: Actor, now: datetime) -> Team:
    """Apply for a new team; the applicant becomes its first leader when the level above approves."""
    if not by.has(Permission.APPLY_TEAM):
        raise Denied(Permission.APPLY_TEAM)
    volunteer = _volunteer_of(by)
    fields = _check(values, now)
    with transaction.atomic():
        team = Team(applicant_id=volunteer.person_id, **fields)
        _valid(team)
        team.save()
        Membership.objects.create(team=team, volunteer=volunteer, leader=True, applied_at=now)
        audit.record("volunteering.apply_team", f"team:{team.pk}", by=by, level=team.level, division=team.division.code)
    return team


def apply_again(*, team: Team, values: TeamValues, by: Actor, now: datetime) -> None:
    """Hand a rejected application in again, mended."""
    with transaction.atomic():
        current = _locked(team)
        if by.person_id is None or current.applicant_id != by.person_id:
            raise Denied(Permission.APPLY_TEAM)
        current.state = TEAM.target("apply_again", current.state)
        current.state_reason = ""
        for name, value in _check(values, now).items():
            setattr(current, name, value)
        _valid(current)
        current.save()
        # Who left meanwhile comes back as the founder.
        current.memberships.get_or_create(
            volunteer=_volunteer_of(by), state="applied", defaults={"leader": True, "applied_at": now}
        )
        audit.record("volunteering.apply_team_again", f"team:{team.pk}", by=by)
    team.refresh_from_db()


def approve_team(*, team: Team, by: Actor, now: datetime) -> None:
    """The level above takes the team in; the applicant becomes its leader."""
    with transaction.atomic():
        current = _decided(team, "approve", by, "")
        applied = current.memberships.select_for_update(of=("self",)).filter(leader=True, state="applied")
        founder = applied.select_related("volunteer__person").first()
        if founder is None:
            raise Refused(_("申请人已经退出，不会有队长，不能通过。请写明原因，不予通过。"), code="no_leader")
        founder.state, founder.joined_at = MEMBERSHIP.target("approve", founder.state), now
        founder.save(update_fields=["state", "joined_at"])
        _make_posting(current, founder.volunteer.person, by, now)
        audit.record("volunteering.approve_team", f"team:{team.pk}", by=by)
        notices.tell([founder.volunteer.person_id], "volunteering/team_approved", url=address(team), team=current.name)
    team.refresh_from_db()


def reject_team(*, team: Team, reason: str, by: Actor, now: datetime) -> None:
    """Say no, with a reason; the applicant may mend it and apply again."""
    _needs(reason)
    with transaction.atomic():
        current = _decided(team, "reject", by, reason)
        audit.record("volunteering.reject_team", f"team:{team.pk}", by=by, reason=reason)
        if current.applicant_id:
            notices.tell([current.applicant_id], "volunteering/team_rejected", url=address(team), team=current.name, reason=reason)
    team.refresh_from_db()


def dissolve_team(*, team: Team, reason: str, by: Actor, now: datetime) -> None:
    """End a team that has no open activities; records stay, its members are told, its leaders' postings end."""
    _needs(reason)
    with transaction.atomic():
        if team.activities.filter(state__in=["submitted", "published"]).exists():
            raise Refused(_("队伍还有没结束的活动。请先取消或等活动结束，再解散。"), code="open_activities")
        current = _decided(team, "dissolve", by, reason)
        members = Membership.objects.filter(team=current, state__in=["applied", "active"]).select_for_update(of=("self",))
        persons = list(members.values_list("volunteer__person", flat=True))
        access.end_of_unit(unit=current.unit, role=LEADER, on=local_date(now), reason="dissolved")
        members.update(state="left", left_at=now, leader=False)
        audit.record("volunteering.dissolve_team", f"team:{team.pk}", by=by, reason=reason, members=len(persons))
        notices.tell(persons, "volunteering/team_dissolved", url=address(team), team=current.name, reason=reason)
    team.refresh_from_db()


def join(*, team: Team, by: Actor, now: datetime) -> Membership:
    """Ask to be taken in. A person may be in many teams and stays one volunteer."""
    if not by.has(Permission.SIGN_UP):
        raise Denied(Permission.SIGN_UP)
    volunteer = _volunteer_of(by)
    with transaction.atomic():
        current = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        if current.state != "active":
            raise Refused(_("这支队伍现在不接收成员。"), code="team_state")
        membership, created = Membership.objects.get_or_create(
            team=current, volunteer=volunteer, state__in=["applied", "active"], defaults={"state": "applied", "applied_at": now}
        )
        if not created:
            raise Refused(_("您已经在这支队伍里，或已经提交申请。"), code="already")
        audit.record("volunteering.join", f"team:{team.pk}", by=by, membership=membership.pk)
        leaders = current.memberships.filter(leader=True, state="active").values_list("volunteer__person", flat=True)
        notices.tell(leaders, "volunteering/member_applied", url=address(team) + "members/", team=current.name)
    return membership


def approve_member(*, membership: Membership, by: Actor, now: datetime) -> None:
    """A leader takes an applicant in."""

    def done(current: Membership) -> None:
        current.joined_at = now

    _change(membership, "approve", by, leads, done, "volunteering/member_approved")


def reject_member(*, membership: Membership, reason: str, by: Actor, now: datetime) -> None:
    """A leader says no, with a reason."""
    _needs(reason)

    def done(current: Membership) -> None:
        current.state_reason, current.left_at = reason, now

    _change(membership, "reject", by, leads, done, "volunteering/member_rejected", reason=reason)


def leave(*, membership: Membership, by: Actor, now: datetime) -> None:
    """Leave a team, or withdraw the application. The last leader first makes another one."""
    with transaction.atomic():
        current = _locked_membership(membership)
        if not may_leave(by, current):
            raise Denied(Permission.LEAD_TEAM)
        _step_down(current, by, now)
        current.state, current.left_at = MEMBERSHIP.target("leave", current.state), now
        current.save(update_fields=["state", "left_at", "leader"])
        audit.record("volunteering.leave", f"team:{current.team_id}", by=by, membership=current.pk)
    membership.refresh_from_db()


def transfer(*, membership: Membership, to: Team, by: Actor, now: datetime) -> Membership:
    """Leave one team and apply to another in one step."""
    own = by.person_id is not None and membership.volunteer.person_id == by.person_id
    if not own:
        raise Denied(Permission.LEAD_TEAM)
    if membership.team_id == to.pk:
        raise Refused(_("请选择另一支队伍。"), code="same_team", field="to")
    with transaction.atomic():
        leave(membership=membership, by=by, now=now)
        return join(team=to, by=by, now=now)


def make_leader(*, membership: Membership, by: Actor, now: datetime) -> None:
    """A leader, or the level above, makes a member a leader too."""
    with transaction.atomic():
        current = _locked_membership(membership)
        if not (leads(by, current.team) or may_decide_team(by, current.team)):
            raise Denied(Permission.LEAD_TEAM)
        if current.state != "active":
            raise Refused(_("只有正式成员才能担任队长。"), code="state")
        if current.leader:
            return
        current.leader = True
        current.save(update_fields=["leader"])
        _make_posting(current.team, current.volunteer.person, by, now)
        audit.record("volunteering.make_leader", f"team:{current.team_id}", by=by, membership=current.pk)
        notices.tell([current.volunteer.person_id], "volunteering/leader_made", url=address(current.team), team=current.team.name)
    membership.refresh_from_db()


def unmake_leader(*, membership: Membership, by: Actor, now: datetime) -> None:
    """A leader steps down, or is made a member again; one leader stays."""
    with transaction.atomic():
        current = _locked_membership(membership)
        own = by.person_id is not None and current.volunteer.person_id == by.person_id
        if not (own or leads(by, current.team) or may_decide_team(by, current.team)):
            raise Denied(Permission.LEAD_TEAM)
        _step_down(current, by, now)
        current.save(update_fields=["leader"])
        audit.record("volunteering.unmake_leader", f"team:{current.team_id}", by=by, membership=current.pk)
    membership.refresh_from_db()


def division_of_team(key: int) -> Division | None:
    """Where a team stands that can be led; None for one that does not exist or is not active. For `access`."""
    team = Team.objects.filter(pk=key, state="active").select_related("division").first()
    return team.division if team is not None else None


def team_names(keys: Collection[int]) -> dict[int, str]:
    """Names of teams, also of those that are no more. For `access`."""
    return dict(Team.objects.filter(pk__in=keys).values_list("pk", "name"))


def address(team: Team) -> str:
    """The team's page."""
    return f"/teams/{team.pk}/"


def _volunteer_of(by: Actor) -> Volunteer:
    volunteer = Volunteer.objects.filter(person=by.person_id, state="active").first() if by.person_id is not None else None
    if volunteer is None:
        raise Refused(_("请先登记为志愿者，只要三步。"), code="not_volunteer")
    return volunteer


def _needs(reason: str) -> None:
    if not reason.strip():
        raise Refused(_("请写明原因，对方会看到。"), code="reason", field="reason")


def _locked(team: Team) -> Team:
    return Team.objects.select_for_update(of=("self",), no_key=True).select_related("division", "parent").get(pk=team.pk)


def _decided(team: Team, verb: str, by: Actor, reason: str) -> Team:
    current = _locked(team)
    if not may_decide_team(by, current):
        raise Denied(Permission.APPROVE_TEAM)
    current.state, current.state_reason = TEAM.target(verb, current.state), reason
    current.save(update_fields=["state", "state_reason"])
    return current


def _locked_membership(membership: Membership) -> Membership:
    """Team first, then membership, so that two leaders who leave at once wait for one another."""
    Team.objects.select_for_update(no_key=True).get(pk=membership.team_id)
    related = Membership.objects.select_for_update(of=("self",)).select_related("team__division", "volunteer__person")
    return related.get(pk=membership.pk)


def _change(
    membership: Membership,
    verb: str,
    by: Actor,
    allowed: Callable[[Actor, Team], bool],
    done: Callable[[Membership], None],
    notice: str,
    **facts: Any,
) -> None:
    with transaction.atomic():
        current = _locked_membership(membership)
        if not allowed(by, current.team):
            raise Denied(Permission.LEAD_TEAM)
        current.state = MEMBERSHIP.target(verb, current.state)
        done(current)
        current.save(update_fields=["state", "state_reason", "joined_at", "left_at"])
        audit.record(f"volunteering.{verb}_member", f"team:{current.team_id}", by=by, membership=current.pk)
        notices.tell([current.volunteer.person_id], notice, url=address(current.team), team=current.team.name, **facts)
    membership.refresh_from_db()


def _step_down(current: Membership, by: Actor, now: datetime) -> None:
    if not current.leader:
        return
    if current.state == "active":
        others = Membership.objects.filter(team=current.team, leader=True, state="active").exclude(pk=current.pk)
        if not others.exists():
            raise Refused(_("队伍至少要有一名队长。请先让另一名成员担任队长。"), code="last_leader")
        _end_posting(current.team, current.volunteer.person, by, now)
    current.leader = False


def _make_posting(team: Team, person: Person, by: Actor, now: datetime) -> None:
    """The right to make leaders was checked by the caller; the posting itself is given by the system, its reason names the deed."""
    access.grant(
        person=person,
        role=LEADER,
        division=team.division,
        unit=team.unit,
        valid_from=local_date(now),
        reason=f"volunteering: {by.label}"[:200],
        by=SYSTEM,
    )


def _end_posting(team: Team, person: Person, by: Actor, now: datetime) -> None:
    for posting in person.postings.filter(role=LEADER, unit=team.unit, valid_to=None):
        access.end(posting=posting, on=local_date(now), by=SYSTEM)
