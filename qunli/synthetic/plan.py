"""How big a city of a given scale is, and the draws that everything else hangs on. Pure: no database.

Scale 1.0 is the reference city. Every stage draws from its own generator, seeded by the city's seed and the stage, so that one
stage may change without moving the others.
"""

from dataclasses import dataclass

import numpy as np

from qunli.synthetic.rows import Array

VOLUNTEERS = 3_900_000
TEAMS = 40_282
PARTNER_TEAMS = 3_400
"""Teams of social organisations and enterprises, among TEAMS."""
ACTIVITIES = 895_600
ATTENDANCES = 11_000_000
YEARS = 4
"""Years back over which activities are spread."""
COMING_DAYS = 35
"""Days ahead in which there are activities to sign up for."""
A_DAY = 650
"""Activities a day in the trailing year, at scale 1.0."""
SMALLEST = 0.0005
LARGEST = 3.0


@dataclass(frozen=True)
class Sizes:
    volunteers: int
    teams: int
    partner_teams: int
    activities: int
    """Activities that took place."""
    attendances: int
    """Service records that count (void ones come on top)."""
    coming: int
    """Activities of today and the coming weeks."""

    @classmethod
    def of(cls, scale: float) -> "Sizes":
        """Sizes at `scale`. Raises ValueError outside SMALLEST to LARGEST."""
        if not SMALLEST <= scale <= LARGEST:
            raise ValueError(f"the scale must lie between {SMALLEST} and {LARGEST}")
        return cls(
            volunteers=round(VOLUNTEERS * scale),
            teams=max(12, round(TEAMS * scale)),
            partner_teams=max(1, round(PARTNER_TEAMS * scale)),
            activities=round(ACTIVITIES * scale),
            attendances=round(ATTENDANCES * scale),
            coming=max(40, round(A_DAY * COMING_DAYS * 0.55 * scale)),
        )


def draws(seed: int, stage: str, part: int = 0) -> np.random.Generator:
    """The generator of one stage (and one part of it)."""
    return np.random.default_rng([seed, int.from_bytes(stage.encode()[:8].ljust(8, b"\0"), "big"), part])


def choose(rng: np.random.Generator, weights: Array, count: int) -> Array:
    """`count` indexes drawn by weights."""
    edges = np.cumsum(weights, dtype=np.float64)
    chosen: Array = np.minimum(np.searchsorted(edges, rng.random(count) * edges[-1], side="right"), len(weights) - 1).astype(
        np.int32
    )
    return chosen


def to_total(rng: np.random.Generator, values: Array, total: int, low: Array, high: Array) -> Array:
    """`values` moved by ones at random until they add up to `total`, each within `low` and `high`.

    Raises ValueError if that cannot be.
    """
    values = np.clip(values, low, high)
    if not int(low.sum()) <= total <= int(high.sum()):
        raise ValueError(f"{total} lies outside {int(low.sum())} to {int(high.sum())}")
    while (missing := total - int(values.sum())) != 0:
        step = 1 if missing > 0 else -1
        free = np.flatnonzero(values < high if step > 0 else values > low)
        chosen = rng.choice(free, size=min(abs(missing), len(free)), replace=False)
        values[chosen] += step
    return values


def ranks(sizes: Array) -> Array:
    """0, 1, ... within each of consecutive groups of `sizes`."""
    ends = np.cumsum(sizes)
    counted: Array = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64) - np.repeat(ends - sizes, sizes)
    return counted
