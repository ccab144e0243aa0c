"""Drawing a sample with unequal probabilities that are known: stratified, then proportional to risk within each stratum.

Within a stratum: systematic selection proportional to size from a list in random order (Hartley and Rao 1962, "Sampling with
unequal probabilities and without replacement", Annals of Mathematical Statistics 33). The sample has a fixed size, and each row's
probability is exactly what `probabilities` says: n x weight / sum of weights, 1 for rows that would exceed it. Order and start come
from the seed and the rows' keys by SplitMix64 (Steele, Lea, Flood 2014), written out so that no library's release changes a draw.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
FEWEST = 2
"""Drawn of every stratum that has them: one alone tells nothing of its spread."""


def mixed(values: Array, seed: int) -> Array:
    """SplitMix64 of each key under a seed: 64 bits, evenly spread."""
    found = (values.astype(np.uint64) + np.uint64(seed)) * _GOLDEN
    found = (found ^ (found >> np.uint64(30))) * _FIRST
    found = (found ^ (found >> np.uint64(27))) * _SECOND
    return found ^ (found >> np.uint64(31))


def allocated(sizes: list[int], totals: list[int], wanted: int) -> list[int]:
    """How many to draw of each stratum: by its sum of weights, two at least and all at most; `wanted` in all if there are.

    With fewer wanted than two a stratum, the strata keep their two.
    """
    counts = [min(size, FEWEST) for size in sizes]
    left = min(wanted, sum(sizes)) - sum(counts)
    while left > 0:
        open_ = [place for place, size in enumerate(sizes) if counts[place] < size]
        whole = sum(totals[place] for place in open_)
        # The stratum that is furthest behind its share of the weights takes the next; by blocks, so that it ends soon.
        short = {place: min(sizes[place] - counts[place], left * totals[place] // whole) for place in open_}
        if not any(short.values()):
            nearest = max(open_, key=lambda place: (totals[place] / (counts[place] + 1), -place))
            short = {nearest: 1}
        for place, more in short.items():
            counts[place] += more
            left -= more
    return counts


def probabilities(weights: Array, count: int) -> Array:
    """The inclusion probability of each row when `count` are drawn proportionally to their weights; certain ones are set aside."""
    found = np.ones(len(weights), float)
    certain = np.zeros(len(weights), bool)
    if count >= len(weights):
        return found
    while True:
        left = count - int(certain.sum())
        rest = ~certain
        found[rest] = left * weights[rest] / weights[rest].sum()
        over = rest & (found >= 1)
        if not over.any():
            return found
        found[over] = 1
        certain |= over


def draw(keys: Array, chances: Array, *, seed: int) -> Array:
    """Places of the drawn rows, ascending. `chances` sum to the number that is drawn; the same seed and rows draw the same."""
    count = round(float(chances.sum()))
    order = np.argsort(mixed(keys, seed), kind="stable")
    ends = np.cumsum(chances[order])
    start = float(mixed(np.array([len(keys)]), seed ^ 0x5DEECE66D)[0] >> np.uint64(11)) / 2**53
    hits = np.searchsorted(ends, start + np.arange(count), side="right")
    return np.sort(order[np.minimum(hits, len(keys) - 1)])
