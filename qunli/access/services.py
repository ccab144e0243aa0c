"""Granting and ending postings. Nobody grants to oneself, nobody beyond the own range, each is in the audit."""

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from qunli.access.models import Posting
from qunli.access.perms import may_grant
from qunli.access.roles import ROLES, grant_permission
from qunli.access.units import division_of_unit, on_unit
from qunli.audit.services import record
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person

__all__ = ["check_merge", "end", "end_of_unit", "end_with_person", "grant", "on_unit"]


def grant(
    *,
    person: Person,
    role: str,
    division: Division,
    valid_from: date,
    by: Actor,
    unit: str = "",
    valid_to: date | None = None,
    reason: str = "",
) -> Posting:
    """Give a person a role over a division from a day on, until before `valid_to`.

    Raises Denied when the actor may not grant this role there, Refused when the role does not fit the place (`role`, `unit`),
    the person holds it already (`person`), the dates are wrong (`valid_to`) or it must be another person (`person`).
    """
    known = ROLES.get(role)
    if known is None:
        raise Refused(_("没有这个角色。"), code="role", field="role")
    if not may_grant(by, role, division.path):
        raise Denied(grant_permission(role), _("授予“%(role)s”") % {"role": known.name})
    if division.level not in known.levels:
        raise Refused(_("“%(role)s”不能在这一级授予。") % {"role": known.name}, code="level", field="division")
    if bool(unit) != known.unit:
        message = _("请指定具体的队伍或单位。") if known.unit else _("这个角色不限于一个队伍或单位。")
        raise Refused(message, code="unit", field="unit")
    if by is not SYSTEM and by.person_id == person.pk:
        raise Refused(_("不能给自己授予角色，请由另一位有权限的同事办理。"), code="oneself", field="person")
    if unit:
        _check_unit(unit, division)
    posting = Posting(
        person=person,
        role=role,
        division=division,
        unit=unit,
        valid_from=valid_from,
        valid_to=valid_to,
        granted_by_id=by.person_id,
        reason=reason,
    )
    try:
        with transaction.atomic():
            posting.save()
            record("access.grant", f"person:{person.pk}", by=by, role=role, division=division.code, unit=unit, posting=posting.pk)
    except IntegrityError as error:
        raise _refusal(posting, error) from error
    return posting


def _check_unit(unit: str, division: Division) -> None:
    """The unit is what counts in the end, so it must be one, and stand in the division over which the granter may grant."""
    place = division_of_unit(unit)
    if place is None:
        raise Refused(_("没有这个队伍或单位，请核对编号，例如 team:42。"), code="unit_unknown", field="unit")
    if not place.path.startswith(division.path):
        raise Refused(_("这个队伍或单位不在所选的任职区划里。"), code="unit_elsewhere", field="unit")


def _refusal(posting: Posting, error: IntegrityError) -> Refused:
    """The message of the constraint that the database named."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    fields = {"posting_dates": "valid_to"}
    for constraint in Posting._meta.constraints:
        if constraint.name == name:
            message: Any = constraint.violation_error_message
            return Refused(message, code=str(name), field=fields.get(str(name), "person"))
    raise error


def end(*, posting: Posting, on: date, by: Actor, reason: str = "") -> None:
    """End a posting: from the day `on` it no longer holds. Raises Denied, or Refused when it has ended before (`posting`)."""
    if not (may_grant(by, posting.role, posting.division.path)):
        known = ROLES.get(posting.role)
        raise Denied(grant_permission(posting.role), _("结束“%(role)s”") % {"role": known.name if known else posting.role})
    if by is not SYSTEM and by.person_id == posting.person_id:
        raise Refused(_("不能结束自己的任职，请由另一位有权限的同事办理。"), code="oneself", field="posting")
    with transaction.atomic():
        locked = Posting.objects.select_for_update().get(pk=posting.pk)
        if locked.valid_to is not None and locked.valid_to <= on:
            raise Refused(_("这项任职已经结束。"), code="ended", field="posting")
        locked.valid_to = max(on, locked.valid_from)
        locked.save(update_fields=["valid_to"])
        record(
            "access.end", f"person:{locked.person_id}", by=by, role=locked.role, posting=locked.pk, on=on.isoformat(), reason=reason
        )
    posting.valid_to = locked.valid_to


def end_of_unit(*, unit: str, role: str, on: date, reason: str = "") -> None:
    """The unit is no more, and so is `role` over it, however its holders came by it. The caller has checked who asks."""
    for posting in (
        Posting.objects.filter(unit=unit, role=role).filter(Q(valid_to=None) | Q(valid_to__gt=on)).select_related("division")
    ):
        end(posting=posting, on=on, by=SYSTEM, reason=reason)


def end_with_person(*, person: Person, by: Actor, now: datetime) -> None:
    """The person asked for deletion: every posting ends today. Raises Denied when another erases who is not theirs to dismiss."""
    if by.person_id != person.pk:
        _check_appointed(person, by, now, _("注销任职人员的档案"))
    for posting in Posting.objects.filter(person=person, valid_to=None).select_related("division"):
        end(posting=posting, on=local_date(now), by=SYSTEM, reason="erased")


def check_merge(*, kept: Person, gone: Person, by: Actor, now: datetime) -> None:
    """A merge moves postings, accounts and keys: so whoever merges must be able to grant what either holds. Raises Denied."""
    for person in (kept, gone):
        _check_appointed(person, by, now, _("合并任职人员的档案"))


def _check_appointed(person: Person, by: Actor, now: datetime, tried: str) -> None:
    """Roles that the system alone gives (volunteer) are nobody's appointment."""
    held = Posting.objects.filter(Q(valid_to=None) | Q(valid_to__gt=local_date(now)), person=person).select_related("division")
    for posting in held:
        known = ROLES.get(posting.role)
        appointed = known is None or known.granted_by or known.second_factor
        if appointed and not may_grant(by, posting.role, posting.division.path):
            raise Denied(grant_permission(posting.role), tried)
