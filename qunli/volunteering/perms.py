"""Who may do what here. Every function's docstring is the policy; nothing is allowed that is not said.

A level is a depth of the division tree: 1 city, 2 district, 3 street, 4 community. "The level above" of a team is any posting
over a division that contains the team's and lies higher in the tree; above the city's own teams stands the city itself.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils import timezone

from qunli.divisions.enums import Kind
from qunli.divisions.models import Division
from qunli.divisions.selectors import ranges_of, tree
from qunli.kernel.actor import Actor, covers
from qunli.kernel.clock import local_date
from qunli.volunteering.enums import TREE_LEVEL

if TYPE_CHECKING:
    from qunli.volunteering.models import Activity, Membership, SignUp, Team, Volunteer


class Permission(StrEnum):
    REGISTER = "volunteering.register"
    """Register oneself as a volunteer, change one's profile, deregister."""
    SIGN_UP = "volunteering.sign_up"
    """Sign oneself up and cancel, join and leave teams. Everyone; the database asks for an active volunteer."""
    APPLY_TEAM = "volunteering.apply_team"
    """Apply for a new team. Everyone; the service asks for an active volunteer."""
    LEAD_TEAM = "volunteering.lead_team"
    """Take members in, publish and run the team's activities. Narrowed to a team."""
    VIEW_VOLUNTEERS = "volunteering.view_volunteers"
    """See volunteers, members and sign-ups of the division, names masked."""
    SEE_NAMES = "volunteering.see_names"
    """See full names and phones of volunteers of the division or team; each look is written to the audit."""
    APPROVE_TEAM = "volunteering.approve_team"
    """Approve, reject and dissolve teams of the levels below."""
    APPROVE_ACTIVITY = "volunteering.approve_activity"
    """Approve, return and cancel activities of teams of the levels below."""
    ASSIGN = "volunteering.assign"
    """Plan the assignment of a day or a week in the division, compare plans, and send the invitations; names stay masked."""
    MANAGE_VOLUNTEERS = "volunteering.manage_volunteers"
    """Suspend and restore volunteers of the division."""


def reach(actor: Actor, permission: str) -> dict[str, int]:
    """The path prefixes over which `permission` is held, each with the level at which it is held.

    That is the prefix's own level, but the streets that a management area runs are held at the level of the area (a district's).
    """
    held = {prefix: prefix.count("/") for prefix in actor.ranges(permission)}
    for prefix in list(held):
        node = tree().by_code.get(prefix.rstrip("/").rpartition("/")[2])
        if node is not None and node.kind == Kind.MANAGEMENT_AREA:
            area = Division(pk=node.id, path=node.path, kind=node.kind)
            for run in ranges_of(area, local_date(timezone.now())):
                if run in held:
                    held[run] = min(held[run], held[prefix])
    return held


def _from_above(actor: Actor, permission: str, level: str, path: str) -> bool:
    held = reach(actor, permission)
    return any(path.startswith(prefix) and level in levels_below(depth) for prefix, depth in held.items())


def levels_below(depth: int) -> list[str]:
    """Levels of the teams over which a posting held at a level of the tree decides (0: everything)."""
    return [level for level, own in TREE_LEVEL.items() if depth < own or own == depth == 1]


def leads(actor: Actor, team: "Team") -> bool:
    """Leaders of the team."""
    return actor.has(Permission.LEAD_TEAM, unit=team.unit)


def may_decide_team(actor: Actor, team: "Team") -> bool:
    """An officer of the level above the team, who is not the applicant."""
    if team.applicant_id is not None and team.applicant_id == actor.person_id:
        return False
    return _from_above(actor, Permission.APPROVE_TEAM, team.level, team.division.path)


def may_decide_activity(actor: Actor, activity: "Activity") -> bool:
    """An officer of the level above the team, over the activity's division, who neither wrote it nor is in charge of it."""
    if actor.person_id is not None and actor.person_id in (activity.created_by_id, activity.person_in_charge_id):
        return False
    return _from_above(actor, Permission.APPROVE_ACTIVITY, activity.team.level, activity.division.path)


def may_cancel_activity(actor: Actor, activity: "Activity") -> bool:
    """The team's leaders, and the officers who could have approved it."""
    return leads(actor, activity.team) or may_decide_activity(actor, activity)


def may_invite(actor: Actor, activity: "Activity") -> bool:
    """Leaders of the team that runs it, and those who assign in its division; they see whom they ask with masked names."""
    return leads(actor, activity.team) or covers(actor.ranges(Permission.ASSIGN), activity.division.path)


def may_assign(actor: Actor, division: Division) -> bool:
    """Community workers and officers over the division."""
    return covers(actor.ranges(Permission.ASSIGN), division.path)


def may_see_members(actor: Actor, team: "Team") -> bool:
    """Leaders of the team and those who may view volunteers of its division; names stay masked."""
    return leads(actor, team) or actor.has(Permission.VIEW_VOLUNTEERS, path=team.division.path)


def may_see_names(actor: Actor, team: "Team") -> bool:
    """Leaders see the names of their own members and of those signed up; officers and community workers those of their division."""
    return actor.has(Permission.SEE_NAMES, unit=team.unit) or covers(actor.ranges(Permission.SEE_NAMES), team.division.path)


def may_see_sign_ups(actor: Actor, activity: "Activity") -> bool:
    """Leaders of the team and those who may view volunteers of the activity's division."""
    return leads(actor, activity.team) or covers(actor.ranges(Permission.VIEW_VOLUNTEERS), activity.division.path)


def may_cancel_sign_up(actor: Actor, sign_up: "SignUp") -> bool:
    """The person, and the leaders of the team that runs the activity."""
    return (actor.person_id is not None and sign_up.person_id == actor.person_id) or leads(actor, sign_up.activity.team)


def may_leave(actor: Actor, membership: "Membership") -> bool:
    """The member; nobody is held by force (条例 25). A leader may also take a member off the list."""
    own = actor.person_id is not None and membership.volunteer.person_id == actor.person_id
    return own or leads(actor, membership.team)


def may_manage_volunteer(actor: Actor, volunteer: "Volunteer") -> bool:
    """Officers of the volunteer's division, never for oneself."""
    return volunteer.person_id != actor.person_id and covers(actor.ranges(Permission.MANAGE_VOLUNTEERS), volunteer.division.path)
