"""What of this room an actor may see: one filter for lists and details."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from qunli.kernel.actor import Actor
from qunli.service_hours.enums import EntryKind
from qunli.service_hours.perms import STAR_APPROVAL, Permission

if TYPE_CHECKING:
    from qunli.service_hours.models import (  # noqa: F401
        Certificate,
        DutyShift,
        Finding,
        HourEntry,
        SampleItem,
        SamplingRound,
        ServiceRecord,
        StarEntry,
        StarProposal,
    )

SEEING = (Permission.SEE, Permission.RECORD, Permission.VERIFY, Permission.VOID)
"""Each of these lets an actor see the records in its range."""


INSPECTING = (Permission.INSPECT, Permission.JUDGE)


def evidence(prefix: str = "", *, absent: frozenset[str] = frozenset()) -> list["models.Prefetch[Any]"]:
    """What `integrity.evidence` and the pages read beside a record (at the lookup `prefix`), fetched with the rows.

    Nothing is asked of the database for the kinds that are known to be `absent`.
    """
    from qunli.service_hours.models import LateStatement, Photo, ServedRecord

    rows: dict[str, models.QuerySet[Any]] = {
        "photos": Photo.objects.select_related("attachment").order_by("pk"),
        "late_statements": LateStatement.objects.all(),
        "served": ServedRecord.objects.select_related("statement").order_by("-statement"),
    }
    return [models.Prefetch(prefix + name, found.none() if name in absent else found) for name, found in rows.items()]


CHECKING = (Permission.SAMPLE, Permission.SPOT_CHECK)


def own(actor: Actor) -> Q:
    return Q(person=actor.person_id) if actor.person_id is not None else Q(pk__in=[])


def in_reach(actor: Actor, permissions: tuple[Permission, ...], activity: str) -> Q:
    """Rows whose activity (at the lookup `activity`; "" for itself) is of a division or team that one of `permissions` reaches."""
    lookup = f"{activity}__" if activity else ""
    reach = Q(pk__in=[])
    for permission in permissions:
        for prefix in actor.ranges(permission):
            if prefix == "":
                return Q()
            reach |= Q(**{f"{lookup}division__path__startswith": prefix})
        teams = [int(unit.removeprefix("team:")) for unit in actor.units(permission) if unit.startswith("team:")]
        if teams:
            reach |= Q(**{f"{lookup}team__in": teams})
    return reach


class RecordQuerySet(models.QuerySet["ServiceRecord"]):
    def visible_to(self, actor: Actor) -> "RecordQuerySet":
        """One's own records, and those of the activities that the actor leads, verifies or supervises."""
        return self.filter(own(actor) | in_reach(actor, SEEING, "activity"))

    def within_reach(self, actor: Actor, permission: Permission) -> "RecordQuerySet":
        """Records on which the actor may use `permission`."""
        return self.filter(in_reach(actor, (permission,), "activity"))


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, actor: Actor) -> "FindingQuerySet":
        """About one's own records; those of the days that the actor runs; those in the reach of who inspects or judges."""
        own_record = Q(record__person=actor.person_id) if actor.person_id is not None else Q(pk__in=[])
        return self.filter(own_record | in_reach(actor, (*INSPECTING, Permission.RECORD), "record__activity"))

    def inspected_by(self, actor: Actor) -> "FindingQuerySet":
        """Those in the reach of who inspects or judges."""
        return self.filter(in_reach(actor, INSPECTING, "record__activity"))


class DutyQuerySet(models.QuerySet["DutyShift"]):
    def visible_to(self, actor: Actor) -> "DutyQuerySet":
        """One's own shifts, and those at divisions where the actor works."""
        reach = own(actor)
        for prefix in actor.ranges(Permission.RECORD):
            reach |= Q(division__path__startswith=prefix)
        return self.filter(reach)


class EntryQuerySet(models.QuerySet["HourEntry"]):
    def visible_to(self, actor: Actor) -> "EntryQuerySet":
        """One's own entries, and those of the records that the actor may see."""
        return self.filter(own(actor) | in_reach(actor, SEEING, "record__activity"))

    def live(self) -> "EntryQuerySet":
        """Earned and not reversed."""
        return self.filter(kind=EntryKind.EARNED, reversed_by=None)


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def visible_to(self, actor: Actor) -> "CertificateQuerySet":
        """One's own; and those of volunteers in a division where the actor may issue or void."""
        reach = Q(pk__in=[])
        for permission in (Permission.ISSUE_CERTIFICATE, Permission.VOID):
            for prefix in actor.ranges(permission):
                reach |= Q(person__volunteer__division__path__startswith=prefix)
        return self.filter(own(actor) | reach)


def _of_rounds(actor: Actor, lookup: str) -> Q:
    reach = Q(pk__in=[])
    for permission in CHECKING:
        for prefix in actor.ranges(permission):
            reach |= Q(**{f"{lookup}division__path__startswith": prefix})
    return reach


class RoundQuerySet(models.QuerySet["SamplingRound"]):
    def visible_to(self, actor: Actor) -> "RoundQuerySet":
        """Rounds of the divisions where the actor plans spot checks or makes them."""
        return self.filter(_of_rounds(actor, ""))

    def published(self) -> "RoundQuerySet":
        """Closed: what they say is public."""
        return self.filter(state="closed")


class ItemQuerySet(models.QuerySet["SampleItem"]):
    def visible_to(self, actor: Actor) -> "ItemQuerySet":
        """What was drawn in the rounds that the actor may see."""
        return self.filter(_of_rounds(actor, "round__"))


GRANTING = (Permission.GRANT_STAR, Permission.GRANT_CITY_STAR)


class StarProposalQuerySet(models.QuerySet["StarProposal"]):
    def visible_to(self, actor: Actor) -> "StarProposalQuerySet":
        """About oneself; and those of volunteers where the actor grants stars of any level."""
        reach = own(actor)
        for permission in GRANTING:
            for prefix in actor.ranges(permission):
                reach |= Q(division__path__startswith=prefix)
        return self.filter(reach)

    def decided_by(self, actor: Actor) -> "StarProposalQuerySet":
        """Those on which the actor decides: of the level and of the place; not one's own."""
        reach = Q(pk__in=[])
        for permission in GRANTING:
            levels = [level for level, needed in STAR_APPROVAL.items() if needed == permission]
            of_level = Q(approval__in=levels) if levels else ~Q(approval__in=list(STAR_APPROVAL))
            for prefix in actor.ranges(permission):
                reach |= of_level & Q(division__path__startswith=prefix)
        return self.filter(reach & ~own(actor) if actor.person_id is not None else reach)


class StarEntryQuerySet(models.QuerySet["StarEntry"]):
    def live(self) -> "StarEntryQuerySet":
        """Granted and not taken back."""
        return self.filter(kind="granted", reversed_by=None)
