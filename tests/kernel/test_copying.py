"""Bulk rows: all of the good ones, and every bad one by its place."""

from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunli.divisions.models import Division
from qunli.kernel.copying import copy_rows, upsert

COLUMNS = ("code", "name", "level", "kind", "path", "initials", "pinyin", "approximate", "valid_from")
pytestmark = pytest.mark.django_db


def row(number: int, **other: Any) -> list[Any]:
    code = f"9900{number:08d}"
    values = (
        dict(zip(COLUMNS, [code, f"区{number}", 2, "district", f"{code}/", "", "", False, date(2026, 1, 1)], strict=True)) | other
    )
    return [values[name] for name in COLUMNS]


def put(rows: list[list[Any]]) -> Any:
    with transaction.atomic():
        return upsert(connection, "divisions_division", COLUMNS, rows, conflict=("code",), where="valid_to IS NULL")


def test_copy_in_text_and_binary() -> None:
    assert copy_rows(connection, "divisions_division", COLUMNS, (row(n) for n in range(5))) == 5
    types = ["varchar", "varchar", "int2", "varchar", "varchar", "varchar", "varchar", "bool", "date"]
    assert copy_rows(connection, "divisions_division", COLUMNS, (row(n) for n in range(5, 9)), types=types) == 4
    assert Division.objects.filter(code__startswith="9900").count() == 9


def test_insert_then_update() -> None:
    assert put([row(1), row(2)]).written == 2
    outcome = put([row(2, name="新名"), row(3)])
    assert (outcome.written, outcome.errors) == (2, [])
    assert sorted(Division.objects.filter(code__startswith="9900").values_list("name", flat=True)) == ["区1", "区3", "新名"]


def test_bad_rows_are_named_and_good_ones_written() -> None:
    rows = [
        row(1),
        row(2, code="short"),
        row(3, level="two"),
        row(4, name=None),
        row(5, name="长" * 80),
        row(1, name="again"),
        row(6),
        row(7, valid_from="2026-02-30"),
    ]
    outcome = put(rows)
    assert outcome.written == 2
    assert [error.row for error in outcome.errors] == [1, 2, 3, 4, 5, 7]
    by_row = {error.row: error for error in outcome.errors}
    assert "division_code_form" in by_row[1].message
    assert by_row[3].field == "name"
    assert "不能为空" in by_row[3].message
    assert "第 1 行重复" in by_row[5].message
    assert Division.objects.filter(code__startswith="9900").count() == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.booleans(), max_size=30))
def test_exactly_the_bad_ones_are_reported(good: list[bool]) -> None:
    Division.objects.filter(code__startswith="9900").delete()
    outcome = put([row(n, **({} if fine else {"level": -1})) for n, fine in enumerate(good)])
    assert [error.row for error in outcome.errors] == [n for n, fine in enumerate(good) if not fine]
    assert outcome.written == sum(good) == Division.objects.filter(code__startswith="9900").count()
