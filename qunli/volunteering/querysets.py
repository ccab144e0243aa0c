"""What of this room an actor may see: one filter for lists and details."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.models import Q

from qunli.cases.models import Case
from qunli.divisions.selectors import within
from qunli.kernel.actor import Actor
from qunli.volunteering.perms import Permission, levels_below, reach

if TYPE_CHECKING:
    from qunli.volunteering.models import (  # noqa: F401
        Activity,
        Invitation,
        MatchPlan,
        Membership,
        ResidentRequest,
        SignUp,
        Team,
        Volunteer,
    )

_M = TypeVar("_M", bound=models.Model)


PLAIN = ("title", "category", "state", "danger", "starts_at", "ends_at", "address", "longitude", "latitude", "places", "taken")
LISTED = (*PLAIN, "team__name", "division__name", "division__code")


def led_teams(actor: Actor, permission: str = Permission.LEAD_TEAM) -> list[int]:
    """Primary keys of the teams to which `permission` of the actor is narrowed."""
    return sorted(int(unit.removeprefix("team:")) for unit in actor.units(permission) if unit.startswith("team:"))


def own(field: str, actor: Actor) -> Q:
    return Q(**{field: actor.person_id}) if actor.person_id is not None else Q(pk__in=[])


def decides(actor: Actor, permission: str, level: str = "level", division: str = "division") -> Q:
    """Rows on whose approval the actor decides: in a division of the actor's, of a team of a level below the actor's posting."""
    chosen: Q = Q(pk__in=[])
    for prefix, depth in reach(actor, permission).items():
        chosen |= within([prefix], division) & Q(**{f"{level}__in": levels_below(depth)})
    return chosen


class VolunteerQuerySet(models.QuerySet["Volunteer"]):
    def visible_to(self, actor: Actor) -> "VolunteerQuerySet":
        """Oneself, the members of teams that one leads, and the division's for those who may view volunteers."""
        seen = own("person", actor) | within(actor.ranges(Permission.VIEW_VOLUNTEERS))
        teams = led_teams(actor)
        if teams:
            members = self.model._default_manager.filter(memberships__team__in=teams, memberships__state__in=["applied", "active"])
            seen |= Q(pk__in=members.values("pk"))
        return self.filter(seen)


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, actor: Actor) -> "TeamQuerySet":
        """Teams that exist or existed are public; an application is seen by its applicant and by those who decide on it."""
        return self.filter(
            Q(state__in=["active", "dissolved"])
            | own("applicant", actor)
            | within(actor.ranges(Permission.VIEW_VOLUNTEERS))
            | decides(actor, Permission.APPROVE_TEAM)
        )

    def to_decide(self, actor: Actor) -> "TeamQuerySet":
        """Applications on which the actor decides; not one's own."""
        return self.filter(decides(actor, Permission.APPROVE_TEAM), state="applied").exclude(own("applicant", actor))


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, actor: Actor) -> "MembershipQuerySet":
        """One's own, those of teams that one leads, and the division's for those who may view volunteers."""
        return self.filter(
            own("volunteer__person", actor)
            | Q(team__in=led_teams(actor))
            | within(actor.ranges(Permission.VIEW_VOLUNTEERS), "team__division")
        )


class ActivityQuerySet(models.QuerySet["Activity"]):
    def visible_to(self, actor: Actor) -> "ActivityQuerySet":
        """What was published is public; before that, only the team's leaders, its author and those who decide on it."""
        return self.filter(
            Q(state__in=["published", "closed"])
            | Q(state="cancelled", approved_at__isnull=False)
            | Q(team__in=led_teams(actor))
            | own("created_by", actor)
            | decides(actor, Permission.APPROVE_ACTIVITY, "team__level")
        )

    def listed(self) -> "ActivityQuerySet":
        """With what a line of a list says, team and division among it; the long texts and search words stay in the database."""
        return self.select_related("team", "division").only(*LISTED)

    def open_at(self, now: datetime) -> "ActivityQuerySet":
        """Published and not yet begun: what one can still sign up for."""
        return self.filter(state="published", starts_at__gt=now)

    def to_decide(self, actor: Actor) -> "ActivityQuerySet":
        """Submitted ones on which the actor decides; not one's own."""
        waiting = self.filter(decides(actor, Permission.APPROVE_ACTIVITY, "team__level"), state="submitted")
        return waiting.exclude(own("created_by", actor) | own("person_in_charge", actor))


class SignUpQuerySet(models.QuerySet["SignUp"]):
    def visible_to(self, actor: Actor) -> "SignUpQuerySet":
        """One's own and one's wards', those for activities of teams that one leads, and the division's for those who may view."""
        wards: dict[str, Any] = {"person__guardianships__guardian": actor.person_id, "person__guardianships__until": None}
        seen = (
            own("person", actor)
            | Q(activity__team__in=led_teams(actor))
            | within(actor.ranges(Permission.VIEW_VOLUNTEERS), "activity__division")
        )
        if actor.person_id is not None:
            seen |= Q(pk__in=self.model._default_manager.filter(**wards).values("pk"))
        return self.filter(seen)


class ResidentRequestQuerySet(models.QuerySet["ResidentRequest"]):
    def visible_to(self, actor: Actor) -> "ResidentRequestQuerySet":
        """Those whose case the actor sees."""
        return self.filter(case__in=Case.objects.visible_to(actor))


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, actor: Actor) -> "InvitationQuerySet":
        """One's own, those to activities of teams that one leads, and the division's for those who assign there."""
        return self.filter(
            own("person", actor)
            | Q(activity__team__in=led_teams(actor))
            | within(actor.ranges(Permission.ASSIGN), "activity__division")
        )


class MatchPlanQuerySet(models.QuerySet["MatchPlan"]):
    def visible_to(self, actor: Actor) -> "MatchPlanQuerySet":
        """Plans of the divisions in which one assigns."""
        return self.filter(within(actor.ranges(Permission.ASSIGN)))
