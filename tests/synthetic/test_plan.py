"""The sizes that the issue names, and draws that add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.synthetic.plan import Sizes, ranks, to_total


def test_scale_one_is_the_reference_city() -> None:
    sizes = Sizes.of(1.0)
    assert (sizes.volunteers, sizes.teams, sizes.partner_teams) == (3_900_000, 40_282, 3_400)
    assert (sizes.activities, sizes.attendances) == (895_600, 11_000_000)


@pytest.mark.parametrize("scale", [0, -1, 0.0001, 4])
def test_a_scale_that_cannot_be_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        Sizes.of(scale)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 1500))
def test_values_are_moved_to_their_total_within_their_bounds(values: list[int], total: int) -> None:
    low, high = np.zeros(len(values), dtype=np.int64), np.full(len(values), 60)
    if total > 60 * len(values):
        with pytest.raises(ValueError, match="outside"):
            to_total(np.random.default_rng(1), np.array(values), total, low, high)
        return
    moved = to_total(np.random.default_rng(1), np.array(values), total, low, high)
    assert moved.sum() == total
    assert (moved >= low).all()
    assert (moved <= high).all()


def test_ranks_count_within_groups() -> None:
    assert ranks(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
    assert ranks(np.array([], dtype=np.int64)).tolist() == []
