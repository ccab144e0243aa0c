"""The draw and the estimate, over simulated populations: probabilities are what they say, and the estimate is unbiased."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.service_hours.sampling.drawing import allocated, draw, probabilities
from qunli.service_hours.sampling.estimating import Z, estimate, horvitz_thompson, wilson

STRATA = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 20)), min_size=1, max_size=5)


@given(STRATA, st.integers(1, 300))
def test_the_shares_of_the_strata(strata: list[tuple[int, int]], wanted: int) -> None:
    sizes = [size for size, _weight in strata]
    counts = allocated(sizes, [size * weight for size, weight in strata], wanted)
    least = [min(size, 2) for size in sizes]
    assert all(low <= count <= size for low, count, size in zip(least, counts, sizes, strict=True))
    assert sum(counts) == max(min(wanted, sum(sizes)), sum(least))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=80), st.integers(1, 80), st.integers(0, 2**62))
def test_what_is_drawn_is_as_many_as_asked(weights: list[int], wanted: int, seed: int) -> None:
    count = min(wanted, len(weights))
    chances = probabilities(np.array(weights, float), count)
    assert np.all((chances > 0) & (chances <= 1))
    assert math.isclose(chances.sum(), count, rel_tol=1e-9)
    places = draw(np.arange(100, 100 + len(weights)), chances, seed=seed)
    assert len(set(places.tolist())) == count
    assert set(np.flatnonzero(chances >= 1).tolist()) <= set(places.tolist())
    assert places.tolist() == draw(np.arange(100, 100 + len(weights)), chances, seed=seed).tolist()


def test_an_old_draw_stays() -> None:
    """These places were drawn when the method was written: with the same seed and records, it must never draw others."""
    chances = probabilities(np.array([1, 4, 1, 8, 2, 1, 1, 4, 1, 2], float), 4)
    assert draw(np.arange(1, 11), chances, seed=20260305).tolist() == PINNED


PINNED = [1, 3, 4, 7]


def test_drawn_as_often_as_the_probabilities_say() -> None:
    weights = np.array([1, 1, 2, 3, 5, 8, 13, 1, 1, 2, 40, 3], float)
    chances, keys, rounds = probabilities(weights, 4), np.arange(12) * 977 + 31, 4000
    hits = np.zeros(12)
    for seed in range(rounds):
        hits[draw(keys, chances, seed=seed * 7919)] += 1
    spread = np.sqrt(chances * (1 - chances) / rounds)
    assert np.all(np.abs(hits / rounds - chances) <= 4.5 * spread + 1e-12)


@pytest.mark.parametrize("wrong_follows_weight", [True, False])
def test_the_estimate_is_unbiased_and_the_interval_holds(wrong_follows_weight: bool) -> None:
    """3,000 records, heavier ones wrong more often or not: the mean over draws is the truth, intervals hold it 95 times in 100."""
    chance = np.random.default_rng(5)
    size, wanted, draws = 3000, 200, 600
    weights = chance.choice([1, 2, 3, 4, 8], size, p=[0.5, 0.2, 0.15, 0.1, 0.05]).astype(float)
    wrong = chance.random(size) < (0.02 * weights if wrong_follows_weight else 0.06)
    chances, keys = probabilities(weights, wanted), np.arange(size) * 3 + 11
    totals, held = [], 0
    for seed in range(draws):
        places = draw(keys, chances, seed=seed * 104729)
        items = [(float(chances[p]), "wrong" if wrong[p] else "right") for p in places]
        totals.append(horvitz_thompson(items))
        found = estimate(items, fewest=10, most_untold=0.2)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= wrong.mean() <= found.high
    error = np.std(totals) / math.sqrt(draws)
    assert abs(np.mean(totals) - wrong.sum()) < 4 * error
    assert held / draws >= 0.93


def test_plain_numbers_give_wilsons_interval() -> None:
    found = estimate([(0.1, "wrong")] * 5 + [(0.1, "right")] * 45, fewest=10, most_untold=0.2)
    n, p = 50, 0.1
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n * n)) / (1 + Z**2 / n)
    assert found.rate == pytest.approx(p)
    # As if drawn with replacement the spread has n - 1: the interval is that of 49.
    assert (found.low, found.high) == pytest.approx(wilson(p, 49))
    assert found.low == pytest.approx(middle - half, abs=0.002)
    assert found.high == pytest.approx(middle + half, abs=0.002)
    none = estimate([(0.1, "right")] * 50, fewest=10, most_untold=0.2)
    assert (none.rate, none.low) == (0, pytest.approx(0))
    assert none.high == pytest.approx(Z**2 / (50 + Z**2))


@pytest.mark.parametrize("verdicts", [["right"] * 9, ["wrong"] * 3, [], ["right"] * 20 + ["untold"] * 6])
def test_too_few_to_tell(verdicts: list[str]) -> None:
    found = estimate([(0.5, each) for each in verdicts], fewest=10, most_untold=0.2)
    assert (found.rate, found.low, found.high) == (None, None, None)
    assert (found.drawn, found.untold) == (len(verdicts), verdicts.count("untold"))


@given(st.floats(0, 1), st.floats(1, 1e6))
def test_an_interval_holds_its_rate(rate: float, size: float) -> None:
    low, high = wilson(rate, size)
    assert 0 <= low <= rate + 1e-9
    assert rate - 1e-9 <= high <= 1
