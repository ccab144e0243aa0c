"""Every row once, in order, forwards and backwards, with NULLs and ties; no cursor but our own."""

from datetime import date
from typing import Any

import pytest
from django.core import signing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.kernel.errors import Refused
from qunli.kernel.pages import SALT, paginate
from qunli.people.models import Person

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["王一", "王二", "李三"]),
        st.one_of(st.none(), st.dates(date(2000, 1, 1), date(2000, 1, 3))),
    ),
    max_size=14,
)
ORDERS = st.sampled_from(
    [
        ("id",),
        ("-id",),
        ("name", "id"),
        ("-name", "id"),
        ("birth_date", "id"),
        ("-birth_date", "id"),
        ("birth_date", "-name", "-id"),
    ]
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, ORDERS, st.integers(1, 5))
def test_walking_there_and_back(rows: list[tuple[str, date | None]], order: tuple[str, ...], size: int) -> None:
    Person.objects.all().delete()
    Person.objects.bulk_create(Person(name=name, birth_date=born) for name, born in rows)
    everyone = [p.pk for p in Person.objects.order_by(*order)]
    pages: list[list[int]] = []
    cursor: str | None = None
    while True:
        page = paginate(Person.objects.all(), order=order, cursor=cursor, size=size)
        pages.append([p.pk for p in page.items])
        assert (page.previous is None) == (cursor is None or not page.items)
        if page.next is None:
            break
        cursor = page.next
    assert [pk for found in pages for pk in found] == everyone
    walked = [pages[-1]]
    while page.previous:
        page = paginate(Person.objects.all(), order=order, cursor=page.previous, size=size)
        walked.insert(0, [p.pk for p in page.items])
        assert page.next
    assert walked == pages


@pytest.mark.django_db
def test_rows_that_come_and_go_disturb_nothing() -> None:
    people = [Person.objects.create(name=f"甲{n}") for n in "一二三四五六"]
    first = paginate(Person.objects.all(), order=("id",), cursor=None, size=3)
    people[0].delete()
    people[2].delete()
    second = paginate(Person.objects.all(), order=("id",), cursor=first.next, size=3)
    assert [p.pk for p in second.items] == [p.pk for p in people[3:]]


@pytest.mark.django_db
def test_an_order_may_cross_relations() -> None:
    kept = Person.objects.create(name="乙")
    for name in ("甲一", "甲二"):
        Person.objects.create(name=name, merged_into=kept)
    page = paginate(Person.objects.filter(merged_into=kept), order=("merged_into__name", "id"), cursor=None, size=1)
    assert [
        p.name for p in paginate(Person.objects.filter(merged_into=kept), order=("merged_into__name", "id"), cursor=page.next).items
    ] == ["甲二"]


def forged(payload: Any) -> str:
    return signing.dumps(payload, salt=SALT)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "a.b.c",
        "é",
        "0" * 5000,
        signing.dumps([["id"], True, [["i", "1"]]], salt="another"),
        forged([["name", "id"], True, [["s", "x"], ["i", "1"]]]),
        forged([["id"], True, [["i", "one"]]]),
        forged([["id"], True, []]),
        forged("text"),
    ],
    ids=[
        "letter",
        "dots",
        "accent",
        "long",
        "other salt",
        "other list",
        "wrong kind",
        "no values",
        "no list",
    ],  # the signatures hold the time
)
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Refused) as refusal:
        paginate(Person.objects.all(), order=("id",), cursor=cursor)
    assert refusal.value.code == "cursor"


@pytest.mark.django_db
def test_an_altered_cursor_is_refused() -> None:
    for name in ("甲", "乙"):
        Person.objects.create(name=name)
    cursor = paginate(Person.objects.all(), order=("id",), cursor=None, size=1).next
    assert cursor
    with pytest.raises(Refused):
        paginate(Person.objects.all(), order=("id",), cursor=cursor[:-1] + ("A" if cursor[-1] != "A" else "B"))
