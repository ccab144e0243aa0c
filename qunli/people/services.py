"""What is done to the record of a person: registering, contacts, guardians, consents, looks at what is masked."""

from datetime import date, datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.divisions.models import Division
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people import selectors, wordings
from qunli.people.enums import IdKind, Purpose, Relation, Sex, Suspicion
from qunli.people.erasing import erase
from qunli.people.exporting import export
from qunli.people.identity import age_on, check_birth_date, normal_name, normal_phone, parse_document
from qunli.people.merging import dismiss, find_duplicates, merge, undo
from qunli.people.models import Consent, Duplicate, Guardianship, Person
from qunli.people.perms import Permission, is_self_or_ward, may_edit, may_register, may_unmask
from qunli.people.registry import describe_by, on_erase, on_merge, on_merge_conflict

__all__ = [
    "Unmasked",
    "add_guardian",
    "confirm_own_income",
    "describe_by",
    "dismiss",
    "end_guardianship",
    "end_minority",
    "erase",
    "export",
    "find_duplicates",
    "give_consent",
    "merge",
    "on_erase",
    "on_merge",
    "on_merge_conflict",
    "register",
    "undo",
    "unmask",
    "update_contact",
    "withdraw_consent",
]


def register(
    *,
    name: str,
    id_kind: str,
    id_number: str,
    phone: str,
    sex: str,
    birth_date: date | None,
    division: Division | None,
    by: Actor,
    now: datetime,
) -> Person:
    """A new record. Whoever is signed in registers themselves, a ward or their guardian; officers those of their range.

    Birth date and sex come from the number where it holds them. Raises Refused at its field; code "registered" when the identity is
    known already, with what to do.
    """
    if by.account_id is None and not may_register(by, division.path if division else ""):
        raise Denied(Permission.REGISTER)
    today = local_date(now)
    if id_kind not in IdKind.values:
        raise Refused(_("请选择证件类型。"), code="kind", field="id_kind")
    document = parse_document(id_kind, id_number, today=today)
    born = _agreed_birth_date(document.birth_date, birth_date, today)
    if document.sex and sex and sex != document.sex:
        raise Refused(_("性别与证件号码不一致，请核对。"), code="sex", field="sex")
    sex = document.sex or sex
    if sex and sex not in Sex.values:
        raise Refused(_("请选择性别。"), code="sex", field="sex")
    number = normal_phone(phone)
    person = Person(
        name=normal_name(name),
        sex=sex,
        birth_date=born,
        id_kind=id_kind,
        id_number=document.normal,
        id_digest=selectors.identity_digest(id_kind, document.normal),
        phone=number,
        phone_digest=selectors.phone_digest(number),
        division=division,
    )
    try:
        with transaction.atomic():
            person.save()
            audit.record("people.register", f"person:{person.pk}", by=by, kind=id_kind)
            _suspect(person, today)
    except IntegrityError as error:
        if "person_identity_once" not in str(error):
            raise
        message = _("这个证件号码已经登记过。请直接登录，或联系社区找回账号。")
        raise Refused(message, code="registered", field="id_number") from error
    return person


def _agreed_birth_date(from_number: date | None, given: date | None, today: date) -> date:
    if from_number and given and from_number != given:
        raise Refused(_("出生日期与证件号码不一致，请核对。"), code="birth_date", field="birth_date")
    born = from_number or given
    if born is None:
        raise Refused(_("请填写出生日期，与证件一致。"), code="birth_date", field="birth_date")
    return check_birth_date(born, today=today) if given and not from_number else born


def _suspect(person: Person, today: date) -> None:
    """Remember other records that look like this one."""
    alike = Person.objects.alive().filter(name=person.name, birth_date=person.birth_date).exclude(pk=person.pk)
    suspicions: dict[int, Suspicion] = {}
    if person.division_id:
        for pk, digest in alike.filter(division=person.division_id).values_list("pk", "id_digest")[:20]:
            if digest is None or person.id_digest is None:
                suspicions[pk] = Suspicion.SAME_HOME
    if person.phone_digest:
        suspicions |= dict.fromkeys(
            alike.filter(phone_digest=person.phone_digest).values_list("pk", flat=True)[:20], Suspicion.SAME_CONTACT
        )
    Duplicate.objects.bulk_create(
        [
            Duplicate(one_id=min(pk, person.pk), other_id=max(pk, person.pk), reason=reason, found_on=today)
            for pk, reason in suspicions.items()
        ],
        ignore_conflicts=True,
    )


def update_contact(
    *,
    person: Person,
    by: Actor,
    now: datetime,
    phone: str | None = None,
    email: str | None = None,
    division: Division | None = None,
) -> Person:
    """Change phone, e-mail or where the person lives; what is None stays, an empty e-mail is removed."""
    if not may_edit(by, person):
        raise Denied(Permission.REGISTER)
    if division is not None and division.valid_to is not None and division.valid_to <= local_date(now):
        raise Refused(_("%(name)s 已经失效，请重新选择。") % {"name": division.name}, code="division", field="division")
    with transaction.atomic():
        current = Person.objects.select_for_update(of=("self",)).get(pk=person.pk)
        changed = []
        if phone is not None:
            current.phone = normal_phone(phone)
            current.phone_digest = selectors.phone_digest(current.phone)
            changed.append("phone")
        if email is not None:
            current.email = _normal_email(email)
            changed.append("email")
        if division is not None:
            current.division = division
            changed.append("division")
        current.save()
        audit.record("people.update_contact", f"person:{person.pk}", by=by, changed=changed)
        if phone is not None:
            _suspect(current, local_date(now))
    return current


def _normal_email(text: str) -> str | None:
    text = text.strip()
    if not text:
        return None
    try:
        validate_email(text)
    except ValidationError as error:
        raise Refused(_("这不是电子邮箱地址，请核对，例如 name@example.org。"), code="email", field="email") from error
    return text


def add_guardian(*, minor: Person, guardian: Person, relation: str, by: Actor, now: datetime) -> Guardianship:
    """Name who answers for a minor; naming the same one again changes the relation only."""
    today = local_date(now)
    if minor.pk == guardian.pk:
        raise Refused(_("监护人不能是本人。"), code="guardian", field="guardian")
    if not (may_edit(by, minor) or is_self_or_ward(by, guardian)):
        raise Denied(Permission.REGISTER)
    if minor.birth_date is None or age_on(minor.birth_date, today) >= selectors.ADULT:
        raise Refused(_("%(name)s 已满十八周岁，不用填写监护人。") % {"name": minor.name}, code="adult", field="minor")
    if guardian.birth_date is None or age_on(guardian.birth_date, today) < selectors.ADULT:
        raise Refused(_("监护人应年满十八周岁。"), code="guardian_age", field="guardian")
    if relation not in Relation.values:
        raise Refused(_("请选择与未成年人的关系。"), code="relation", field="relation")
    with transaction.atomic():
        guardianship, _created = Guardianship.objects.update_or_create(
            minor=minor,
            guardian=guardian,
            until=None,
            defaults={"relation": relation},
            create_defaults={"relation": relation, "since": today},
        )
        audit.record("people.add_guardian", f"person:{minor.pk}", by=by, guardian=f"person:{guardian.pk}", relation=relation)
    return guardianship


def end_guardianship(*, guardianship: Guardianship, by: Actor, now: datetime) -> None:
    """The guardian answers no longer; a consent to minors' service that this guardian gave ends with it."""
    if not may_edit(by, guardianship.minor):
        raise Denied(Permission.REGISTER)
    with transaction.atomic():
        Guardianship.objects.filter(pk=guardianship.pk, until=None).update(until=local_date(now))
        given = Consent.objects.filter(person=guardianship.minor, given_by=guardianship.guardian, withdrawn_at=None)
        given.update(withdrawn_at=now)
        facts = {"guardian": f"person:{guardianship.guardian_id}"}
        audit.record("people.end_guardianship", f"person:{guardianship.minor_id}", by=by, **facts)


def end_minority(*, now: datetime) -> int:
    """Whoever is eighteen today answers for themselves: no guardian reaches an adult. Returns how many guardianships ended."""
    today = local_date(now)
    born = today.replace(year=today.year - selectors.ADULT, day=min(today.day, 28) if today.month == 2 else today.day)
    with transaction.atomic():
        ended = list(
            Guardianship.objects.select_for_update(skip_locked=True).filter(until=None, minor__birth_date__lte=born).order_by("pk")
        )
        Guardianship.objects.filter(pk__in=[row.pk for row in ended]).update(until=today)
        audit.record_many(
            [("people.come_of_age", f"person:{row.minor_id}", {"guardian": f"person:{row.guardian_id}"}) for row in ended],
            by=SYSTEM,
        )
    return len(ended)


def confirm_own_income(*, person: Person, by: Actor, now: datetime) -> None:
    """An officer has checked that somebody of 16 or 17 lives on own income: no guardian's consent is needed (Civil Code 18)."""
    if is_self_or_ward(by, person) or not may_register(by, person.division.path if person.division else ""):
        raise Denied(Permission.REGISTER)
    today = local_date(now)
    age = age_on(person.birth_date, today) if person.birth_date else 0
    if not selectors.OWN_INCOME <= age < selectors.ADULT:
        message = _("只有十六、十七周岁、以自己的劳动收入为主要生活来源的人适用。")
        raise Refused(message, code="age", field="self_supporting_on")
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(self_supporting_on=today, self_supporting_by=by.person_id, updated_at=now)
        audit.record("people.confirm_own_income", f"person:{person.pk}", by=by)
    person.refresh_from_db()


def give_consent(
    *, person: Person, purpose: str, by: Actor, now: datetime, wording: str = "", given_by: Person | None = None
) -> Consent:
    """Consent to one purpose, in the wording that was shown (today's when none is named). A consent in force is kept as it is.

    Given by the person; by a guardian for everything under 14, and for the service of minors under 18. `given_by` names the giver
    when an officer enters a consent on paper, or a guardian agrees on the minor's phone.
    """
    if purpose not in Purpose.values:
        raise Refused(_("没有这个同意事项。"), code="purpose", field="purpose")
    if not may_edit(by, person):
        raise Denied(Permission.REGISTER)
    today = local_date(now)
    text = wordings.version_of(purpose, wording) if wording else wordings.current(purpose, today)
    if text is None:
        raise Refused(_("文本版本 %(version)s 不存在，请刷新页面后重试。") % {"version": wording}, code="wording", field="wording")
    giver_id = given_by.pk if given_by else by.person_id or person.pk
    _check_giver(person, purpose, giver_id, today)
    with transaction.atomic():
        consent, created = Consent.objects.get_or_create(
            person=person,
            purpose=purpose,
            withdrawn_at=None,
            defaults={"wording": text.version, "given_by_id": giver_id, "given_at": now},
        )
        if not created and consent.wording != text.version:
            consent.withdrawn_at = now
            consent.save(update_fields=["withdrawn_at"])
            consent = Consent.objects.create(
                person=person, purpose=purpose, wording=text.version, given_by_id=giver_id, given_at=now
            )
            created = True
        if created:
            audit.record("people.give_consent", f"person:{person.pk}", by=by, purpose=purpose, wording=text.version)
    return consent


def _check_giver(person: Person, purpose: str, giver_id: int, today: date) -> None:
    age = age_on(person.birth_date, today) if person.birth_date else selectors.ADULT
    by_guardian = giver_id != person.pk
    if by_guardian and not person.guardianships.filter(guardian_id=giver_id, until=None).exists():
        raise Refused(_("只有本人或登记的监护人可以同意。"), code="giver", field="given_by")
    if not by_guardian and age < selectors.CHILD:
        raise Refused(_("未满十四周岁，由监护人同意（《个人信息保护法》第三十一条）。"), code="guardian", field="given_by")
    if not by_guardian and purpose == Purpose.MINOR:
        raise Refused(_("未成年人参加志愿服务，由监护人同意。"), code="guardian", field="given_by")


def withdraw_consent(*, person: Person, purpose: str, by: Actor, now: datetime) -> bool:
    """Withdraw, without a reason and by one step (PIPL 15). Returns whether there was a consent in force."""
    if not may_edit(by, person):
        raise Denied(Permission.REGISTER)
    with transaction.atomic():
        withdrawn = Consent.objects.filter(person=person, purpose=purpose, withdrawn_at=None).update(withdrawn_at=now)
        if withdrawn:
            audit.record("people.withdraw_consent", f"person:{person.pk}", by=by, purpose=purpose)
    return bool(withdrawn)


class Unmasked(NamedTuple):
    id_number: str
    phone: str
    email: str


def unmask(*, person: Person, reason: str, by: Actor) -> Unmasked:
    """Identity number, phone and e-mail in full. Officers state a reason; every look is in the audit, one's own too."""
    if not may_unmask(by, person):
        raise Denied(Permission.UNMASK)
    reason = " ".join(reason.split())
    if not is_self_or_ward(by, person) and len(reason) < 4:
        raise Refused(_("请写明查看的事由，至少 4 个字；本人和审计员会看到。"), code="reason", field="reason")
    audit.looked("people.identity", f"person:{person.pk}", by=by, reason=reason[:200])
    return Unmasked(person.id_number or "", person.phone or "", person.email or "")
