"""Small crowds for the properties of matching: every value that decides something comes up often."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from qunli.volunteering.matching.columns import Busy, Openings, People, Ties, openings, people
from qunli.volunteering.matching.scoring import Weights
from qunli.volunteering.matching.signals import City

TODAY = date(2026, 11, 24).toordinal()
bits = st.sampled_from([0, 1, 2, 3])
metres = st.sampled_from([0, 400, 1200, 3000, 9000, 40000])


@st.composite
def crowd(draw: st.DrawFn, most: int = 12) -> People:
    rows = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "x": metres, "y": metres, "born": st.sampled_from([0, TODAY - 12 * 366, TODAY - 17 * 365, TODAY - 40 * 365]),
                    "skills": bits, "licences": bits, "categories": bits, "avoided": st.sampled_from([0, 0, 1]),
                    "free": st.sampled_from([0, 1, 3, 7]), "reach": st.sampled_from([10, 100, 600]), "served": st.integers(0, 14),
                    "asked": st.sampled_from([0, TODAY - 3, TODAY - 30, TODAY - 300]), "week": st.integers(0, 4),
                    "limit": st.integers(0, 3), "flags": st.integers(0, 3), "community": st.integers(0, 2),
                }
            ),
            min_size=1, max_size=most,
        )
    )  # fmt: skip
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    return people(person=range(100, 100 + len(rows)), **columns)


@st.composite
def offers(draw: st.DrawFn, most: int = 5, days: int = 1) -> Openings:
    rows = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "x": metres, "y": metres, "hour": st.integers(8, 19), "day": st.integers(0, days - 1),
                    "slots": st.sampled_from([1, 2, 3]),
                    "born_from": st.sampled_from([0, TODAY - 30 * 365]), "skills": bits, "licences": st.sampled_from([0, 0, 1]),
                    "category": st.sampled_from([1, 2]), "places": st.integers(0, 3), "need": st.integers(0, 1000),
                    "community": st.integers(1, 3),
                }
            ),
            min_size=1, max_size=most,
        )
    )  # fmt: skip
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    begins = [(TODAY + row["day"]) * 1440 + row["hour"] * 60 for row in rows]
    del columns["hour"]
    columns["day"] = [TODAY + row["day"] for row in rows]
    return openings(
        post=range(1, len(rows) + 1),
        activity=[1 + n // 2 for n in range(len(rows))],
        begins=begins,
        ends=[moment + 120 for moment in begins],
        born_to=[TODAY - 14 * 365] * len(rows),
        grown=[TODAY - 18 * 365] * len(rows),
        **columns,
    )


@st.composite
def promises(draw: st.DrawFn, table: People) -> Busy:
    rows = draw(st.lists(st.tuples(st.integers(0, len(table) - 1), st.integers(7, 20), metres), max_size=8))
    begins = [TODAY * 1440 + hour * 60 for _row, hour, _x in rows]
    return Busy.of([row for row, _h, _x in rows], begins, [b + 90 for b in begins], [x for _r, _h, x in rows], [0] * len(rows))


@st.composite
def bonds(draw: st.DrawFn, table: People, posts: Openings) -> Ties:
    pairs = st.tuples(st.integers(0, len(table) - 1), st.integers(0, len(posts) - 1), st.sampled_from([400, 500]))
    rows = draw(st.lists(pairs, max_size=10))
    return Ties.of([r for r, _o, _v in rows], [o for _r, o, _v in rows], [v for _r, _o, v in rows])


weights = st.builds(Weights, **{name: st.integers(0, 100) for name in ("nearness", "interest", "ties", "rest", "fill", "fairness")})
city = st.builds(City, today=st.just(TODAY), cap=st.integers(1, 3), rest_days=st.sampled_from([1, 28, 56]))


def one_opening(*, x: float, begins: int) -> Openings:
    return openings(
        post=[1], activity=[1], x=[x], y=[0], begins=[begins], ends=[begins + 60], day=[TODAY], slots=[1], born_from=[0],
        born_to=[TODAY], grown=[TODAY], skills=[0], licences=[0], category=[1], places=[1], need=[0], community=[1],
    )  # fmt: skip
