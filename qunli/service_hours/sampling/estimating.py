"""From the verdicts of a sample to an error rate with its interval. Pure.

The rate is the weighted share of wrong records, each weighing 1 / its inclusion probability (Horvitz and Thompson 1952; as a
share: Hájek 1971). The interval is Wilson's (1927) at the effective sample size (Franco, Little, Louis and Slud, "Comparative Study
of Confidence Intervals for Proportions in Complex Sample Surveys", Journal of Survey Statistics and Methodology 7, 2019). The
effective size is the smaller of Kish's (sum of weights squared / sum of squared weights, 1965) and p (1 - p) / variance, with the
linearised variance as if drawn with replacement. With equal weights this is Wilson's interval of the plain numbers, for one fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from qunli.service_hours.enums import Checked

Z = 1.959963984540054
"""Of an interval that holds the truth 95 times in 100."""


@dataclass(frozen=True)
class Estimate:
    """What a sample tells of the records that it was drawn from. Rates are shares, None when it tells too little."""

    drawn: int
    judged: int
    """Right or wrong; the others could not be told."""
    wrong: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def untold(self) -> int:
        return self.drawn - self.judged


def estimate(items: Sequence[tuple[float, str]], *, fewest: int, most_untold: float) -> Estimate:
    """Of (inclusion probability, verdict). Too few to tell: under `fewest` judged, or over the share `most_untold` not."""
    told = [(1 / chance, verdict == Checked.WRONG) for chance, verdict in items if verdict in (Checked.RIGHT, Checked.WRONG)]
    wrong = sum(is_wrong for _weight, is_wrong in told)
    found = Estimate(len(items), len(told), wrong)
    if len(told) < max(fewest, 1) or found.untold > most_untold * len(items):
        return found
    total = sum(weight for weight, _wrong in told)
    rate = sum(weight for weight, is_wrong in told if is_wrong) / total
    low, high = wilson(rate, effective(told, rate))
    return Estimate(found.drawn, found.judged, found.wrong, rate, low, high)


def effective(told: Sequence[tuple[float, bool]], rate: float) -> float:
    """The size of a simple random sample that would tell as much; at most the number of rows."""
    total = sum(weight for weight, _wrong in told)
    size = total**2 / sum(weight**2 for weight, _wrong in told)
    count = len(told)
    spread = sum((weight * (is_wrong - rate)) ** 2 for weight, is_wrong in told) / total**2
    if count > 1 and spread > 0:
        size = min(size, rate * (1 - rate) * (count - 1) / (count * spread))
    return max(1.0, min(size, float(count)))


def wilson(rate: float, size: float) -> tuple[float, float]:
    """Wilson's score interval of a share that was seen in `size` cases; within 0 and 1."""
    middle = (rate + Z**2 / (2 * size)) / (1 + Z**2 / size)
    half = Z * sqrt(rate * (1 - rate) / size + Z**2 / (4 * size**2)) / (1 + Z**2 / size)
    return max(0.0, middle - half), min(1.0, middle + half)


def horvitz_thompson(items: Sequence[tuple[float, str]]) -> float:
    """The number of wrong records behind the sample: unbiased whatever the probabilities are."""
    return sum(1 / chance for chance, verdict in items if verdict == Checked.WRONG)
