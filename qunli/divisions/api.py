"""The tree for other programs: public, as it is everywhere."""

from datetime import date
from typing import Annotated

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from qunli.divisions import selectors
from qunli.divisions.enums import Level
from qunli.divisions.selectors import Node
from qunli.kernel.api import PROBLEMS, Problem

router = Router(tags=["divisions"])
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{12}$")]


class DivisionOut(Schema):
    code: str
    name: str
    full_name: str
    level: int
    """1 city, 2 district, 3 street, 4 community."""
    kind: str
    parent: str | None
    longitude: float | None
    latitude: float | None
    approximate: bool
    """The point was computed, not surveyed."""
    valid_from: date
    valid_to: date | None
    children: int


class Divisions(Schema):
    items: list[DivisionOut]


def _out(node: Node) -> DivisionOut:
    tree = selectors.tree()
    parent = tree.by_id.get(node.parent_id) if node.parent_id else None
    return DivisionOut(
        code=node.code,
        name=node.name,
        full_name=tree.full_name(node),
        level=node.level,
        kind=node.kind,
        parent=parent.code if parent else None,
        longitude=node.longitude,
        latitude=node.latitude,
        approximate=node.approximate,
        valid_from=node.valid_from,
        valid_to=node.valid_to,
        children=len(tree.children.get(node.id, [])),
    )


@router.get("/", response={200: Divisions, **PROBLEMS}, auth=None, summary="Divisions below one, or those that words find")
def divisions(
    request: HttpRequest,
    parent: Code | None = None,
    q: Annotated[str, Field(max_length=60)] = "",
    level: Level | None = None,
) -> Divisions:
    """`parent`: a code; without it and without `q` the city itself. `q`: name, pinyin, initials or the beginning of a code."""
    tree = selectors.tree()
    if q:
        nodes = selectors.find(q, level=level, limit=50)
    elif parent is None:
        nodes = tree.children.get(None, [])
    elif parent in tree.by_code:
        nodes = tree.children.get(tree.by_code[parent].id, [])
    else:
        raise Http404
    return Divisions(items=[_out(node) for node in nodes])


@router.get("/{code}", response={200: DivisionOut, 404: Problem, **PROBLEMS}, auth=None, summary="One division in force")
def division(request: HttpRequest, code: Code) -> DivisionOut:
    node = selectors.tree().by_code.get(code)
    if node is None:
        raise Http404
    return _out(node)
