"""Rows in PostgreSQL's binary COPY format arrive as they were meant."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from django.db import connection

from qunli.synthetic import rows


@pytest.mark.django_db
def test_all_kinds_of_columns_arrive() -> None:
    number = np.arange(6)
    at = datetime(2026, 3, 5, 1, 30, tzinfo=UTC)
    columns = [
        rows.numbers(number, "i8"),
        rows.numbers(number * 2, "i4", null=number % 2 == 1),
        rows.numbers(number / 4, "f8"),
        rows.numbers(number > 2, "b1"),
        rows.words(number % 3, ["", "玉林", None]),
        rows.text("same"),
        rows.constant(None),
        rows.matrix(np.tile(np.frombuffer(b"abcdef", dtype=np.uint8), (6, 1)), sizes=number + 1),
        rows.numbers(np.full(6, rows.moment(at)), "i8"),
        rows.numbers(np.full(6, rows.day_number(date(2026, 3, 5))), "i4"),
        rows.span(np.full(6, rows.moment(at)), np.full(6, rows.moment(at) + 60 * rows.MINUTE)),
        rows.words(number % 2, [rows.text_array([]), rows.text_array(["急救", "驾驶"])]),
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE kinds (a bigint, b int, c float8, d boolean, e text, f text, g text, h bytea, i timestamptz, j date,"
            " k tstzrange, l varchar[])"
        )
        with cursor.copy("COPY kinds FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(rows.SIGNATURE + rows.encode(columns, 6) + rows.TRAILER)
        cursor.execute("SELECT a, b, c, d, e, f, g, h, i, j, lower(k), upper(k), upper_inc(k), l FROM kinds ORDER BY a")
        found: list[Any] = cursor.fetchall()
    for n, (a, b, c, d, e, f, g, h, i, j, low, high, closed, words) in enumerate(found):
        assert (a, b, c, d) == (n, None if n % 2 else n * 2, n / 4, n > 2)
        assert (e, f, g) == (["", "玉林", None][n % 3], "same", None)
        assert bytes(h) == b"abcdef"[: n + 1]
        assert (i, j) == (at, date(2026, 3, 5))
        assert (low, (high - low).total_seconds(), closed) == (at, 3600, False)
        assert words == [[], ["急救", "驾驶"]][n % 2]
    assert len(found) == 6


def test_nothing_is_encoded_for_no_rows() -> None:
    nobody = np.arange(0)
    assert rows.encode([rows.text("x"), rows.numbers(nobody, "i8"), rows.span(nobody, nobody)], 0) == b""
