"""Becoming a volunteer: three screens, saved in between; the result is one person, one volunteer, one number for good."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from qunli.access import services as access
from qunli.access.selectors import actor_of
from qunli.accounts import services as accounts
from qunli.accounts.models import Account
from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.kernel.lists import listed
from qunli.notices import services as notices
from qunli.people import selectors as people_selectors
from qunli.people import services as people
from qunli.people.enums import IdKind, Purpose
from qunli.people.models import Person
from qunli.volunteering import numbers
from qunli.volunteering.enums import Category, Skill
from qunli.volunteering.models import Membership, RegistrationDraft, SignUp, Volunteer
from qunli.volunteering.perms import Permission, may_manage_volunteer
from qunli.volunteering.services.guardians import GuardianAnswers, right_guardian_code, settle_guardian
from qunli.volunteering.services.sign_ups import cancel_sign_up
from qunli.volunteering.services.teams import leave
from qunli.volunteering.states import VOLUNTEER

FREE_TIMES = 21
ROLE = "volunteer"


@dataclass(frozen=True)
class RegistrationAnswers:
    """What the three screens ask. Identity is empty for an account whose person is known already."""

    division: Division
    skills: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    free_times: int = 0
    """21 bits: Monday morning, afternoon, evening, Tuesday morning, ..."""
    consents: frozenset[str] = frozenset()
    name: str = ""
    id_kind: str = IdKind.RESIDENT
    id_number: str = ""
    sex: str = ""
    birth_date: date | None = None
    """Only for documents whose number does not hold them."""
    phone: str = ""
    guardian: GuardianAnswers | None = None


def save_draft(*, account: Account, step: int, answers: dict[str, Any]) -> RegistrationDraft:
    """Keep what was answered so far, encrypted; `step` is the screen to go on with."""
    draft, _created = RegistrationDraft.objects.update_or_create(
        account=account, defaults={"step": step, "answers": json.dumps(answers, ensure_ascii=False)}
    )
    return draft


def drop_draft(*, account: Account) -> None:
    """Throw a begun registration away."""
    RegistrationDraft.objects.filter(account=account).delete()


def register(*, account: Account, answers: RegistrationAnswers, by: Actor, now: datetime) -> Volunteer:
    """Make the account's person a volunteer. Who was one before gets the old number and hours back.

    Raises Refused at the field: identity, guardian, consents, or code "registered" when the person is a volunteer already.
    """
    if not by.has(Permission.REGISTER) or (by is not SYSTEM and by.account_id != account.pk):
        raise Denied(Permission.REGISTER)
    missing = {Purpose.REGISTRATION, Purpose.IDENTITY} - set(answers.consents)
    if missing:
        raise Refused(_("登记需要您同意处理登记信息和证件号码。请先阅读并勾选。"), code="consents", field="consents")
    code = right_guardian_code(answers.guardian, now=now)
    with transaction.atomic():
        # One account registers once at a time, a double click finds the volunteer there.
        account = Account.objects.select_for_update().get(pk=account.pk)
        person = _person(account, answers, by, now)
        if by is not SYSTEM:
            # The account has its person only now; what follows is done as that person.
            by = actor_of(account, local_date(now))
            if account.language != settings.LANGUAGE_CODE:
                notices.set_preferences(person_id=person.pk, by=by, language=account.language)
        if person.birth_date is None:
            raise Refused(_("请填写出生日期。"), code="birth_date", field="birth_date")
        guardian = None
        if not people_selectors.counts_as_adult(person, local_date(now)):
            guardian = settle_guardian(person=person, account=account, answers=answers.guardian, code=code, by=by, now=now)
        for purpose in sorted(answers.consents):
            people.give_consent(person=person, purpose=purpose, given_by=guardian or person, by=by, now=now)
        if guardian is not None:
            people.give_consent(person=person, purpose=Purpose.MINOR, given_by=guardian, by=by, now=now)
        volunteer = _volunteer(person, answers, by, now)
        access.grant(
            person=person,
            role=ROLE,
            division=volunteer.division,
            valid_from=local_date(now),
            reason=f"volunteer:{volunteer.pk}",
            by=SYSTEM,
        )
        drop_draft(account=account)
        notices.tell([person.pk], "volunteering/registered", url="/volunteer/", number=numbers.shown(volunteer.number))
        if guardian is not None:
            notices.tell([guardian.pk], "volunteering/guardian_agreed", url="/people/me", sms=True, number=volunteer.number)
    return volunteer


def change_profile(
    *, volunteer: Volunteer, division: Division, skills: list[str], categories: list[str], free_times: int, by: Actor, now: datetime
) -> None:
    """Change what one offers: area, skills, categories, free times."""
    if not by.has(Permission.REGISTER) or by.person_id != volunteer.person_id:
        raise Denied(Permission.REGISTER)
    with transaction.atomic():
        current = Volunteer.objects.select_for_update().get(pk=volunteer.pk)
        current.division, current.skills, current.categories = division, _known(skills, Skill), _known(categories, Category)
        current.free_times = _free_times(free_times)
        current.save(update_fields=["division", "skills", "categories", "free_times"])
        audit.record("volunteering.change_profile", f"volunteer:{volunteer.pk}", by=by)
    volunteer.refresh_from_db()


def deregister(*, volunteer: Volunteer, by: Actor, now: datetime) -> None:
    """The person's own wish: future sign-ups are given back, teams left, the posting ended; records, number and hours are kept."""
    if not by.has(Permission.REGISTER) or (by is not SYSTEM and by.person_id != volunteer.person_id):
        raise Denied(Permission.REGISTER)
    with transaction.atomic():
        for sign_up in SignUp.objects.filter(
            person=volunteer.person_id, state__in=["confirmed", "waiting"], activity__starts_at__gt=now
        ).order_by("activity_id"):
            cancel_sign_up(sign_up=sign_up, by=by, now=now)
        for membership in Membership.objects.filter(volunteer=volunteer, state__in=["applied", "active"]).order_by("team_id"):
            leave(membership=membership, by=by, now=now)
        _step(volunteer, "deregister", by)
        for posting in volunteer.person.postings.filter(role=ROLE, valid_to=None):
            access.end(posting=posting, on=local_date(now), by=SYSTEM)
    volunteer.refresh_from_db()


def end_with_person(*, person: Person, by: Actor, now: datetime) -> None:
    """The person asked for deletion: as `deregister`, whoever carries it out."""
    volunteer = Volunteer.objects.filter(person=person).exclude(state="deregistered").first()
    if volunteer is not None:
        deregister(volunteer=volunteer, by=SYSTEM, now=now)


def suspend(*, volunteer: Volunteer, reason: str, by: Actor, now: datetime) -> None:
    """Repeated no-shows, or an inquiry under way: no new sign-ups until restored."""
    if not reason.strip():
        raise Refused(_("请写明暂停的原因，本人会看到。"), code="reason", field="reason")
    if not may_manage_volunteer(by, volunteer):
        raise Denied(Permission.MANAGE_VOLUNTEERS)
    with transaction.atomic():
        _step(volunteer, "suspend", by, reason=reason)
        Volunteer.objects.filter(pk=volunteer.pk).update(suspended_since=now)
        notices.tell([volunteer.person_id], "volunteering/suspended", url="/volunteer/", reason=reason)
    volunteer.refresh_from_db()


def restore(*, volunteer: Volunteer, by: Actor, now: datetime) -> None:
    """The reason of the suspension is gone."""
    if not may_manage_volunteer(by, volunteer):
        raise Denied(Permission.MANAGE_VOLUNTEERS)
    with transaction.atomic():
        _step(volunteer, "restore", by)
        Volunteer.objects.filter(pk=volunteer.pk).update(suspended_since=None)
        notices.tell([volunteer.person_id], "volunteering/restored", url="/volunteer/")
    volunteer.refresh_from_db()


def _step(volunteer: Volunteer, verb: str, by: Actor, **facts: str) -> None:
    current = Volunteer.objects.select_for_update().get(pk=volunteer.pk)
    current.state = VOLUNTEER.target(verb, current.state)
    current.save(update_fields=["state"])
    audit.record(f"volunteering.{verb}", f"volunteer:{volunteer.pk}", by=by, **facts)


def _person(account: Account, answers: RegistrationAnswers, by: Actor, now: datetime) -> Person:
    """The account's person; a person found by identity whose phone is the account's verified one; or a new person."""
    known = account.person
    if known is not None and known.id_digest is not None:
        return known
    found = people_selectors.find_by_identity(answers.id_kind, answers.id_number)
    if found is not None:
        if known is not None and found.pk != known.pk:
            raise Refused(
                _("这个证件号码已登记在另一份档案里。请带证件到社区核对，由社区合并档案。"), code="registered", field="id_number"
            )
        same_phone = account.phone_verified and account.phone_digest and found.phone_digest
        if not same_phone or bytes(account.phone_digest or b"") != bytes(found.phone_digest or b"") or found.accounts.exists():
            raise Refused(_("这个证件号码已经登记过。请直接登录，或联系社区找回账号。"), code="registered", field="id_number")
        person = found
    else:
        person = people.register(
            name=answers.name,
            id_kind=answers.id_kind,
            id_number=answers.id_number,
            phone=answers.phone or account.phone or "",
            sex=answers.sex,
            birth_date=answers.birth_date,
            division=answers.division,
            by=by,
            now=now,
        )
    if account.person_id is None:
        accounts.attach_person(account=account, person=person, by=by)
    elif account.person_id != person.pk:
        # It had a record without an identity, such as a caller's: that stays, the account goes on with the proved one.
        account.person = person
        account.save(update_fields=["person"])
        audit.record("accounts.attach_person", f"account:{account.pk}", by=by, person=person.pk)
    return person


def _volunteer(person: Person, answers: RegistrationAnswers, by: Actor, now: datetime) -> Volunteer:
    offered = {
        "division": answers.division,
        "skills": _known(answers.skills, Skill),
        "categories": _known(answers.categories, Category),
        "free_times": _free_times(answers.free_times),
    }
    volunteer = Volunteer.objects.select_for_update().filter(person=person).first()
    if volunteer is None:
        key = _next_key()
        volunteer = Volunteer.objects.create(
            pk=key, person=person, number=numbers.make(key, settings.CITY_CODE), registered_at=now, **offered
        )
        audit.record("volunteering.register", f"volunteer:{volunteer.pk}", by=by)
        return volunteer
    if volunteer.state != "deregistered":
        raise Refused(
            _("您已经是志愿者，编号 %(number)s，不用再登记。") % {"number": numbers.shown(volunteer.number)}, code="registered"
        )
    verb = "register_again" if volunteer.suspended_since is None else "register_again_suspended"
    volunteer.state = VOLUNTEER.target(verb, volunteer.state)
    for name, value in offered.items():
        setattr(volunteer, name, value)
    volunteer.save(update_fields=["state", *offered])
    audit.record(f"volunteering.{verb}", f"volunteer:{volunteer.pk}", by=by)
    return volunteer


def _next_key() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('volunteering_volunteer', 'id'))")
        return int(cursor.fetchone()[0])


def _known(given: Iterable[str], choices: Any) -> list[str]:
    unknown = set(given) - set(choices.values)
    if unknown:
        raise Refused(
            _("没有这个选项：%(names)s。") % {"names": listed(sorted(unknown))},
            code="choice",
            field="skills" if choices is Skill else "categories",
        )
    return sorted(set(given))


def _free_times(bits: int) -> int:
    if not 0 <= bits < 2**FREE_TIMES:
        raise Refused(_("空闲时间不正确，请重新勾选。"), code="free_times", field="free_times")
    return bits
