"""How benches tell their figures."""

import json
from typing import Any

import pytest

from bench import client
from bench.__main__ import main, names
from bench.common import Figure, Report, percentile, spread


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [(0.3, ">= 0.30", True), (0.29, ">= 0.30", False), (39.9, "< 40", True), (40, "< 40", False), (20, "== 20", True),
     (21, "<= 20", False), (1, "", None)],
)  # fmt: skip
def test_a_figure_says_whether_its_bound_holds(value: float, bound: str, holds: bool | None) -> None:
    assert Figure("f", value, "ms", bound=bound).holds is holds


def test_the_last_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("signup")
    report.add("ratio", 0.45678, "", against="pgbench", bound=">= 0.30")
    report.note("quiet")
    report.show()
    told: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told == {
        "bench": "signup",
        "figures": [{"name": "ratio", "value": 0.457, "unit": "", "against": "pgbench", "bound": ">= 0.30", "holds": True}],
    }
    assert report.holds


def test_a_report_with_a_broken_bound_does_not_hold() -> None:
    report = Report("x")
    report.add("a", 1, "")
    assert report.holds
    report.add("b", 50, "ms", bound="< 40")
    assert not report.holds


def test_percentiles() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.95) == 95
    assert percentile(values, 0.5) == 50
    assert percentile([7.0], 0.95) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_noise_is_named() -> None:
    assert spread([1.0, 3.0, 2.0]) == "median 2 of 3 runs (1 to 3)"


def test_without_a_name_the_benches_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == names()
    assert {"signup", "race", "pages", "certificate", "synthesize"} <= set(listed)


def test_the_client_reads_whole_answers_however_they_arrive() -> None:
    line = client._Line.__new__(client._Line)
    line.buffer = b""
    whole = b"HTTP/1.1 302 Found\r\nLocation: /activities/7/\r\ncontent-length: 5\r\n\r\nhello"
    for at in range(len(whole)):
        assert (line.feed(whole[at : at + 1]) is None) == (at < len(whole) - 1)
        if at < len(whole) - 1:
            continue
    line.buffer = b""
    answer = line.feed(whole + b"HTTP/1.1 200 OK\r\n")
    assert answer is not None
    assert (answer.status, answer.body, answer.header("location")) == (302, b"hello", "/activities/7/")
    line.buffer = b""
    chunked = line.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert chunked is not None
    assert chunked.body == b"abcde"
