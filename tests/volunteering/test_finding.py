"""Finding activities and teams."""

import random
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from qunli.divisions import selectors as divisions
from qunli.divisions.enums import Level
from qunli.kernel.actor import NOBODY
from qunli.kernel.clock import SHANGHAI, local_date
from qunli.kernel.errors import Refused
from qunli.kernel.words import search_tokens
from qunli.volunteering import selectors
from qunli.volunteering.models import Activity
from qunli.volunteering.selectors import Place, Wanted, WantedTeams
from tests import factories as make

pytestmark = pytest.mark.django_db
HERE = Place(104.0836, 30.6571)


def find(cursor: str | None = None, size: int = 20, **wanted: Any) -> Any:
    return selectors.find_activities(wanted=Wanted(**wanted), actor=NOBODY, now=timezone.now(), cursor=cursor, size=size)


def titles(**wanted: Any) -> list[str]:
    return [a.title for a in find(**wanted).items]


def test_words_pinyin_and_initials() -> None:
    make.activity(title="锦江边捡垃圾", search=search_tokens("锦江边捡垃圾"))
    make.activity(title="敬老院探访", search=search_tokens("敬老院探访"))
    for words in ("锦江", "jinjiang", "jj", "垃圾"):
        assert titles(words=words) == ["锦江边捡垃圾"], words
    assert titles(words="锦江 探访") == []
    with pytest.raises(Refused):
        find(words="。。。")


def test_nearest_first_is_nearest_on_the_ground_and_pages_meet() -> None:
    chance = random.Random(7)  # noqa: S311
    for n in range(45):
        make.activity(title=str(n), longitude=104.08 + chance.uniform(-0.4, 0.4), latitude=30.66 + chance.uniform(-0.4, 0.4))
    make.activity(title="nowhere", longitude=None, latitude=None)
    seen: list[Any] = []
    cursor = None
    while True:
        page = find(near=HERE, cursor=cursor, size=10)
        seen += page.items
        cursor = page.next
        if cursor is None:
            break
    distances = [a.metres for a in seen]
    assert len({a.pk for a in seen}) == 45
    # Mercator is exact in order at one latitude; across 0.8 degrees of latitude its scale changes by less than one in a hundred.
    assert all(later > earlier * 0.99 - 10 for earlier, later in pairwise(distances))


def test_nearest_uses_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        with CaptureQueriesContext(connection) as asked:
            find(near=HERE)
        cursor.execute("EXPLAIN " + asked.captured_queries[-1]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "activity_near" in plan
    assert "Order By" in plan


def test_a_day_is_a_day_of_shanghai() -> None:
    day = local_date(timezone.now()) + timedelta(days=3)
    midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    make.activity(title="first", starts_at=midnight)
    make.activity(title="last", starts_at=midnight + timedelta(hours=23, minutes=59))
    make.activity(title="before", starts_at=midnight - timedelta(minutes=1))
    make.activity(title="after", starts_at=midnight + timedelta(days=1))
    assert titles(day=day) == ["first", "last"]


def test_only_what_is_open_and_with_places_when_asked() -> None:
    open_one = make.post(make.activity(title="open"), places=1)
    full = make.post(make.activity(title="full"), places=1)
    make.sign_up(at=full)
    for state in ("draft", "submitted", "returned", "cancelled"):
        make.activity(title=state, state=state)
    make.activity(title="begun", starts_at=timezone.now() - timedelta(hours=1))
    make.activity(title="over", state="closed", starts_at=timezone.now() - timedelta(days=1))
    assert set(titles()) == {"open", "full"}
    assert titles(free=True) == ["open"]
    assert titles(past=True) == ["over"]
    assert open_one.activity.title == "open"


def test_what_is_over_is_found_by_words_for_a_quarter() -> None:
    for title, days in (("lately", 91), ("long ago", 93)):
        starts = timezone.now() - timedelta(days=days)
        make.activity(title=title, state="closed", starts_at=starts, search=search_tokens("锦江边捡垃圾"))
    assert titles(past=True) == ["lately", "long ago"]
    assert titles(past=True, words="锦江") == ["lately"]


def test_by_category_place_and_team() -> None:
    here = make.activity(title="here", category="law")
    there = make.activity(make.team(division=make.division(district=make.OTHER_DISTRICT)), title="there")
    district = divisions.by_code(make.DISTRICT)
    assert titles(division=district) == ["here"]
    assert titles(category="law") == ["here"]
    assert titles(team=there.team) == ["there"]
    assert set(titles(division=make.division(Level.CITY))) == {"here", "there"}
    assert here.division.path.startswith(district.path)


def test_teams_by_words_and_counts_by_child() -> None:
    team = make.team(name="锦江先锋队", search=search_tokens("锦江先锋队"))
    make.team(division=make.division(district=make.OTHER_DISTRICT))
    make.team(state="applied")
    found = selectors.find_teams(wanted=WantedTeams(words="xfd"), actor=NOBODY)
    assert [t.pk for t in found.items] == [team.pk]
    tree = divisions.tree()
    city = next(iter(tree.children[None]))
    counts = selectors.teams_below(path=city.path, children=tree.children[city.id])
    assert counts == {tree.by_code[make.DISTRICT].id: 1, tree.by_code[make.OTHER_DISTRICT].id: 1}
    assert Activity.objects.count() == 0
