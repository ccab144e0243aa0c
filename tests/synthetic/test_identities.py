"""Numbers of the synthetic city are right by their checksums and can be nobody's."""

from datetime import date

import numpy as np
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from qunli.kernel import ciphers
from qunli.people.identity import normal_name, normal_phone, parse_id_number
from qunli.people.selectors import identity_digest, phone_digest
from qunli.synthetic import identities, members, teams
from qunli.synthetic.demonstration import building
from qunli.synthetic.plan import LARGEST, VOLUNTEERS
from qunli.synthetic.rows import day_number
from qunli.volunteering import numbers

LAST = int(VOLUNTEERS * LARGEST)


@given(st.integers(0, 4_999_999), st.dates(date(1937, 1, 1), date(2012, 12, 31)), st.booleans())
def test_identity_numbers_say_birth_and_sex_and_name_no_place(number: int, born: date, female: bool) -> None:
    made = identities.id_numbers(np.array([number]), np.array([day_number(born)]), np.array([female])).tobytes().decode()
    parsed = parse_id_number(made, today=date(2026, 3, 5))
    assert parsed.birth_date == born
    assert parsed.sex == ("f" if female else "m")
    assert made.startswith("00"), "codes of GB/T 2260 begin with 1 to 9"


def test_no_two_persons_have_one_identity_number() -> None:
    count = 200_000
    made = identities.id_numbers(np.arange(count), np.full(count, day_number(date(1980, 6, 1))), np.arange(count) % 2 == 0)
    assert len({row.tobytes() for row in made}) == count


def test_the_demonstration_keeps_clear_of_the_city() -> None:
    last = identities.id_numbers(np.array([VOLUNTEERS]), np.array([0]), np.array([True])).tobytes()
    first = identities.id_numbers(np.array([building.NUMBERS_FROM]), np.array([0]), np.array([True])).tobytes()
    assert last[:6] < first[:6]


@given(st.integers(0, LAST))
def test_phones_are_taken_by_the_form_and_given_to_no_carrier(number: int) -> None:
    made = identities.phones(np.array([number])).tobytes().decode()
    assert normal_phone(made) == made
    assert made.startswith("+86154")
    assert not made.startswith(building.phone_of("")), "the demonstration's own"
    assert not phonenumbers.is_valid_number(phonenumbers.parse(made))


def test_phones_do_not_repeat() -> None:
    made = identities.phones(np.arange(500_000))
    assert len(np.unique(made, axis=0)) == 500_000


def test_names_are_names() -> None:
    female = np.arange(3_000) % 2 == 0
    made, sizes = identities.names(np.random.default_rng(1), female)
    names = [row[:size].tobytes().decode() for row, size in zip(made, sizes, strict=True)]
    assert all(normal_name(name) == name for name in names)
    assert len(set(names)) > 2_000
    assert {len(name) for name in names} >= {2, 3}


@pytest.mark.parametrize("number", [1, 17, 40_282, 99_999_001])
def test_credit_codes_are_right_and_name_no_place(number: int) -> None:
    code = teams.credit_code(number)
    assert uscc.is_valid(code)
    assert code[2:8] == "000000"


@given(st.lists(st.integers(1, LAST), min_size=1, max_size=20))
def test_volunteer_numbers_are_those_of_the_room(keys: list[int]) -> None:
    made = members.volunteer_numbers(np.array(keys), "510100000000")
    assert [row.tobytes().decode() for row in made] == [numbers.make(key, "510100000000") for key in keys]


def test_what_is_sealed_in_bulk_is_read_and_found_one_by_one() -> None:
    rng = np.random.default_rng(1)
    identity = identities.id_numbers(np.arange(5), np.full(5, 100), np.array([True] * 5))
    phone = identities.phones(np.arange(5))
    for kind, texts in (("identity", identity), ("phone", phone)):
        blobs, digests = identities.sealed(rng, texts), identities.digests(kind, texts)
        for text, blob, digest in zip(texts, blobs, digests, strict=True):
            plain = text.tobytes().decode()
            assert ciphers.decrypt(blob.tobytes()) == plain
            expected = identity_digest("resident", plain) if kind == "identity" else phone_digest(plain)
            assert digest.tobytes() == expected
