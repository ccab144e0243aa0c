"""Small decisions of the commands."""

from pathlib import Path

import pytest
from launcher import commands, environment


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], True),
        (["-k", "merge"], True),
        (["tests"], True),
        (["tests/browser/test_every_page.py", "-x"], True),
        (["tests/kernel"], False),
        (["tests/kernel/test_clock.py::test_x", "-q"], False),
        (["tests/kernel", "tests/browser"], True),
    ],
)
def test_a_browser_is_brought_only_where_it_is_used(words: list[str], wanted: bool) -> None:
    assert commands.wants_browser(words) is wanted


def test_a_step_is_done_once_for_one_source(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    done = []
    for value in ("a", "a", "b"):
        with environment.step(stamp, value, "doing") as due:
            done.append(due)
    assert done == [True, False, True]


def test_a_step_that_fails_is_due_again(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    with pytest.raises(RuntimeError), environment.step(stamp, "a", "doing"):
        raise RuntimeError
    with environment.step(stamp, "a", "doing") as due:
        assert due
