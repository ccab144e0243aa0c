"""Reading the tree. It is small and rarely changes, so each process keeps it in memory and looks for changes once a minute."""

import time
from collections.abc import Iterable, Iterator
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from zlib import crc32

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from qunli.divisions.enums import ChangeKind, Kind, Level
from qunli.divisions.models import AreaMember, Border, Change, Division
from qunli.kernel import words
from qunli.kernel.clock import local_date

FRESH = 60.0
"""Seconds for which another process may still see an old tree."""


class Node(NamedTuple):
    """A division as it stands in the cached tree: no polygon, no queries."""

    id: int
    code: str
    name: str
    level: int
    kind: str
    parent_id: int | None
    path: str
    initials: str
    pinyin: str
    longitude: float | None
    latitude: float | None
    approximate: bool
    valid_from: date
    valid_to: date | None


class Tree:
    """All divisions in force, with their order kept."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = list(nodes)
        self.by_id = {node.id: node for node in self.nodes}
        self.by_code = {node.code: node for node in self.nodes}
        self.children: dict[int | None, list[Node]] = {}
        for node in self.nodes:
            self.children.setdefault(node.parent_id, []).append(node)

    def ancestors(self, node: Node) -> list[Node]:
        """From the city down to the parent."""
        found: list[Node] = []
        step = self.by_id.get(node.parent_id) if node.parent_id else None
        while step:
            found.append(step)
            step = self.by_id.get(step.parent_id) if step.parent_id else None
        return found[::-1]

    def full_name(self, node: Node) -> str:
        """Names from the district down: 锦江区锦官驿街道水井坊社区."""
        return "".join(n.name for n in [*self.ancestors(node), node] if n.level != Level.CITY) or node.name


class _Kept(NamedTuple):
    tree: Tree
    until: float
    day: date


_kept: _Kept | None = None


def forget() -> None:
    """Read the tree again at the next look: called by whatever writes divisions."""
    global _kept
    _kept = None


def tree() -> Tree:
    """The divisions in force today."""
    global _kept
    today = local_date(timezone.now())
    if _kept is None or _kept.until < time.monotonic() or _kept.day != today:
        found = Division.objects.on(today).order_by("code").values_list(*Node._fields)
        _kept = _Kept(Tree(Node(*values) for values in found), time.monotonic() + FRESH, today)
    return _kept.tree


def current(level: Level | None = None) -> QuerySet[Division]:
    """Divisions in force today, by code."""
    found = Division.objects.on(local_date(timezone.now())).order_by("code")
    return found if level is None else found.filter(level=level)


def by_code(code: str) -> Division:
    """The division in force today with this code. Raises Division.DoesNotExist."""
    return current().get(code=code)


def city() -> Division:
    """The root of the tree. Raises Division.DoesNotExist when nothing was loaded."""
    return current(Level.CITY).get()


def within(paths: Iterable[str], field: str = "division") -> Q:
    """Rows whose division (`field`, "" for divisions themselves) lies in one of the ranges; nothing for no range."""
    ranges = list(paths)
    if "" in ranges:
        return Q()
    column = f"{field}__path__startswith" if field else "path__startswith"
    return reduce(or_, (Q(**{column: path}) for path in ranges), Q(pk__in=[]))


def ranges_of(division: Division, on: date) -> tuple[str, ...]:
    """The path prefixes that a posting on `division` covers on a day.

    Its own path; for a management area also those of the streets that it runs on the day; and those of the divisions that it alone
    followed.
    """
    paths = {division.path}
    todo = [division.pk]
    if division.kind == Kind.MANAGEMENT_AREA:
        members = AreaMember.objects.filter(Q(valid_to=None) | Q(valid_to__gt=on), area=division, valid_from__lte=on)
        for pk, path in members.values_list("division_id", "division__path"):
            paths.add(path)
            todo.append(pk)
    for old in _followed(todo):
        paths.add(old.path)
    return tuple(sorted(paths))


def _followed(ids: list[int]) -> Iterator[Division]:
    """Divisions of the past whose only successor is one of `ids`, or one of those in turn."""
    seen = set(ids)
    while ids:
        changes = Change.objects.filter(after__in=ids).exclude(kind=ChangeKind.SPLIT).prefetch_related("before")
        ids = []
        for change in changes:
            for old in change.before.all():
                if old.pk not in seen:
                    seen.add(old.pk)
                    ids.append(old.pk)
                    yield old


def successors(division: Division, on: date) -> list[Division]:
    """What stands in the place of `division` on a day: itself while in force, else all that followed it, step by step."""
    if division.valid_to is None or division.valid_to > on:
        return [division]
    change = division.changes_out.filter(effective_on__lte=on).order_by("effective_on").prefetch_related("after").first()
    if change is None:
        return []
    found: dict[int, Division] = {}
    for follower in change.after.all():
        found |= {d.pk: d for d in successors(follower, on)}
    return sorted(found.values(), key=lambda d: d.code)


def find(text: str, *, level: Level | None = None, within_path: str = "", limit: int = 20) -> list[Node]:
    """Divisions in force whose name, pinyin or initials match what was typed: exact first, then beginnings, then anything inside.

    Several words narrow each other: "锦江 水井" finds 水井坊社区 of 锦江区.
    """
    *above, last = words.normal(text).split() or [""]
    if not last:
        return []
    latin = last.isascii()
    ranked: list[tuple[int, int, str, Node]] = []
    all_of_them = tree()
    for node in all_of_them.nodes:
        if (level is not None and node.level != level) or not node.path.startswith(within_path):
            continue
        rank = _rank(node, last, latin)
        if rank is None:
            continue
        if above and not all(
            any(_rank(up, word, word.isascii()) is not None for up in all_of_them.ancestors(node)) for word in above
        ):
            continue
        ranked.append((rank, node.level, node.code, node))
    ranked.sort(key=lambda item: item[:3])
    return [item[3] for item in ranked[:limit]]


def _rank(node: Node, word: str, latin: bool) -> int | None:
    if not latin:
        place = node.name.find(word)
        return None if place < 0 else 0 if node.name == word else 1 if place == 0 else 3
    if word.isdigit():
        return 1 if node.code.startswith(word) else None
    if node.pinyin.startswith(word):
        return 0 if node.pinyin == word else 1
    if node.initials.startswith(word):
        return 1 if node.initials == word else 2
    return 4 if len(word) >= 3 and word in node.pinyin else None


def counts() -> dict[int, int]:
    """Number of divisions in force by level; management areas beside the districts are not counted."""
    found: dict[int, int] = {}
    for node in tree().nodes:
        if node.kind != Kind.MANAGEMENT_AREA:
            found[node.level] = found.get(node.level, 0) + 1
    return found


def members(area_id: int) -> list[Node]:
    """The streets that a management area runs today."""
    today = local_date(timezone.now())
    rows = AreaMember.objects.filter(Q(valid_to=None) | Q(valid_to__gt=today), area=area_id, valid_from__lte=today)
    known = tree().by_id
    return sorted((known[pk] for pk in rows.values_list("division_id", flat=True) if pk in known), key=lambda node: node.code)


def area_of(division_id: int) -> Node | None:
    """The management area that runs a street today, if one does."""
    today = local_date(timezone.now())
    rows = AreaMember.objects.filter(Q(valid_to=None) | Q(valid_to__gt=today), division=division_id, valid_from__lte=today)
    pk = rows.values_list("area_id", flat=True).first()
    return tree().by_id.get(pk) if pk else None


def changes() -> QuerySet[Change]:
    """All changes, with what ended and what began."""
    return Change.objects.prefetch_related("before", "after")


def changes_of(division_id: int) -> list[Change]:
    """The changes that a division came from or ended by."""
    found = Change.objects.filter(Q(before=division_id) | Q(after=division_id)).distinct()
    return list(found.prefetch_related("before", "after"))


def borders() -> list[tuple[str, str, Any]]:
    """Code, name and GeoJSON geometry of the districts in force."""
    found = Border.objects.filter(division__in=current(Level.DISTRICT)).order_by("division__code")
    return list(found.values_list("division__code", "division__name", "geometry"))


def borders_stamp() -> str:
    """Changes whenever the borders may have changed: an entity tag."""
    found = Border.objects.aggregate(number=Count("pk"), last=Max("pk"))
    named = crc32("".join(node.name for node in tree().nodes if node.level == Level.DISTRICT).encode())
    return f'"{found["number"]}-{found["last"]}-{named:x}"'
