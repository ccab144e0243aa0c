"""The real divisions as arrays, with plausible weights."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qunli.divisions.enums import Kind, Level
from qunli.divisions.models import Division
from qunli.synthetic.plan import draws
from qunli.synthetic.rows import Array

TEXTS = Path(__file__).parent / "texts"


class NoDivisions(Exception):
    """The city has no divisions yet: run `script/manage load_divisions` first."""


@lru_cache
def read(name: str) -> dict[str, Any]:
    """One of the room's text files."""
    return tomllib.loads((TEXTS / f"{name}.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Places:
    """Divisions by index: `nodes` holds all of them, the others point into it. `weights` is by community, adding up to 1."""

    ids: Array
    names: list[str]
    levels: Array
    parents: Array
    """Index of the division above; -1 for the city."""
    longitudes: Array
    latitudes: Array
    communities: Array
    weights: Array
    city: int
    districts: Array
    streets: Array

    above: Array
    """For each community the division of each level above it, and itself: city, district, street, community."""

    def under(self, node: int) -> Array:
        """Positions in `communities` of those at or below a division."""
        return np.flatnonzero(self.above[:, self.levels[node] - 1] == node)


def load(seed: int, today: date) -> Places:
    """The divisions in force. Raises NoDivisions when there are none."""
    fields = ("id", "code", "name", "level", "kind", "parent_id", "longitude", "latitude")
    rows = list(Division.objects.on(today).exclude(kind=Kind.MANAGEMENT_AREA).order_by("path").values_list(*fields))
    known = {row[0]: number for number, row in enumerate(rows)}
    levels = np.array([row[3] for row in rows], dtype=np.int8)
    parents = np.array([known.get(row[5], -1) for row in rows], dtype=np.int32)
    communities = np.flatnonzero(levels == Level.COMMUNITY)
    if not len(communities):
        raise NoDivisions
    residents = read("places")["residents"]
    rng = draws(seed, "places")
    raw = np.exp(rng.normal(0, 0.6, len(communities)))
    raw *= np.where([rows[n][4] == Kind.VILLAGERS for n in communities], 0.4, 1.0)
    street = parents[communities]
    district = parents[street]
    share = np.bincount(district, weights=raw, minlength=len(rows))
    wanted = np.array([residents.get(row[1][:6], 50) for row in rows], dtype=np.float64)
    weights = raw / share[district] * wanted[district]
    return Places(
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        names=[row[2] for row in rows],
        levels=levels,
        parents=parents,
        longitudes=np.array([np.nan if row[6] is None else row[6] for row in rows]),
        latitudes=np.array([np.nan if row[7] is None else row[7] for row in rows]),
        communities=communities,
        weights=weights / weights.sum(),
        city=int(np.flatnonzero(levels == Level.CITY)[0]),
        districts=np.flatnonzero(levels == Level.DISTRICT),
        streets=np.flatnonzero(levels == Level.STREET),
        above=np.stack([parents[district], district, street, communities], axis=1),
    )
