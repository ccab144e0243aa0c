"""Rows in bulk: COPY for what is known to be good, an upsert that names every bad row for what comes from outside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.apps import apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CheckConstraint, UniqueConstraint
from django.db.utils import Error as DatabaseError
from django.utils.translation import gettext as _
from psycopg import sql


@dataclass(frozen=True)
class RowError:
    row: int
    """Position in the rows that were given, from 0."""
    field: str | None
    """Column, where the database names one."""
    message: str


@dataclass
class Outcome:
    written: int = 0
    errors: list[RowError] = field(default_factory=list)


def copy_rows(
    connection: BaseDatabaseWrapper,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    types: Sequence[str] | None = None,
) -> int:
    """COPY `rows` into `table`; returns their number. With `types` (PostgreSQL names) the faster binary format is used."""
    with connection.cursor() as cursor:
        return _copy(cursor, sql.Identifier(table), columns, rows, types)


def _copy(
    cursor: Any, table: sql.Composable, columns: Sequence[str], rows: Iterable[Sequence[Any]], types: Sequence[str] | None
) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL("(FORMAT BINARY)" if types else "")
    )
    written = 0
    with cursor.copy(statement) as copy:
        if types:
            copy.set_types(types)
        for row in rows:
            copy.write_row(row)
            written += 1
    return written


def upsert(
    connection: BaseDatabaseWrapper,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    conflict: Sequence[str],
    where: str = "",
    update: Sequence[str] | None = None,
) -> Outcome:
    """Insert `rows`; where `conflict` (the columns of a unique index, `where` its condition) exists already, set `update`.

    Without `update` all other columns are set. Good rows are written and bad ones reported: a batch that fails is halved until the
    bad rows stand alone. The caller decides on the transaction. A key that occurs twice in `rows` is reported at its second place.
    """
    outcome = Outcome()
    places = [columns.index(name) for name in conflict]
    seen: dict[tuple[Any, ...], int] = {}
    good: list[int] = []
    for number, row in enumerate(rows):
        key = tuple(row[place] for place in places)
        first = seen.setdefault(key, number)
        if first == number:
            good.append(number)
        else:
            message = _("与第 %(row)d 行重复，请删去其中一行。") % {"row": first + 1}
            outcome.errors.append(RowError(number, conflict[-1], message))
    changed = [name for name in columns if name not in conflict] if update is None else list(update)
    stage = sql.Identifier("copying_stage")
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    write = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) {} {}").format(
        sql.Identifier(table),
        names,
        names,
        stage,
        sql.SQL(", ").join(map(sql.Identifier, conflict)),
        sql.SQL("WHERE " + where) if where else sql.SQL(""),
        sql.SQL("DO UPDATE SET ")
        + sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in changed)
        if changed
        else sql.SQL("DO NOTHING"),
    )

    def batch(numbers: list[int]) -> None:
        if not numbers:
            return
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                        stage, names, sql.Identifier(table)
                    )
                )
                _copy(cursor, stage, columns, (rows[number] for number in numbers), None)
                cursor.execute(write)
                outcome.written += cursor.rowcount
                cursor.execute(sql.SQL("DROP TABLE {}").format(stage))
        except (DatabaseError, psycopg.Error) as error:
            if len(numbers) == 1:
                column, message = explain(error)
                outcome.errors.append(RowError(numbers[0], column, message))
            else:
                middle = len(numbers) // 2
                batch(numbers[:middle])
                batch(numbers[middle:])

    batch(good)
    outcome.errors.sort(key=lambda e: e.row)
    return outcome


def explain(error: BaseException) -> tuple[str | None, str]:
    """Column and message in the reader's language of a database error: the constraint's own words where it has some."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(cause, psycopg.Error):
        return None, str(error)
    diagnosis = cause.diag
    column = diagnosis.column_name
    if isinstance(cause, psycopg.errors.NotNullViolation):
        return column, _("不能为空。")
    if diagnosis.constraint_name:
        for model in apps.get_models():
            for constraint in model._meta.constraints:
                if constraint.name == diagnosis.constraint_name:
                    fields = constraint.fields if isinstance(constraint, UniqueConstraint) else ()
                    told = constraint.violation_error_message
                    if told and told != constraint.default_violation_error_message:
                        return (fields[-1] if fields else column), str(told)
                    if isinstance(constraint, CheckConstraint):
                        return column, _("不符合规则“%(rule)s”。") % {"rule": constraint.name}
        if isinstance(cause, psycopg.errors.UniqueViolation):
            return column, _("已有相同的记录。")
        if isinstance(cause, psycopg.errors.ForeignKeyViolation):
            return column, _("引用的记录不存在。")
    if isinstance(cause, psycopg.errors.StringDataRightTruncation):
        return column, _("文字太长。")
    if isinstance(cause, psycopg.DataError):
        return column, _("格式不正确：%(detail)s") % {"detail": diagnosis.message_primary or str(cause)}
    return column, diagnosis.message_primary or str(cause)
