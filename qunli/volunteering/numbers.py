"""Volunteer numbers: public, checked, and silent about the person.

Fourteen digits: the city's four (GB/T 2260), nine that are a permutation of the row's key (so that two numbers say nothing
about who registered first, and a load in bulk can compute them), and a check digit by ISO 7064 MOD 11,10, which finds every
single wrong digit and nearly every swap of neighbours.
"""

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10

SPACE = 10**9
STRIDE = 618_033_989
"""Odd and no multiple of five, hence a permutation of the nine-digit numbers."""


def make(key: int, city: str) -> str:
    """The number of the volunteer with primary key `key` in the city with the division code `city`."""
    if not 0 < key < SPACE:
        raise ValueError(f"no volunteer number for key {key}")
    body = f"{city[:4]}{key * STRIDE % SPACE:09d}"
    return body + str(mod_11_10.calc_check_digit(body))


def is_valid(number: str) -> bool:
    """Whether the check digit fits."""
    try:
        return len(number) == 14 and bool(mod_11_10.validate(number))
    except ValidationError:
        return False


def shown(number: str) -> str:
    """In groups, as it is read out: 5101 618 033 989 2."""
    return f"{number[:4]} {number[4:7]} {number[7:10]} {number[10:13]} {number[13:]}"
