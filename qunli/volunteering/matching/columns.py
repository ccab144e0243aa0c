"""People and openings as columns of numbers: one row each, a few bytes a row, so that a city fits into memory.

Places are metres on a plane (`Plane`); dates are ordinals of Asia/Shanghai; moments are minutes since the epoch; skills, licences
and categories are bits in the order of their enums; free times are the 21 bits of `Volunteer.free_times`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Index: TypeAlias = Any
"""What chooses rows: an int, a slice (no copy) or an array of positions."""

CELL = 1000.0
"""Side of a cell of the grid in metres."""
MAY_ASK = 1
"""Flag: active, agreed to be matched, and not paused."""
AGREED = 4
"""Flag: agreed to be matched, paused or not."""
GUARDED = 2
"""Flag: a guardian agreed, or the minor counts as an adult."""
EARTH = 6_371_008.8


@dataclass(frozen=True)
class Plane:
    """The plane that touches the earth near the middle of a city; there a distance is off by less than one in a hundred."""

    longitude: float
    latitude: float

    def metres(self, longitude: Any, latitude: Any) -> tuple[Array, Array]:
        """Metres east and north of the point, of places in degrees."""
        x = np.radians(np.asarray(longitude) - self.longitude) * (EARTH * np.cos(np.radians(self.latitude)))
        y = np.radians(np.asarray(latitude) - self.latitude) * EARTH
        return x.astype(np.float32), y.astype(np.float32)


class At:
    """Some rows of a table: a column is fetched when it is asked for."""

    __slots__ = ("_index", "_table")

    def __init__(self, table: "People | Openings", index: Index) -> None:
        self._table, self._index = table, index

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)[self._index]


@dataclass(frozen=True)
class People:
    """Volunteers who may be matched. 42 bytes a row."""

    person: Array
    """Primary key of the person (uint32)."""
    x: Array
    y: Array
    born: Array
    """Date of birth; 0 when it is not known (int32)."""
    skills: Array
    licences: Array
    categories: Array
    avoided: Array
    """Categories that the person declined of late (all uint16)."""
    free: Array
    """Stated free times, without those declined of late; 0 when nothing is stated (uint32)."""
    reach: Array
    """Farthest distance the person travels, in units of 100 metres (uint16)."""
    served: Array
    """Services of the last 30 days (uint8)."""
    asked: Array
    """Day of the last invitation; 0 for never (int32)."""
    week: Array
    """Invitations of the last seven days (uint8)."""
    limit: Array
    """Invitations in seven days that the person accepts; the city's cap at most (uint8)."""
    flags: Array
    community: Array
    """Key of the division of the lowest level that the person serves in; 0 for who named a larger one (uint32)."""

    def __len__(self) -> int:
        return len(self.person)

    @property
    def nbytes(self) -> int:
        return sum(getattr(self, field.name).nbytes for field in fields(self))

    def take(self, rows: Index) -> "People":
        """Some of the rows, as a table."""
        return People(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence["People"]) -> "People":
        return cls(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)})


PEOPLE_TYPES = {
    "person": np.uint32, "x": np.float32, "y": np.float32, "born": np.int32, "skills": np.uint16, "licences": np.uint16,
    "categories": np.uint16, "avoided": np.uint16, "free": np.uint32, "reach": np.uint16, "served": np.uint8, "asked": np.int32,
    "week": np.uint8, "limit": np.uint8, "flags": np.uint8, "community": np.uint32,
}  # fmt: skip


def people(**columns: Any) -> People:
    """A table of people with the right types. Raises OverflowError for a value that does not fit its column."""
    return People(**{name: np.asarray(columns[name]).astype(kind) for name, kind in PEOPLE_TYPES.items()})


@dataclass(frozen=True)
class Openings:
    """Posts of open activities with free places."""

    post: Array
    activity: Array
    x: Array
    y: Array
    begins: Array
    ends: Array
    """Minutes since the epoch (int64)."""
    day: Array
    """The date on which it begins."""
    slots: Array
    """The free times that it takes (uint32)."""
    born_from: Array
    born_to: Array
    """First and last date of birth that the ages admit on the day."""
    grown: Array
    """Last date of birth of those who are 18 on the day."""
    skills: Array
    licences: Array
    category: Array
    """One bit (uint16)."""
    places: Array
    """Free places."""
    need: Array
    """How much the community needs it, 0 to 1000: the share of places unfilled, raised by each resident's request that waits."""
    community: Array
    """Key of the division (uint32)."""

    def __len__(self) -> int:
        return len(self.post)

    def take(self, rows: Index) -> "Openings":
        """Some of the rows, as a table."""
        return Openings(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


OPENING_TYPES = {
    "post": np.int64, "activity": np.int64, "x": np.float32, "y": np.float32, "begins": np.int64, "ends": np.int64, "day": np.int32,
    "slots": np.uint32, "born_from": np.int32, "born_to": np.int32, "grown": np.int32, "skills": np.uint16, "licences": np.uint16,
    "category": np.uint16, "places": np.int32, "need": np.int32, "community": np.uint32,
}  # fmt: skip


def openings(**columns: Any) -> Openings:
    """A table of openings with the right types."""
    return Openings(**{name: np.asarray(columns[name]).astype(kind) for name, kind in OPENING_TYPES.items()})


@dataclass(frozen=True)
class Busy:
    """What people have promised already: one row a confirmed sign-up, sorted by `row`, the position in `People`."""

    row: Array
    begins: Array
    ends: Array
    x: Array
    y: Array

    @classmethod
    def of(cls, row: Any = (), begins: Any = (), ends: Any = (), x: Any = (), y: Any = ()) -> "Busy":
        rows = np.asarray(row, dtype=np.int64)
        order = np.argsort(rows, kind="stable")
        kinds = ((begins, np.int64), (ends, np.int64), (x, np.float32), (y, np.float32))
        return cls(rows[order], *(np.asarray(column, dtype=kind)[order] for column, kind in kinds))

    def moved(self, rows: Array, to: Array) -> "Busy":
        """The promises of some rows, for the rows `to` of another table."""
        if not len(rows):
            return Busy.of()
        order = np.argsort(rows)
        where = order[np.minimum(np.searchsorted(rows[order], self.row), len(rows) - 1)]
        kept = np.flatnonzero(rows[where] == self.row)
        return Busy.of(to[where[kept]], self.begins[kept], self.ends[kept], self.x[kept], self.y[kept])


@dataclass(frozen=True)
class Ties:
    """What ties people to openings, 0 to 1000: friends who go there, one's own team. Pairs that are not named have none."""

    keys: Array
    """row << 32 | opening, sorted."""
    values: Array

    @classmethod
    def of(cls, row: Any = (), opening: Any = (), value: Any = ()) -> "Ties":
        """A pair that is named twice counts with its sum, 1000 at most."""
        keys = (np.asarray(row, dtype=np.int64) << 32) | np.asarray(opening, dtype=np.int64)
        found, where = np.unique(keys, return_inverse=True)
        values = np.bincount(where, weights=np.asarray(value, dtype=np.float64), minlength=len(found))
        return cls(found, np.minimum(values, 1000).astype(np.int32))

    @property
    def pairs(self) -> tuple[Array, Array]:
        return self.keys >> 32, self.keys & 0xFFFFFFFF

    def of_pairs(self, i: Index, j: Index) -> Array:
        """The tie of each pair."""
        keys = (np.asarray(i, dtype=np.int64) << 32) | np.asarray(j, dtype=np.int64)
        if not len(self.keys):
            return np.zeros(keys.shape, dtype=np.int32)
        where = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.asarray(np.where(self.keys[where] == keys, self.values[where], 0), dtype=np.int32)


NO_TIES = Ties.of()
NOT_BUSY = Busy.of()


@dataclass(frozen=True)
class Grid:
    """People sorted by cells of `CELL` metres, in a cell by community: the rows of block n are `starts[n]` to `starts[n + 1]`."""

    west: Array
    south: Array
    """South-west corner of each block's cell, in metres."""
    community: Array
    """The community of each block."""
    starts: Array

    def __len__(self) -> int:
        return len(self.west)

    def nearest(self, x: float, y: float, community: int) -> Array:
        """The least distance of each block from a point, in metres; 0 in the community that is named."""
        across = np.maximum(np.maximum(self.west - x, x - (self.west + CELL)), 0)
        up = np.maximum(np.maximum(self.south - y, y - (self.south + CELL)), 0)
        found: Array = np.where(self.community == community, 0, np.sqrt(across * across + up * up))
        return found

    def rows(self, blocks: Array) -> Array:
        """The rows of some blocks, one block after another."""
        sizes = self.starts[blocks + 1] - self.starts[blocks]
        ends = np.cumsum(sizes)
        if not len(ends):
            return np.zeros(0, dtype=np.int64)
        found: Array = np.arange(ends[-1]) + np.repeat(self.starts[blocks] - (ends - sizes), sizes)
        return found


def in_grid(table: People) -> tuple[People, Grid]:
    """The same people in the order of the grid, and the grid."""
    across = np.floor(table.x / CELL).astype(np.int64)
    up = np.floor(table.y / CELL).astype(np.int64)
    keys = (((up << 16) + across) << 32) + table.community
    order = np.argsort(keys, kind="stable")
    found, starts = np.unique(keys[order], return_index=True)
    cells, community = found >> 32, found & 0xFFFFFFFF
    south = (cells + (1 << 15)) >> 16
    west = cells - (south << 16)
    return table.take(order), Grid(west * CELL, south * CELL, community, np.append(starts, len(table)).astype(np.int64))
