"""Numbers of cases: the day of receipt, six random digits and a check digit (ISO 7064 MOD 11,10), to be read out on the phone."""

import secrets
from datetime import date

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10


def make(day: date) -> str:
    """A fresh number; the caller tries again in the rare case that it is taken."""
    return number_of(day, secrets.randbelow(10**6))


def number_of(day: date, serial: int) -> str:
    """The number of the day with these six digits."""
    body = f"{day:%Y%m%d}{serial:06d}"
    return body + str(mod_11_10.calc_check_digit(body))


def normal(text: str) -> str | None:
    """What was typed, without spaces; None when it is no number of a case."""
    plain = "".join(text.split())
    try:
        return plain if len(plain) == 15 and plain.isascii() and plain.isdecimal() and mod_11_10.validate(plain) else None
    except ValidationError:
        return None


def shown(number: str) -> str:
    """In groups: 2026 1124 0384 712."""
    return f"{number[:4]} {number[4:8]} {number[8:12]} {number[12:]}"
