"""Numbers of certificates: read back however they are written, and wrong when one character is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.service_hours.numbering import ALPHABET, LENGTH, PREFIX, check_character, grouped, new_number, normal_number

bodies = st.text(ALPHABET, min_size=12, max_size=12).map(lambda random: "2026" + random)
numbers = bodies.map(lambda body: PREFIX + body + check_character(body))


@given(numbers)
def test_read_back(number: str) -> None:
    assert normal_number(number) == number
    assert normal_number(grouped(number)) == number
    assert normal_number(f"  {grouped(number).lower()} ") == number
    assert normal_number("".join(chr(ord(c) + 0xFEE0) for c in number)) == number  # full-width


@given(numbers, st.integers(len(PREFIX), LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_found(number: str, place: int, character: str) -> None:
    altered = number[:place] + character + number[place + 1 :]
    assert (normal_number(altered) is None) == (altered != number)


@given(numbers, st.data())
def test_a_swap_is_found(number: str, data: st.DataObject) -> None:
    places = st.integers(len(PREFIX), LENGTH - 1)
    one, other = data.draw(places), data.draw(places)
    swapped = list(number)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    text = "".join(swapped)
    assert (normal_number(text) is None) == (text != number)


@pytest.mark.parametrize("text", ["", "QL", "QL2026", "51010419900101001X", "QL2026-AAAA", "志愿服务", "QL" + "0" * 40])
def test_what_is_no_number(text: str) -> None:
    assert normal_number(text) is None


def test_random() -> None:
    made = {new_number(2026) for _ in range(2000)}
    assert len(made) == 2000
    assert all(normal_number(number) == number for number in made)
