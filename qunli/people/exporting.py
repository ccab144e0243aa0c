"""Everything that is held on a person (PIPL 45): found in the model registry, decrypted, in words and as data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import models, transaction
from django.utils.timezone import localtime

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied
from qunli.kernel.fields import EncryptedField
from qunli.kernel.lists import listed
from qunli.people.looks import LookLine, look_lines
from qunli.people.models import Person
from qunli.people.perms import Permission, may_export
from qunli.people.registry import references

SECRET = frozenset({"password", "search", "data", "token", "token_secret", "secret", "key", "session_key"})
"""Columns that say nothing of the person: secrets by which somebody signs in, tokens for searching."""


@dataclass(frozen=True)
class Cell:
    name: str
    label: str
    value: Any
    """As data: str, number, bool, list or None."""
    shown: str


@dataclass
class Section:
    """Rows of one model."""

    model: str
    label: str
    rows: list[list[Cell]] = field(default_factory=list)


@dataclass
class Holding:
    """What is held on a person, and what the person did for others' rows (numbers only, those rows are about others)."""

    sections: list[Section]
    acts: list[tuple[str, str, int]]
    """Model, column, number of rows."""
    looks: list[LookLine]
    """Who looked at what is masked, when and why."""

    def data(self) -> dict[str, Any]:
        return {
            "holdings": {s.model: [{cell.name: cell.value for cell in row} for row in s.rows] for s in self.sections},
            "acts": [{"model": model, "as": column, "rows": number} for model, column, number in self.acts],
            "looks": [look._asdict() for look in self.looks],
        }


def export(*, person: Person, by: Actor) -> Holding:
    """All that is held on `person`; in the audit, since it shows everything in full."""
    if not may_export(by, person):
        raise Denied(Permission.EXPORT)
    with transaction.atomic():
        audit.looked("people.export", f"person:{person.pk}", by=by)
        sections: dict[str, Section] = {}
        acts: list[tuple[str, str, int]] = []
        merged = Person.objects.filter(merged_into=person)
        for record in [person, *merged]:
            _put(sections, record)
            _collect(sections, acts, record, {record._meta.label})
        looks = look_lines(person)
    return Holding(list(sections.values()), [act for act in acts if act[2]], looks)


def _collect(sections: dict[str, Section], acts: list[tuple[str, str, int]], owner: models.Model, path: set[str]) -> None:
    for reference in references(type(owner)):
        if reference.label in path:
            continue
        rows = reference.model._base_manager.filter(**{reference.field.attname: owner.pk}).order_by("pk")
        if reference.acting:
            acts.append((str(reference.model._meta.verbose_name), str(reference.field.verbose_name), rows.count()))
            continue
        for row in rows.iterator(chunk_size=2000):
            _put(sections, row)
            if reference.standing:
                _collect(sections, acts, row, path | {reference.label})


def _put(sections: dict[str, Section], row: models.Model) -> None:
    meta = row._meta
    section = sections.setdefault(meta.label, Section(meta.label, str(meta.verbose_name)))
    section.rows.append(list(_cells(row)))


def _cells(row: models.Model) -> Iterator[Cell]:
    for column in row._meta.concrete_fields:
        if column.name in SECRET or (isinstance(column, models.BinaryField) and not isinstance(column, EncryptedField)):
            continue
        value = getattr(row, column.attname)
        label = str(column.verbose_name)
        if column.is_relation and value is not None:
            label_of = _related(row, column)
            yield Cell(column.name, label, label_of, label_of)
        elif column.choices and value not in (None, ""):
            shown = str(getattr(row, f"get_{column.name}_display")())
            yield Cell(column.name, label, value, shown)
        else:
            yield Cell(column.name, label, _plain(value), _shown(value))


def _related(row: models.Model, column: "models.Field[Any, Any]") -> str:
    """Another row by its own name, a person by number only: who else there is, is not this person's data."""
    target = column.remote_field.model  # type: ignore[union-attr]
    key = getattr(row, column.attname)
    if target._meta.label in {"people.Person", "accounts.Account"}:
        return f"{target._meta.verbose_name} {key}"
    return str(getattr(row, column.name))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        return localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "✓" if value else "—"
    if isinstance(value, list | tuple):
        return listed(_shown(item) for item in value)
    return str(value)
