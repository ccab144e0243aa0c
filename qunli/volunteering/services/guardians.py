"""A minor's guardian agrees by a one-time code that goes to the guardian's own phone; nothing on the minor's device will do.

Under 14 the guardian consents to all of it (PIPL 31); from 14 to 17 to the service, but not for those of 16 and 17 on own income.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from qunli.accounts import services as accounts
from qunli.accounts.models import Account, CodePurpose
from qunli.kernel.actor import SYSTEM, Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.people import selectors as people_selectors
from qunli.people import services as people
from qunli.people.identity import age_on, normal_name, normal_phone, parse_document
from qunli.people.models import Person


@dataclass(frozen=True)
class GuardianAnswers:
    name: str
    id_kind: str
    id_number: str
    phone: str
    relation: str
    code: str = ""
    """What the guardian got by SMS (`ask_guardian`) and gives to agree (PIPL 31, 《志愿服务条例》)."""


def guardian_needed(*, person: Person | None, birth_date: date | None, today: date) -> bool:
    """Whether a guardian must agree before registering: not for adults, nor where a guardian's consent is in force."""
    if person is not None and person.birth_date is not None:
        return people_selectors.missing_for_minor(person, today)
    return birth_date is not None and age_on(birth_date, today) < people_selectors.ADULT


def ask_guardian(*, account: Account, name: str, answers: GuardianAnswers, now: datetime) -> str:
    """Send the guardian of `name` the code that agrees, and return the phone. Raises Refused at a field `guardian_...`."""
    try:
        _known_guardian(answers, account, now)
        text = _(
            "%(name)s 申请登记为志愿者，参加志愿服务，请您作为监护人决定。"
            "同意，请在登记页面填写验证码 %%(code)s（%%(minutes)s 分钟内有效）；不同意，不用理会。"
        ) % {"name": normal_name(name)}
        return accounts.send_code(phone=answers.phone, purpose=CodePurpose.GUARDIAN, text=text, now=now)
    except Refused as refused:
        raise _at_guardian(refused) from refused


def right_guardian_code(answers: GuardianAnswers | None, *, now: datetime) -> int | None:
    """The id of the guardian's code when it is right, for `settle_guardian`. Counts a try: call it outside of a transaction."""
    if answers is None or not answers.code:
        return None
    try:
        return accounts.right_code(phone=answers.phone, purpose=CodePurpose.GUARDIAN, code=answers.code, now=now)
    except Refused as refused:
        raise _at_guardian(refused) from refused


def settle_guardian(
    *, person: Person, account: Account, answers: GuardianAnswers | None, code: int | None, by: Actor, now: datetime
) -> Person:
    """The minor's guardian, whose consent is in force already or is given now by the code. Raises Refused at `guardian_...`.

    SYSTEM brings in registrations that were agreed to on paper, without a code.
    """
    consented = people_selectors.minors_consent(person)
    if consented is not None:
        return consented.given_by
    if answers is None:
        raise Refused(_("未满十八周岁，需要监护人同意。请填写监护人信息。"), code="guardian", field="guardian_name")
    try:
        guardian = _known_guardian(answers, account, now)
        if by is not SYSTEM and (code is None or not accounts.spend_code(code, now=now)):
            raise Refused(accounts.WRONG_CODE, code="guardian_code", field="guardian_code")
        if guardian is None:
            guardian = people.register(
                name=answers.name,
                id_kind=answers.id_kind,
                id_number=answers.id_number,
                phone=answers.phone,
                sex="",
                birth_date=None,
                division=person.division,
                by=by,
                now=now,
            )
        if guardian.pk == person.pk:
            raise Refused(_("监护人不能是本人。"), code="guardian_age", field="id_number")
        people.add_guardian(minor=person, guardian=guardian, relation=answers.relation, by=by, now=now)
    except Refused as refused:
        raise _at_guardian(refused) from refused
    return guardian


def _known_guardian(answers: GuardianAnswers, account: Account, now: datetime) -> Person | None:
    """The guardian's record if there is one. Raises Refused for a child, a phone that is not the guardian's, or the minor's own."""
    phone = normal_phone(answers.phone)
    if account.phone_digest and bytes(account.phone_digest) == people_selectors.phone_digest(phone):
        message = _("请填写监护人自己的手机号码，不能与您登录的号码相同：验证码要由监护人收到。")
        raise Refused(message, code="guardian_phone", field="phone")
    found = people_selectors.find_by_identity(answers.id_kind, answers.id_number)
    if found is not None and bytes(found.phone_digest or b"") != people_selectors.phone_digest(phone):
        raise Refused(_("监护人的手机号码与档案不一致，请核对。"), code="guardian_phone", field="phone")
    born = found.birth_date if found is not None else parse_document(answers.id_kind, answers.id_number).birth_date
    if born is None:
        raise Refused(_("这种证件号码不含出生日期，请监护人先到社区登记。"), code="guardian_birth_date", field="id_number")
    if age_on(born, local_date(now)) < people_selectors.ADULT:
        raise Refused(_("监护人应年满十八周岁，且不是本人。"), code="guardian_age", field="id_number")
    return found


def _at_guardian(refused: Refused) -> Refused:
    """The same refusal, at the field of the guardian's that it is about."""
    field = refused.field
    if field and not field.startswith("guardian"):
        field = f"guardian_{field}"
    return Refused(refused.message, code=refused.code, field=field)
