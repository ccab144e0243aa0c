"""Activities: which team holds what, when, and how many come.

A team has at most one activity a day, so that nobody who serves with it is in two places at once.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from qunli.kernel.words import search_tokens
from qunli.synthetic import rows
from qunli.synthetic.places import Places, read
from qunli.synthetic.plan import A_DAY, ACTIVITIES, COMING_DAYS, YEARS, Sizes, choose, draws, ranks, to_total
from qunli.synthetic.population import Population
from qunli.synthetic.rows import MINUTE, Array, day_number
from qunli.synthetic.teams import Teams
from qunli.volunteering.enums import ActivityState, Category
from qunli.volunteering.selectors import WORDS_BACK

STARTS = {"m": (510, 540, 570), "a": (840, 870, 900), "e": (1110, 1140, 1170)}
"""Minutes after midnight at which an activity starts in the morning, afternoon, evening."""
LENGTHS = np.array([60, 90, 120, 150, 180])
LENGTH_WEIGHTS = np.array([1.5, 2.0, 4.0, 1.5, 2.0])
BUSY = 1.1
"""How unevenly busy teams of one size are: some meet every week, some twice a year."""
MOST = 0.8
"""Share of a team's members that come to one activity at most."""
SEARCHED = WORDS_BACK.days + 1
"""Days back in which past activities have their words: as far as they are searched."""
VOID = 0.002
"""Records that were struck out again, for one that counts."""
STATES = [ActivityState.CLOSED, ActivityState.PUBLISHED, ActivityState.SUBMITTED, ActivityState.DRAFT,
          ActivityState.RETURNED, ActivityState.CANCELLED]  # fmt: skip
CHINA = 480
"""Minutes that Shanghai is ahead of UTC."""
COLUMNS = (
    "id", "team_id", "division_id", "title", "category", "content", "starts_at", "ends_at", "address", "longitude", "latitude",
    "radius", "min_age", "max_age", "risk_notice", "danger", "insurance", "service_declared", "person_in_charge_id", "state",
    "state_reason", "places", "taken", "search", "code_seed", "created_by_id", "created_at", "approved_by_id", "approved_at",
)  # fmt: skip
POST_COLUMNS = ("id", "activity_id", "name", "places", "taken", "skills")


@dataclass(frozen=True)
class Activities:
    """In the order of their keys (key = position + 1), which is that of their start."""

    teams: Array
    days: Array
    """Day number of the activity."""
    starts: Array
    """Timestamp."""
    minutes: Array
    """Planned length."""
    kinds: Array
    """Which of the texts."""
    states: Array
    """Position in STATES."""
    attended: Array
    missed: Array
    confirmed: Array
    waiting: Array
    cancelled: Array
    """Sign-ups by what became of them."""
    places: Array
    """Places, of both posts together."""
    second: Array
    """Whether there is a second post."""

    def __len__(self) -> int:
        return len(self.teams)

    @property
    def ends(self) -> Array:
        ends: Array = self.starts + self.minutes.astype(np.int64) * MINUTE
        return ends

    @property
    def taken(self) -> Array:
        taken: Array = self.attended + self.missed + self.confirmed
        return taken

    @property
    def sign_ups(self) -> Array:
        total: Array = self.taken + self.waiting + self.cancelled
        return total

    def posts(self) -> tuple[Array, Array, Array, Array]:
        """Places and taken places of the first post, then of the second (0 where there is none)."""
        second_places = np.where(self.second, self.places - np.ceil(self.places * 0.7).astype(np.int64), 0)
        first_places = self.places - second_places
        first_taken = np.minimum(first_places, np.ceil(self.taken * 0.7).astype(np.int64))
        first_taken = np.maximum(first_taken, self.taken - second_places)
        return first_places, first_taken, second_places, self.taken - first_taken

    def first_posts(self) -> Array:
        """Key of the first post of each activity."""
        sizes = 1 + self.second.astype(np.int64)
        keys: Array = np.cumsum(sizes) - sizes + 1
        return keys


def draw(sizes: Sizes, seed: int, today: date, teams: Teams, population: Population) -> Activities:
    rng = draws(seed, "activity")
    team, day = _calendar(rng, sizes, today, population)
    count = len(team)
    kinds = read("activities")["activity"]
    kind = choose(rng, np.array([float(k["weight"]) for k in kinds]), count)
    slots = [np.array([start for letter in k["times"] for start in STARTS[letter]]) for k in kinds]
    widest = max(len(slot) for slot in slots)
    table = np.stack([np.resize(slot, widest) for slot in slots])
    start = table[kind, rng.integers(0, widest, count)]
    order = np.lexsort((team, start, day))
    team, day, kind, start = team[order], day[order], kind[order], start[order]
    starts = (day.astype(np.int64) * 1440 + start - CHINA) * MINUTE
    minutes = LENGTHS[choose(rng, LENGTH_WEIGHTS, count)]

    past = day < day_number(today)
    state = np.where(past, 0, choose(rng, np.array([0, 88, 6, 3, 1, 2.0]), count))
    state[day == day_number(today)] = 1
    capacity = population.sizes[team] - 1
    attended = np.zeros(count, dtype=np.int64)
    high = np.minimum(np.maximum((capacity * MOST).astype(np.int64), 2), 120)[past]
    ideal = np.exp(rng.normal(2.2, 0.6, int(past.sum())))
    total = sizes.attendances + round(sizes.attendances * VOID)
    ideal *= total / ideal.sum()
    attended[past] = to_total(rng, np.round(ideal).astype(np.int64), total, np.full(len(high), 2), high)
    free = capacity - attended
    missed = np.minimum(rng.binomial(attended, 0.02), free)
    cancelled = np.minimum(rng.binomial(attended, 0.03), free - missed)

    open_now = state == 1
    places = np.where(
        past,
        attended + missed + rng.binomial(attended, 0.25),
        np.array([8, 10, 12, 15, 20, 30, 40])[rng.integers(0, 7, count)],
    )
    wish = np.where(open_now, np.round(places * rng.uniform(0.05, 1.25, count)), 0).astype(np.int64)
    confirmed = np.minimum(np.minimum(wish, places), free - missed - cancelled)
    waiting = np.where(confirmed == places, np.minimum(wish - confirmed, free - confirmed), 0)
    two = np.array([len(k["posts"]) > 1 for k in kinds])[kind]
    return Activities(
        teams=team, days=day, starts=starts, minutes=minutes, kinds=kind, states=state, attended=attended, missed=missed,
        confirmed=confirmed, waiting=waiting, cancelled=cancelled, places=places,
        second=two & (places >= 4) & (rng.random(count) < 0.6),
    )  # fmt: skip


def _calendar(rng: np.random.Generator, sizes: Sizes, today: date, population: Population) -> tuple[Array, Array]:
    """Team and day of each activity: more at weekends and in March, slightly more in the trailing year, no team twice a day."""
    first = today - timedelta(days=YEARS * 365 + 1)
    days = np.array([first + timedelta(days=n) for n in range((today - first).days + COMING_DAYS)])
    past = np.array([day < today for day in days])
    weight = np.array([(1.7 if day.weekday() >= 5 else 1.0) * (1.35 if day.month == 3 else 1.0) for day in days])
    recent = np.array([today - timedelta(days=365) <= day < today for day in days])
    share = A_DAY * 365 / ACTIVITIES
    for chosen, part in ((recent, share), (past & ~recent, 1 - share)):
        weight[chosen] *= part / weight[chosen].sum()
    weight[past] *= 1 / weight[past].sum()
    ahead = np.array([(day - today).days for day in days])
    coming = np.where(past, 0, weight * (1 - ahead / (COMING_DAYS + 5)))
    teams = population.sizes**0.7 * np.exp(rng.normal(0, BUSY, len(population.sizes)))
    parts = []
    for total, by_day in ((sizes.activities, np.where(past, weight, 0)), (sizes.coming, coming)):
        keys = np.empty(0, dtype=np.int64)
        while len(keys) < total:
            missing = total - len(keys)
            drawn = choose(rng, teams, missing).astype(np.int64) * len(days) + choose(rng, by_day, missing)
            keys = np.unique(np.concatenate([keys, drawn]))
        parts.append(keys)
    team, day = np.divmod(np.concatenate(parts), len(days))
    return team.astype(np.int32), (day + day_number(first)).astype(np.int32)


def encode(
    city_seed: int, part: int, low: int, high: int, activities: Activities, teams: Teams, population: Population, places: Places
) -> bytes:
    """Rows low to high of the activities' table."""
    rng = draws(city_seed, "a_rows", part)
    count = high - low
    some = slice(low, high)
    kinds = read("activities")["activity"]
    venues = read("places")["venues"]["names"]
    kind, team, state = activities.kinds[some], activities.teams[some], activities.states[some]
    place = teams.places[team]
    titles = [f"{places.names[p]}{kinds[k]['title']}" for p, k in zip(place, kind, strict=True)]
    venue = rng.integers(0, len(venues), count)
    addresses = [f"{places.names[p]}{venues[v]}" for p, v in zip(place, venue, strict=True)]
    longitude, latitude = places.longitudes[place], places.latitudes[place]
    nowhere = np.isnan(longitude)
    leader = population.leaders()[team]
    above = teams.parents[team]
    approver = population.leaders()[np.where(above < 0, 0, above)]
    published = np.isin(state, (0, 1))
    starts = activities.starts[some]
    created = starts - (rng.integers(12 * 1440, 16 * 1440, count) * MINUTE)
    danger = np.array([k.get("danger", False) for k in kinds])[kind]
    everyone = np.arange(count)
    policies = [f"SYN{low + n + 1:09d}" for n in range(count)]
    # Words to be found by are long: of what is over only the last months have them.
    found = activities.days[some] >= int(activities.days[activities.states == 1].min()) - SEARCHED
    search = [rows.text_array([])] * count
    for n in np.flatnonzero(found):
        label = Category(kinds[kind[n]]["category"]).label
        told = (titles[n], teams.names[team[n]], addresses[n], places.names[place[n]], str(label))
        search[n] = rows.text_array(sorted(set().union(*map(_tokens, told))))
    reasons = ["" if s != 4 else "请补充集合地点和负责人联系方式。" for s in range(len(STATES))]
    reasons[5] = "因天气原因取消。"
    return rows.encode(
        [
            rows.numbers(np.arange(low + 1, high + 1), "i8"),
            rows.numbers(team.astype(np.int64) + 1, "i8"),
            rows.numbers(places.ids[place], "i8"),
            rows.words(everyone, titles),
            rows.words(kind, [k["category"] for k in kinds]),
            rows.words(kind, [k["content"] for k in kinds]),
            rows.numbers(starts, "i8"),
            rows.numbers(activities.ends[some], "i8"),
            rows.words(everyone, addresses),
            rows.numbers(longitude + rng.normal(0, 0.002, count), "f8", nowhere),
            rows.numbers(latitude + rng.normal(0, 0.0017, count), "f8", nowhere),
            rows.integer(500, 2),
            rows.integer(18, 2),
            rows.constant(None),
            rows.words(kind, [k["risk"] for k in kinds]),
            rows.numbers(danger, "b1"),
            rows.words(np.where(danger, everyone, count), [*policies, ""]),
            rows.numbers(np.ones(count, dtype=bool), "b1"),
            rows.numbers(leader, "i8"),
            rows.words(state, [str(s) for s in STATES]),
            rows.words(state, reasons),
            rows.numbers(activities.places[some], "i4"),
            rows.numbers(activities.taken[some], "i4"),
            rows.words(everyone, search),
            rows.matrix(rng.integers(0, 256, (count, 20), dtype=np.uint8)),
            rows.numbers(leader, "i8"),
            rows.numbers(created, "i8"),
            rows.numbers(approver, "i8", ~published | (approver == leader)),
            rows.numbers(created + 1440 * MINUTE, "i8", ~published),
        ],
        count,
    )


@lru_cache(maxsize=200_000)
def _tokens(text: str) -> frozenset[str]:
    """Those of one part of what an activity is found by: the parts come again and again."""
    return frozenset(search_tokens(text))


def encode_posts(low: int, high: int, activities: Activities) -> bytes:
    """The posts of activities low to high."""
    kinds = read("activities")["activity"]
    names = sorted({name for k in kinds for name in k["posts"]})
    by_kind = np.array([[names.index(k["posts"][0]), names.index(k["posts"][-1])] for k in kinds])
    some = slice(low, high)
    number = 1 + activities.second[some].astype(np.int64)
    activity = np.repeat(np.arange(low, high), number)
    rank = ranks(number)
    places, taken, more_places, more_taken = (part[some] for part in activities.posts())
    mine = activity - low
    return rows.encode(
        [
            rows.numbers(activities.first_posts()[activity] + rank, "i8"),
            rows.numbers(activity + 1, "i8"),
            rows.words(by_kind[activities.kinds[activity], rank], names),
            rows.numbers(np.where(rank == 0, places[mine], more_places[mine]), "i2"),
            rows.numbers(np.where(rank == 0, taken[mine], more_taken[mine]), "i2"),
            rows.constant(rows.text_array([])),
        ],
        len(activity),
    )
