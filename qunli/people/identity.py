"""What identity documents, names and phone numbers say. Pure functions; each refusal names its field and what to do.

Numbers: GB 11643-1999 for residents and, in the same form, for residence permits of Hong Kong, Macao (81, 82) and Taiwan (83) and
the foreign permanent residence card of 2023 (9). The place in a number is only a hint: codes change, people move.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import phonenumbers
from django.utils import timezone
from django.utils.translation import gettext as _

from qunli.kernel.clock import local_date
from qunli.kernel.errors import Refused
from qunli.people.enums import IdKind, Sex

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
OLDEST = 130
"""Years: a birth date before that is a typing error."""
LONGEST_NAME = 50
DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅●．.﹒", "·"))
HAN = "\u3400-\u4dbf\u4e00-\u9fff\u3007\U00020000-\U0003ffff"
HAN_NAME = re.compile(rf"[{HAN}]+(?:·[{HAN}]+)*")
LATIN = r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"
LATIN_NAME = re.compile(rf"{LATIN}+(?:(?:\.? |['\-.]){LATIN}+)*\.?")


class IdNumber(NamedTuple):
    birth_date: date
    sex: Sex
    area: str
    """First six digits: where the number was first given. A hint."""
    normal: str


class Document(NamedTuple):
    """What a document of any kind says; a passport's number says nothing of birth and sex."""

    normal: str
    birth_date: date | None
    sex: Sex | None


def parse_id_number(text: str, *, today: date | None = None) -> IdNumber:
    """The parts of an 18-digit number (GB 11643). Raises Refused with field "id_number"."""
    normal = _compact(text)
    if len(normal) == 15 and normal.isdigit():
        raise _refused("old_number", _("这是 15 位的旧号码，2013 年起已停用。请填写现在身份证上的 18 位号码。"))
    if len(normal) != 18:
        raise _refused("length", _("证件号码应为 18 位，现在是 %(n)d 位，请核对。") % {"n": len(normal)})
    if not re.fullmatch(r"[0-9]{17}[0-9X]", normal):
        raise _refused("characters", _("证件号码应为 17 位数字加 1 位数字或字母 X，请核对。"))
    if check_character(normal) != normal[17]:
        raise _refused("checksum", _("证件号码的校验位不对，请逐位核对，常见的是抄错或漏掉一位。"))
    birth_date = _birth_date(normal[6:14], today)
    return IdNumber(birth_date, Sex.MALE if int(normal[16]) % 2 else Sex.FEMALE, normal[:6], normal)


def check_character(number: str) -> str:
    """The 18th character that belongs to the first 17 digits (ISO 7064, MOD 11-2)."""
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(number[:17], WEIGHTS, strict=True)) % 11]


def parse_document(kind: str, text: str, *, today: date | None = None) -> Document:
    """What a document of `kind` says. Raises Refused with field "id_number", or "id_kind" for a number of another kind."""
    normal = _compact(text)
    if kind == IdKind.PASSPORT:
        if not re.fullmatch(r"(?=.*[0-9])[A-Z0-9]{5,12}", normal):
            raise _refused("form", _("护照号码为 5 至 12 位字母和数字，不含空格和符号，请核对。"))
        return Document(normal, None, None)
    if kind == IdKind.PERMANENT_RESIDENCE and len(normal) == 15:
        return _old_permanent(normal, today)
    parsed = parse_id_number(normal, today=today)
    meant = kind_of_number(parsed.normal)
    if meant != kind:
        message = _("这是%(kind)s的号码，请把证件类型改为“%(kind)s”。") % {"kind": meant.label}
        raise Refused(message, code="kind", field="id_kind", kind=str(meant))
    return Document(parsed.normal, parsed.birth_date, parsed.sex)


def kind_of_number(number: str) -> IdKind:
    """Which kind of document an 18-digit number belongs to, by its first digits."""
    if number.startswith(("810000", "820000")):
        return IdKind.HK_MACAO_RESIDENCE
    if number.startswith("830000"):
        return IdKind.TAIWAN_RESIDENCE
    return IdKind.PERMANENT_RESIDENCE if number.startswith("9") else IdKind.RESIDENT


def digest_text(kind: str, number: str) -> str:
    """What is digested to find an identity again: 18-digit numbers stand alone, others carry their kind, as forms collide."""
    return number if len(number) == 18 else f"{kind}:{number}"


def normal_name(text: str) -> str:
    """A name as it is stored: half-width, one kind of dot between the parts of a minority name, single spaces in a Latin one."""
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if re.search(rf"[{HAN}]", name):
        name = name.translate(DOTS).replace(" ", "")
        name = re.sub("·+", "·", name).strip("·")
    else:
        name = name.replace("’", "'")
    if not name:
        raise Refused(_("请填写姓名。"), code="empty", field="name")
    if len(name) > LONGEST_NAME:
        raise Refused(_("姓名最多 50 个字，现在是 %(n)d 个。") % {"n": len(name)}, code="length", field="name")
    if len(name) < 2:
        raise Refused(_("请填写证件上的完整姓名。"), code="length", field="name")
    if not (HAN_NAME.fullmatch(name) or LATIN_NAME.fullmatch(name)):
        message = _("姓名只能用汉字和间隔号“·”，或者拉丁字母；请与证件一致，不要加数字、称呼或其他符号。")
        raise Refused(message, code="characters", field="name")
    return name


def normal_phone(text: str) -> str:
    """A mobile number in E.164, such as +8613800138000. The mainland without prefix; Hong Kong, Macao, Taiwan with theirs."""
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", text), "CN")
    except phonenumbers.NumberParseException as error:
        raise _no_phone() from error
    if number.country_code == 86:
        # The carriers open new ranges faster than any list of them: the form decides.
        good = bool(re.fullmatch(r"1[3-9][0-9]{9}", phonenumbers.national_significant_number(number)))
    else:
        mobile = phonenumbers.number_type(number) in (
            phonenumbers.PhoneNumberType.MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        )
        good = number.country_code in (852, 853, 886) and phonenumbers.is_valid_number(number) and mobile
    if not good:
        raise _no_phone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def age_on(birth_date: date, day: date) -> int:
    """Full years of age. Who is born on 29 February is a year older on 1 March of other years (Civil Code 202)."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def _compact(text: str) -> str:
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()


def _refused(code: str, message: str) -> Refused:
    return Refused(message, code=code, field="id_number")


def _no_phone() -> Refused:
    message = _("请填写 11 位的大陆手机号码；港澳台号码请以 +852、+853 或 +886 开头。")
    return Refused(message, code="phone", field="phone")


def _birth_date(digits: str | Sequence[int], today: date | None) -> date:
    text = "".join(map(str, digits))
    try:
        born = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError as error:
        raise _refused("date", _("号码中的出生日期 %(digits)s 不存在，请核对第 7 至 14 位。") % {"digits": text}) from error
    return check_birth_date(born, field="id_number", today=today)


def check_birth_date(born: date, *, field: str = "birth_date", today: date | None = None) -> date:
    """A birth date that can be one: not in the future, not more than 130 years ago. Raises Refused at `field`."""
    today = today or local_date(timezone.now())
    if born > today:
        raise Refused(_("出生日期 %(date)s 在将来，请核对。") % {"date": born.isoformat()}, code="future", field=field)
    if age_on(born, today) > OLDEST:
        raise Refused(_("出生日期 %(date)s 太早，请核对。") % {"date": born.isoformat()}, code="too_old", field=field)
    return born


def _old_permanent(normal: str, today: date | None) -> Document:
    """The card before 2023: country (3 letters), place (4), birth date (6, years in two digits), two more digits."""
    if not re.fullmatch(r"[A-Z]{3}[0-9]{12}", normal):
        raise _refused("form", _("旧版永久居留证号码为 3 位字母加 12 位数字，请核对。"))
    today = today or local_date(timezone.now())
    digits = normal[7:13]
    century = 2000 if 2000 + int(digits[:2]) <= today.year else 1900
    return Document(normal, _birth_date(f"{century + int(digits[:2])}{digits[2:]}", today), None)
