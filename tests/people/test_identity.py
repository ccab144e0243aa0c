"""Identity numbers, documents, names and phones: what is good is normalised, what is not says why and where."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel.errors import Refused
from qunli.people import identity
from qunli.people.enums import IdKind, Sex

TODAY = date(2026, 11, 24)
BIRTHS = st.dates(date(1900, 1, 1), TODAY)
AREAS = st.integers(110000, 799999).map(str)


def number(area: str, born: date, serial: int) -> str:
    body = f"{area}{born:%Y%m%d}{serial:03d}"
    return body + identity.check_character(body)


@given(AREAS, BIRTHS, st.integers(0, 999))
def test_a_valid_number_says_birth_and_sex(area: str, born: date, serial: int) -> None:
    parsed = identity.parse_id_number(number(area, born, serial), today=TODAY)
    assert parsed.birth_date == born
    assert parsed.sex == (Sex.MALE if serial % 2 else Sex.FEMALE)
    assert parsed.area == area
    assert len(parsed.normal) == 18


@given(AREAS, BIRTHS, st.integers(0, 999), st.data())
def test_one_wrong_digit_or_two_swapped_are_noticed(area: str, born: date, serial: int, data: st.DataObject) -> None:
    good = number(area, born, serial)
    place = data.draw(st.integers(0, 16))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != good[place]]))
    typed = [good[:place] + other + good[place + 1 :]]
    if good[place] != good[place + 1]:
        typed.append(good[:place] + good[place + 1] + good[place] + good[place + 2 :])
    for text in typed:
        with pytest.raises(Refused) as refusal:
            identity.parse_id_number(text, today=TODAY)
        assert refusal.value.field == "id_number"
        assert refusal.value.code in {"checksum", "characters"}


@given(AREAS, BIRTHS, st.integers(0, 999))
def test_spaces_case_and_full_width_forms_do_not_matter(area: str, born: date, serial: int) -> None:
    good = number(area, born, serial)
    spaced = f" {good[:6]} {good[6:14]}-{good[14:]} ".lower()
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in good)
    assert identity.parse_id_number(spaced, today=TODAY).normal == good
    assert identity.parse_id_number(wide, today=TODAY).normal == good


@given(st.text(max_size=25))
def test_anything_else_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.parse_id_number(text, today=TODAY)
    assert refusal.value.field == "id_number"
    assert str(refusal.value.message)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "length"),
        ("110105491231002", "old_number"),
        ("1101051949123100", "length"),
        ("11010519491231002Y", "characters"),
        ("110105194912310021", "checksum"),
        (number("110105", date(2026, 11, 25), 1), "future"),
        (number("110105", date(1890, 1, 1), 1), "too_old"),
        ("110105" + "19490230" + "002" + identity.check_character("11010519490230002"), "date"),
        ("110105" + "19491331" + "002" + identity.check_character("11010519491331002"), "date"),
    ],
)
def test_each_mistake_has_its_own_words(text: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.parse_id_number(text, today=TODAY)
    assert (refusal.value.code, refusal.value.field) == (code, "id_number")


def test_the_standard_s_example() -> None:
    parsed = identity.parse_id_number("11010519491231002x", today=TODAY)
    assert parsed == (date(1949, 12, 31), Sex.FEMALE, "110105", "11010519491231002X")


def test_born_today_is_no_future() -> None:
    assert identity.parse_id_number(number("510104", TODAY, 2), today=TODAY).birth_date == TODAY


@pytest.mark.parametrize(
    ("kind", "area"),
    [
        (IdKind.RESIDENT, "510104"),
        (IdKind.HK_MACAO_RESIDENCE, "810000"),
        (IdKind.HK_MACAO_RESIDENCE, "820000"),
        (IdKind.TAIWAN_RESIDENCE, "830000"),
        (IdKind.PERMANENT_RESIDENCE, "911392"),
    ],
)
def test_each_kind_of_number_belongs_to_its_document(kind: IdKind, area: str) -> None:
    text = number(area, date(1990, 5, 1), 123)
    assert identity.parse_document(kind, text, today=TODAY) == (text, date(1990, 5, 1), Sex.MALE)
    for other in set(IdKind) - {kind, IdKind.PASSPORT}:
        with pytest.raises(Refused) as refusal:
            identity.parse_document(other, text, today=TODAY)
        assert (refusal.value.field, refusal.value.facts["kind"]) == ("id_kind", str(kind))


def test_the_old_permanent_residence_card() -> None:
    assert identity.parse_document("permanent", "can110088010101", today=TODAY).birth_date == date(1988, 1, 1)
    assert identity.parse_document("permanent", "CAN110005010101", today=TODAY).birth_date == date(2005, 1, 1)
    for wrong in ("CAN110088130101", "12A110088010101", "CAN11008801010"):
        with pytest.raises(Refused):
            identity.parse_document("permanent", wrong, today=TODAY)


@pytest.mark.parametrize(("text", "normal"), [("e12345678", "E12345678"), (" E 1234-5678", "E12345678"), ("X1234567", "X1234567")])
def test_passports(text: str, normal: str) -> None:
    assert identity.parse_document("passport", text) == (normal, None, None)


@pytest.mark.parametrize("text", ["", "ABCDEFGH", "E1", "E1234567890123", "护照12345"])
def test_no_passports(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.parse_document("passport", text)
    assert refusal.value.field == "id_number"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("王小明", "王小明"),
        (" 王　小明 ", "王小明"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽．买买提", "阿依古丽·买买提"),
        ("买买提・·吐尔逊", "买买提·吐尔逊"),
        ("Ｊｏｈｎ　Ｓｍｉｔｈ", "John Smith"),
        ("Jean-Luc  O’Brien", "Jean-Luc O'Brien"),
        ("José Ángel", "José Ángel"),
        ("Martin Luther King Jr.", "Martin Luther King Jr."),
        ("㛃𠮷", "㛃𠮷"),
        ("阿" * 50, "阿" * 50),
    ],
)
def test_names(text: str, normal: str) -> None:
    assert identity.normal_name(text) == normal


@pytest.mark.parametrize(
    "text", ["", "  ", "王", "王小明1", "王小明(女)", "@", "阿" * 51, "王·", "😀😀", "小明 Smith", "<b>王五</b>"]
)
def test_no_names(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.normal_name(text)
    assert refusal.value.field == "name"


@given(st.text(max_size=60))
def test_a_normal_name_stays_as_it_is(text: str) -> None:
    try:
        name = identity.normal_name(text)
    except Refused:
        return
    assert identity.normal_name(name) == name
    assert 2 <= len(name) <= 50


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("13800138000", "+8613800138000"),
        (" 138 0013 8000 ", "+8613800138000"),
        ("+86-138-0013-8000", "+8613800138000"),
        ("1３800138000", "+8613800138000"),
        ("19900000001", "+8619900000001"),
        ("+852 5123 4567", "+85251234567"),
        ("+853 6612 3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
    ],
)
def test_phones(text: str, normal: str) -> None:
    assert identity.normal_phone(text) == normal


@pytest.mark.parametrize(
    "text", ["", "12345", "028-86531234", "12800138000", "138001380001", "+1 202 555 0123", "abc", "+852 2123 4567"]
)
def test_no_phones(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.normal_phone(text)
    assert (refusal.value.code, refusal.value.field) == ("phone", "phone")


@given(BIRTHS, st.integers(0, 120))
def test_age_grows_on_the_birthday(born: date, years: int) -> None:
    if (born.month, born.day) == (2, 29):
        birthday = date(born.year + years, 3, 1) if not _leap(born.year + years) else date(born.year + years, 2, 29)
    else:
        birthday = born.replace(year=born.year + years)
    assert identity.age_on(born, birthday) == years
    if birthday > born:
        assert identity.age_on(born, birthday - timedelta(days=1)) == years - 1


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
