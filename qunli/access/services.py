"""Granting and ending postings. Nobody grants to oneself, nobody beyond the own range, each is in the audit."""

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qunli.access.models import Posting
from qunli.access.perms import may_grant
from qunli.access.roles import ROLES, grant_permission
from qunli.audit.services import record
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people.models import Person


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


def end_with_person(*, person: Person, by: Actor, now: datetime) -> None:
    """The person asked for deletion: every posting ends today."""
    for posting in Posting.objects.filter(person=person, valid_to=None).select_related("division"):
        end(posting=posting, on=local_date(now), by=SYSTEM, reason="erased")
