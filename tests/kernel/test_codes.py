from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel import codes

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (the strategy adds it)
SEEDS = st.binary(min_size=20, max_size=20)


@given(SEEDS, MOMENTS)
def test_a_code_lives_in_its_window_and_the_next(seed: bytes, at: datetime) -> None:
    code = codes.rotating_code(seed, at)
    assert len(code) == 6
    assert code.isdigit()
    assert codes.matches(seed, code, at)
    assert codes.matches(seed, f" {code} ", at + timedelta(seconds=codes.seconds_left(at)))
    assert 1 <= codes.seconds_left(at) <= 30


def test_a_code_of_yesterday_or_tomorrow_is_refused() -> None:
    seed, at = bytes(range(20)), datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
    code = codes.rotating_code(seed, at)
    for away in (timedelta(seconds=60), timedelta(minutes=5), timedelta(days=1), timedelta(seconds=-30), timedelta(days=-1)):
        assert not codes.matches(seed, code, at + away), away
    assert not codes.matches(bytes(20), code, at)
    for typed in ("", "abc", "０００", code[:5], code + "0"):
        assert not codes.matches(seed, typed, at)


def test_codes_differ_between_windows() -> None:
    seed, at = bytes(range(20)), datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
    assert len({codes.rotating_code(seed, at + timedelta(seconds=30 * n)) for n in range(200)}) > 195
