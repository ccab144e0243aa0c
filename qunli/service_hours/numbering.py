"""The number of a certificate: "QL", the year, twelve random characters and one check character.

31 characters are used (no I, L, O, U, Z), a prime, so that a weighted sum modulo 31 finds every single wrong character and
every swap of two. The random part has 59 bits: numbers cannot be guessed from one another, nor counted through.
"""

import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXY"
PREFIX = "QL"
RANDOM = 12
LENGTH = len(PREFIX) + 4 + RANDOM + 1

_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_LOOKALIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_number(year: int) -> str:
    """A fresh number, as it is stored: without separators."""
    body = f"{year:04d}" + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    return PREFIX + body + check_character(body)


def check_character(body: str) -> str:
    """The character that makes the weighted sum of `body` and itself 0 modulo 31."""
    total = sum(weight * _VALUE[character] for weight, character in enumerate(body, start=2))
    return ALPHABET[-total % 31]


def normal_number(text: str) -> str | None:
    """The stored form of what somebody typed or scanned (spaces, hyphens, full-width, look-alikes); None when it is no number."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())
    if len(plain) != LENGTH or not plain.startswith(PREFIX):
        return None
    body = plain[len(PREFIX) :].translate(_LOOKALIKE)
    if any(character not in _VALUE for character in body) or check_character(body[:-1]) != body[-1]:
        return None
    return PREFIX + body


def grouped(number: str) -> str:
    """As people read it: QL2026-7K3M-9QAB-XY12-4."""
    head, body = number[:6], number[6:]
    return "-".join([head, *(body[i : i + 4] for i in range(0, RANDOM, 4)), body[RANDOM:]])
