"""What may be done with hours and proofs, and by whom."""

from enum import StrEnum
from typing import TYPE_CHECKING

from qunli.kernel.actor import Actor

if TYPE_CHECKING:
    from qunli.divisions.models import Division
    from qunli.people.models import Person
    from qunli.service_hours.models import Certificate, Finding, SampleItem, ServiceRecord, StarProposal
    from qunli.volunteering.models import Activity


class Permission(StrEnum):
    SEE = "service_hours.see"
    """See service records and hours, with masked names."""
    RECORD = "service_hours.record"
    """Run the day of an activity: show the code, sign people in and out, set times with a reason, submit the hours."""
    VERIFY = "service_hours.verify"
    """Answer for submitted hours in the organisation's name; correct or uphold them when disputed."""
    VOID = "service_hours.void"
    """Take back hours that were not given or not voluntary; revoke a certificate that was issued in error."""
    INSPECT = "service_hours.inspect"
    """See what the checks against fabricated hours found, with the evidence side by side."""
    JUDGE = "service_hours.judge"
    """Decide on what the checks found, after the reply of the person concerned or the time for it."""
    SAMPLE = "service_hours.sample"
    """Plan a spot check of hours, and publish its results."""
    SPOT_CHECK = "service_hours.spot_check"
    """Look at the drawn records with their evidence and the person's name, and say whether they are right."""
    GRANT_STAR = "service_hours.grant_star"
    """Approve or refuse the stars that the rules leave to the district or county."""
    GRANT_CITY_STAR = "service_hours.grant_city_star"
    """Approve or refuse the stars that the rules leave to the city, and enter what the province decided."""
    ISSUE_CERTIFICATE = "service_hours.issue_certificate"
    """Issue a certificate for another person, and download it."""


def over(actor: Actor, permission: Permission, activity: "Activity") -> bool:
    """`permission` holds over the activity's division or over its team."""
    return actor.has(permission, path=activity.division.path) or actor.has(permission, unit=activity.team.unit)


def may_record(actor: Actor, activity: "Activity") -> bool:
    """The leader of the team, or who works in the division, runs the day and submits its hours."""
    return over(actor, Permission.RECORD, activity)


def may_verify(actor: Actor, record: "ServiceRecord") -> bool:
    """Who answers for the organisation; never for one's own hours (19): a leader's hours go to the level above."""
    return actor.person_id != record.person_id and over(actor, Permission.VERIFY, record.activity)


def may_void(actor: Actor, record: "ServiceRecord") -> bool:
    """Who may take back hours in this division; not one's own, so that nobody tidies up after themselves."""
    return actor.person_id != record.person_id and over(actor, Permission.VOID, record.activity)


def is_own(actor: Actor, record: "ServiceRecord") -> bool:
    """The volunteer confirms and disputes; nobody else does it for them."""
    return actor.person_id is not None and actor.person_id == record.person_id


def may_add_evidence(actor: Actor, record: "ServiceRecord") -> bool:
    """The volunteer, and who runs the day: those who were there."""
    return is_own(actor, record) or over(actor, Permission.RECORD, record.activity)


def may_see_evidence(actor: Actor, record: "ServiceRecord") -> bool:
    """Photos, and whom a message was sent to: besides those who may add it, who verifies, voids or decides on what was found."""
    return (
        may_add_evidence(actor, record)
        or over(actor, Permission.VERIFY, record.activity)
        or over(actor, Permission.VOID, record.activity)
        or actor.has(Permission.JUDGE, path=record.activity.division.path)
    )


def may_enter_duty(actor: Actor, division: "Division") -> bool:
    """Who works in the division; a leader of a team does not."""
    return actor.has(Permission.RECORD, path=division.path)


def may_reply(actor: Actor, finding: "Finding") -> bool:
    """The volunteer whose record it is, and who ran the day: those who know how it was."""
    return is_own(actor, finding.record) or over(actor, Permission.RECORD, finding.record.activity)


def may_judge(actor: Actor, finding: "Finding") -> bool:
    """Who judges over the activity's division; nobody whose record it is, or who recorded, submitted or verified it."""
    record = finding.record
    involved = {record.person_id, record.recorded_by_id, record.submitted_by_id, record.verified_by_id}
    return actor.person_id not in involved - {None} and actor.has(Permission.JUDGE, path=record.activity.division.path)


def may_check(actor: Actor, item: "SampleItem") -> bool:
    """Who spot-checks over the round's division; nobody whose record it is, or who recorded, submitted or verified it."""
    record = item.record
    involved = {record.person_id, record.recorded_by_id, record.submitted_by_id, record.verified_by_id}
    return actor.person_id not in involved - {None} and actor.has(Permission.SPOT_CHECK, path=item.round.division.path)


STAR_APPROVAL = {"county": Permission.GRANT_STAR}
"""Who decides on a star, by the level that the rules name; every level that is not here is the city's to decide or to enter."""


def may_decide_star(actor: Actor, proposal: "StarProposal") -> bool:
    """Who grants stars of this level where the volunteer belongs; never one's own."""
    permission = STAR_APPROVAL.get(proposal.approval, Permission.GRANT_CITY_STAR)
    return actor.person_id != proposal.person_id and actor.has(permission, path=proposal.division.path)


def may_issue_for(actor: Actor, person: "Person", path: str) -> bool:
    """A person prints their own certificate (办法 15); others by ISSUE_CERTIFICATE over `path`, the volunteer's division."""
    return (actor.person_id is not None and actor.person_id == person.pk) or actor.has(Permission.ISSUE_CERTIFICATE, path=path)


def may_download(actor: Actor, certificate: "Certificate", path: str) -> bool:
    """The owner, and who may issue certificates over `path`, the volunteer's division."""
    return may_issue_for(actor, certificate.person, path)


def may_revoke(actor: Actor, certificate: "Certificate", path: str) -> bool:
    """Who may void hours in the volunteer's division; not one's own certificate."""
    return actor.person_id != certificate.person_id and actor.has(Permission.VOID, path=path)
