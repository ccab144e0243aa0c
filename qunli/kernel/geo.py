"""Places on the map. Stored and measured in WGS-84 degrees; the maps of China are drawn in GCJ-02."""

import math
from typing import NamedTuple

import prcoords  # type: ignore[import-untyped]

EARTH = 6_371_008.8
"""Mean radius of the earth in metres (IUGG)."""


class Box(NamedTuple):
    west: float
    south: float
    east: float
    north: float


def metres(lng1: float, lat1: float, lng2: float, lat2: float) -> float:
    """Great-circle distance in metres between two points in degrees (haversine)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    across = math.sin((phi2 - phi1) / 2) ** 2 + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(across)))


def box_around(lng: float, lat: float, radius: float) -> Box:
    """The smallest box of degrees that holds every point within `radius` metres: an index finds candidates by it."""
    angle = radius / EARTH
    up = math.degrees(angle)
    side = math.degrees(math.asin(min(1.0, math.sin(min(angle, math.pi / 2)) / math.cos(math.radians(lat)))))
    return Box(lng - side, lat - up, lng + side, lat + up)


def to_map(lng: float, lat: float) -> tuple[float, float]:
    """WGS-84 to GCJ-02: where a map of China draws the point."""
    moved = prcoords.wgs_gcj(prcoords.Coords(lat, lng))
    return moved.lon, moved.lat


def from_map(lng: float, lat: float) -> tuple[float, float]:
    """GCJ-02 to WGS-84, exact to less than a metre."""
    moved = prcoords.gcj_wgs_bored(prcoords.Coords(lat, lng))
    return moved.lon, moved.lat
