"""The columns that a process keeps: everybody who may be asked, and what is open.

The people of a large city take seconds to read, so a job of the queue reads them (`tasks.refresh_match_pool`) and
writes one file a column; each process maps the files into memory, and all processes share one copy. A process without
such files reads by itself. They are a little old: what is found in them is looked at again in the database before it is
shown or asked.
"""

import os
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection

from qunli.volunteering.matching import reading
from qunli.volunteering.matching.columns import PEOPLE_TYPES, Array, Grid, People, in_grid
from qunli.volunteering.matching.reading import Open

PEOPLE_FRESH, OPENINGS_FRESH = 600.0, 60.0
"""Seconds for which a process keeps what it has read."""
LOOK = 10.0
"""Seconds after which a process looks for newer files."""
GRID = ("west", "south", "community", "starts")
OLDEST = timedelta(hours=2)
"""Files that are older are not used: the queue's worker stands still."""


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


def of(people: People) -> Pool:
    """A pool of some people."""
    table, grid = in_grid(people)
    order = np.argsort(table.person, kind="stable")
    return Pool(table, grid, table.person[order], order.astype(np.int32))


class _Kept(NamedTuple):
    value: Any
    until: float
    database: str
    stamp: int = 0
    """Of the files; 0 for what the process has read by itself."""

    @property
    def fresh(self) -> bool:
        return self.until > time.monotonic() and self.database == _database()


_kept: dict[str, _Kept] = {}
_reading = Lock()
"""One thread of a process reads; the others wait for it."""


def forget() -> None:
    """Read again at the next look."""
    _kept.clear()


def _database() -> str:
    return str(connection.settings_dict["NAME"])


def everybody(now: datetime) -> Pool:
    """Those who agreed to be matched, in the whole city."""
    kept = _kept.get("people")
    if kept is None or not kept.fresh:
        with _reading:
            kept = _kept.get("people")
            if kept is None or not kept.fresh:
                kept = _kept["people"] = _newest(now, kept)
    pool: Pool = kept.value
    return pool


def _newest(now: datetime, kept: _Kept | None) -> _Kept:
    """The newest files, the same as before when there are no newer ones; without files what the process reads."""
    stamp = _stamp(now)
    if stamp and kept is not None and (kept.stamp, kept.database) == (stamp, _database()):
        return kept._replace(until=time.monotonic() + LOOK)
    mapped = _mapped(stamp) if stamp else None
    if mapped is not None:
        return _Kept(mapped, time.monotonic() + LOOK, _database(), stamp)
    return _Kept(_read(now), time.monotonic() + PEOPLE_FRESH, _database())


def everything_open(now: datetime) -> Open:
    """What is open, in the whole city."""
    kept = _kept.get("openings")
    if kept is None or not kept.fresh:
        with _reading:
            kept = _kept.get("openings")
            if kept is None or not kept.fresh:
                found = reading.openings(now, reading.plane())
                kept = _kept["openings"] = _Kept(found, time.monotonic() + OPENINGS_FRESH, _database())
    opened: Open = kept.value
    return opened


def _read(now: datetime) -> Pool:
    return of(reading.people(now, reading.plane(), remember=reading.terms(now).remember))


def _folder() -> Path:
    return Path(settings.HOME) / "matching" / _database()


def write(now: datetime) -> int:
    """Read everybody and write the files; returns how many there are. Older files are taken away."""
    pool = _read(now)
    folder = _folder()
    part = folder / f"{int(now.timestamp())}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    for name, column in _columns(pool).items():
        np.save(part / f"{name}.npy", column)
    whole = part.with_suffix("")
    if not whole.exists():
        os.rename(part, whole)
    for old in folder.iterdir():
        if old != whole:
            shutil.rmtree(old, ignore_errors=True)
    return len(pool.people)


def _columns(pool: Pool) -> dict[str, Array]:
    named = {name: getattr(pool.people, name) for name in PEOPLE_TYPES}
    return named | {f"grid_{name}": getattr(pool.grid, name) for name in GRID} | {"persons": pool.persons, "at": pool.at}


def _stamp(now: datetime) -> int:
    """The version of the newest files that can be used: the second in which they were read; 0 for none."""
    folder = _folder()
    stamps = [int(p.name) for p in folder.iterdir() if p.name.isdigit()] if folder.is_dir() else []
    newest = max(stamps, default=0)
    return newest if now.timestamp() - newest <= OLDEST.total_seconds() else 0


def _mapped(stamp: int) -> Pool | None:
    """The files of a version, or None when a newer one has taken them away in this very moment."""
    whole = _folder() / str(stamp)
    try:

        def column(name: str) -> Array:
            return np.asarray(np.load(whole / f"{name}.npy", mmap_mode="r"))

        people = People(**{name: column(name) for name in PEOPLE_TYPES})
        grid = Grid(**{name: column(f"grid_{name}") for name in GRID})
        return Pool(people, grid, column("persons"), column("at"))
    except OSError:
        return None
