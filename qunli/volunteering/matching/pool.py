"""The columns that a process keeps: everybody who may be asked, and what is open.

The people of a large city take seconds to read, what is open a third of one: too long for a page. So jobs of the queue read
them (`tasks.refresh_match_pool`, `tasks.refresh_openings`) and write one file a column; each process maps the files into
memory, and all processes share one copy. A process without such files reads by itself. They are a little old: what is found
in them is looked at again in the database before it is shown or asked.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from django.conf import settings
from django.db import connection

from qunli.volunteering.matching import reading
from qunli.volunteering.matching.columns import OPENING_TYPES, PEOPLE_TYPES, Array, Grid, Openings, People, in_grid
from qunli.volunteering.matching.reading import Open

LOOK = 10.0
"""Seconds after which a process looks for newer files."""
GRID = ("west", "south", "community", "starts")
T = TypeVar("T")


class Pool(NamedTuple):
    people: People
    grid: Grid
    persons: Array
    """Keys of the persons, sorted."""
    at: Array
    """The row of each of them."""

    def find(self, persons: Any) -> Array:
        """Rows of persons; -1 for those who are not here."""
        wanted = np.asarray(persons, dtype=np.int64)
        if not len(self.persons):
            return np.full(len(wanted), -1, dtype=np.int64)
        where = np.minimum(np.searchsorted(self.persons, wanted), len(self.persons) - 1)
        return np.where(self.persons[where] == wanted, self.at[where], -1).astype(np.int64)

    @property
    def columns(self) -> dict[str, Array]:
        """By the names of their files."""
        named = {name: getattr(self.people, name) for name in PEOPLE_TYPES}
        return named | {f"grid_{name}": getattr(self.grid, name) for name in GRID} | {"persons": self.persons, "at": self.at}

    @classmethod
    def of_columns(cls, named: Mapping[str, Array]) -> "Pool":
        grid = Grid(**{name: named[f"grid_{name}"] for name in GRID})
        return cls(People(**{name: named[name] for name in PEOPLE_TYPES}), grid, named["persons"], named["at"])


def of(people: People) -> Pool:
    """A pool of some people."""
    table, grid = in_grid(people)
    order = np.argsort(table.person, kind="stable")
    return Pool(table, grid, table.person[order], order.astype(np.int32))


class _Kept(NamedTuple, Generic[T]):
    value: T
    until: float
    database: str
    stamp: int = 0
    """Of the files; 0 for what the process has read by itself."""

    @property
    def fresh(self) -> bool:
        return self.until > time.monotonic() and self.database == _database()


class _Table(NamedTuple, Generic[T]):
    """One of the two things that are kept, and how it is read and written."""

    name: str
    kept_for: float
    """Seconds for which a process keeps what it has read by itself."""
    oldest: timedelta
    """Files that are older are not used: the queue's worker stands still."""
    read: Callable[[datetime], T]
    columns: Callable[[T], dict[str, Array]]
    build: Callable[[Mapping[str, Array]], T]

    def now(self, now: datetime) -> T:
        """What is kept, read again when it is too old."""
        kept: _Kept[T] | None = _kept.get(self.name)
        if kept is None or not kept.fresh:
            with _reading:
                kept = _kept.get(self.name)
                if kept is None or not kept.fresh:
                    kept = _kept[self.name] = self._newest(now, kept)
        return kept.value

    def _newest(self, now: datetime, kept: _Kept[T] | None) -> _Kept[T]:
        """The newest files, the same as before when there are no newer ones; without files what the process reads."""
        stamp = self._stamp(now)
        if stamp and kept is not None and (kept.stamp, kept.database) == (stamp, _database()):
            return kept._replace(until=time.monotonic() + LOOK)
        mapped = self._mapped(stamp) if stamp else None
        if mapped is not None:
            return _Kept(mapped, time.monotonic() + LOOK, _database(), stamp)
        return _Kept(self.read(now), time.monotonic() + self.kept_for, _database())

    def write(self, now: datetime) -> T:
        """Read it and write the files. Older files are taken away."""
        value = self.read(now)
        folder = self._folder()
        part = folder / f"{int(now.timestamp())}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        for name, column in self.columns(value).items():
            np.save(part / f"{name}.npy", column)
        whole = part.with_suffix("")
        if not whole.exists():
            os.rename(part, whole)
        for old in folder.iterdir():
            if old != whole:
                shutil.rmtree(old, ignore_errors=True)
        return value

    def _folder(self) -> Path:
        return Path(settings.HOME) / "matching" / _database() / self.name

    def _stamp(self, now: datetime) -> int:
        """The version of the newest files that can be used: the second in which they were read; 0 for none."""
        folder = self._folder()
        stamps = [int(p.name) for p in folder.iterdir() if p.name.isdigit()] if folder.is_dir() else []
        newest = max(stamps, default=0)
        return newest if now.timestamp() - newest <= self.oldest.total_seconds() else 0

    def _mapped(self, stamp: int) -> T | None:
        """The files of a version; None when a newer one has taken them away in this very moment, or another release wrote them."""
        try:
            files = list((self._folder() / str(stamp)).glob("*.npy"))
            return self.build({file.stem: np.asarray(np.load(file, mmap_mode="r")) for file in files})
        except (OSError, KeyError):
            return None


def _read_people(now: datetime) -> Pool:
    return of(reading.people(now, reading.plane(), remember=reading.terms(now).remember))


def _read_openings(now: datetime) -> Open:
    return reading.openings(now, reading.plane())


def _columns_of(opened: Open) -> dict[str, Array]:
    return {name: getattr(opened.columns, name) for name in OPENING_TYPES} | {"teams": opened.teams}


def _open_of(named: Mapping[str, Array]) -> Open:
    return Open(Openings(**{name: named[name] for name in OPENING_TYPES}), named["teams"])


_PEOPLE: _Table[Pool] = _Table("people", 600.0, timedelta(hours=2), _read_people, lambda pool: pool.columns, Pool.of_columns)
_OPENINGS: _Table[Open] = _Table("openings", 60.0, timedelta(minutes=5), _read_openings, _columns_of, _open_of)
_kept: dict[str, _Kept[Any]] = {}
_reading = Lock()
"""One thread of a process reads; the others wait for it."""


def forget() -> None:
    """Read again at the next look."""
    _kept.clear()


def _database() -> str:
    return str(connection.settings_dict["NAME"])


def everybody(now: datetime) -> Pool:
    """Those who agreed to be matched, in the whole city."""
    return _PEOPLE.now(now)


def everything_open(now: datetime) -> Open:
    """What is open, in the whole city."""
    return _OPENINGS.now(now)


def write(now: datetime) -> int:
    """Read everybody and write the files; returns how many there are."""
    return len(_PEOPLE.write(now).people)


def write_openings(now: datetime) -> int:
    """Read what is open and write the files; returns how many openings there are."""
    return len(_OPENINGS.write(now))
