"""The tree of teams: city, industry corps, districts, streets, communities; and the teams of partners."""

from dataclasses import dataclass

import numpy as np
from stdnum.cn import uscc

from qunli.kernel.words import search_tokens
from qunli.synthetic import rows
from qunli.synthetic.places import Places, read
from qunli.synthetic.plan import Sizes, choose, draws
from qunli.synthetic.rows import Array
from qunli.volunteering.enums import Sponsor, TeamLevel, TeamState

LEVELS = [TeamLevel.CITY, TeamLevel.CORPS, TeamLevel.DISTRICT, TeamLevel.STREET, TeamLevel.COMMUNITY]
PULL = np.array([30.0, 10.0, 6.0, 3.0, 1.0])
"""How many members a team of each level draws, beside a community's."""
SMALLEST = 12
"""Members that every team has at least."""
AREA = "000000"
"""Division in the credit codes: one that exists nowhere, so that the codes are nobody's."""


@dataclass(frozen=True)
class Teams:
    """Teams in the order of their keys: key = position + 1."""

    levels: Array
    places: Array
    """Index of the division in `Places`."""
    parents: Array
    """Position of the team above; -1 for the city's."""
    names: list[str]
    sponsors: list[str]
    sponsor_names: list[str]
    pull: Array
    """Weight by which members are drawn."""

    def __len__(self) -> int:
        return len(self.levels)


def draw(sizes: Sizes, seed: int, places: Places) -> Teams:
    rng = draws(seed, "teams")
    texts = read("teams")
    total = sizes.teams
    corps = min(len(texts["corps"]), max(1, total // 60))
    by_weight = np.zeros(len(places.levels))
    for above in places.above.T:
        np.add.at(by_weight, above, places.weights)
    districts = _heaviest(places.districts, by_weight, total // 8)
    streets = _heaviest(places.streets, by_weight, total // 8)
    left = total - 1 - corps - len(districts) - len(streets)
    communities = places.communities[np.sort(choose(rng, places.weights, left))]

    node = np.concatenate([[places.city], np.full(corps, places.city), districts, streets, communities]).astype(np.int32)
    level: Array = np.repeat(np.arange(5, dtype=np.int8), [1, corps, len(districts), len(streets), len(communities)])
    first = {int(n): number for number, n in enumerate(node) if level[number] in (2, 3)}
    first[places.city] = 0
    parents = np.array(
        [-1 if n == 0 else _parent(int(level[n]), int(node[n]), places, first) for n in range(total)], dtype=np.int32
    )

    partners = set(rng.choice(np.flatnonzero(level == 4), size=min(sizes.partner_teams, left), replace=False).tolist())
    names, sponsors, sponsor_names = _names(rng, level, node, places, partners)
    pull = PULL[level] * np.exp(rng.normal(0, 0.7, total))
    return Teams(level, node, parents, names, sponsors, sponsor_names, pull)


def _heaviest(nodes: Array, weights: Array, count: int) -> Array:
    chosen: Array = np.sort(nodes[np.argsort(-weights[nodes], kind="stable")[: max(1, count)]])
    return chosen


def _parent(level: int, node: int, places: Places, first: dict[int, int]) -> int:
    """The team of the level directly above, -1 where that division has none."""
    if level <= 2:
        return 0
    return first.get(int(places.parents[node]), -1)


def _names(
    rng: np.random.Generator, level: Array, node: Array, places: Places, partners: set[int]
) -> tuple[list[str], list[str], list[str]]:
    texts = read("teams")
    brands = texts["brands"]
    kinds = {0: ["志愿服务总队"], 1: texts["corps"], 2: texts["district"], 3: texts["street"], 4: texts["community"]}
    used: dict[tuple[int, int], int] = {}
    names: list[str] = []
    sponsors: list[str] = []
    sponsor_names: list[str] = []
    picks = rng.integers(0, 2**31, len(level))
    for number in range(len(level)):
        place, rank, pick = int(node[number]), int(level[number]), int(picks[number])
        if number in partners:
            social = pick % 100 < 45
            endings = texts["organisations"] if social else texts["enterprises"]
            brand = brands[number % len(brands)] + brands[number // len(brands) % len(brands)]
            sponsor_name = f"{places.names[place].removesuffix('社区')}{brand}{endings[pick % len(endings)]}"
            names.append(f"{sponsor_name}志愿服务队")
            sponsors.append(Sponsor.SOCIAL_ORGANISATION if social else Sponsor.ENTERPRISE)
            sponsor_names.append(sponsor_name)
            continue
        turn = used.get((rank, place), 0)
        used[rank, place] = turn + 1
        choice = kinds[rank]
        again = turn // len(choice)
        names.append(f"{places.names[place]}{f'第{again + 1}' if again else ''}{choice[turn % len(choice)]}")
        school = rank == 4 and pick % 100 < 4
        residents = rank == 4 and not school and pick % 100 < 40
        sponsors.append(Sponsor.SCHOOL if school else Sponsor.RESIDENTS if residents else Sponsor.GOVERNMENT)
        ending = texts["schools"][pick % len(texts["schools"])]
        sponsor_names.append(f"{places.names[place].removesuffix('社区')}{ending}" if school else "")
    return names, sponsors, sponsor_names


def credit_code(number: int) -> str:
    """A code that is right by GB 32100 and names a division that does not exist."""
    body = f"91{AREA}{number:08d}"
    body += _organisation_check(body[8:])
    return body + str(uscc.calc_check_digit(body))


def _organisation_check(digits: str) -> str:
    """The check character of an organisation code (GB 11714), the 17th of a credit code."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return "0123456789X"[(11 - total % 11) % 11]


def encode(teams: Teams, members: Array, founded: Array, leaders: Array, places: Places) -> bytes:
    """All rows of the teams' table. `founded` is a day number, `leaders` the persons' keys, `members` the kept counter."""
    introductions = read("teams")["introductions"]
    count = len(teams)
    partners = np.array([s in (Sponsor.SOCIAL_ORGANISATION, Sponsor.ENTERPRISE) for s in teams.sponsors])
    codes = [credit_code(n + 1).encode() if partners[n] else b"" for n in range(count)]
    everyone = np.arange(count)
    words = zip(teams.names, teams.sponsor_names, teams.places, strict=True)
    search = [rows.text_array(search_tokens(f"{name} {sponsor} {places.names[p]}")) for name, sponsor, p in words]
    created = founded.astype(np.int64) * 1440 * rows.MINUTE + 600 * rows.MINUTE
    return rows.encode(
        [
            rows.numbers(everyone + 1, "i8"),
            rows.words(everyone, teams.names),
            rows.words(teams.levels, [str(level) for level in LEVELS]),
            rows.words(everyone, teams.sponsors),
            rows.words(everyone, teams.sponsor_names),
            rows.words(everyone, codes),
            rows.numbers(places.ids[teams.places], "i8"),
            rows.numbers(teams.parents.astype(np.int64) + 1, "i8", teams.parents < 0),
            rows.words(everyone, [introductions[s] for s in teams.sponsors]),
            rows.text(TeamState.ACTIVE),
            rows.text(""),
            rows.numbers(leaders, "i8"),
            rows.numbers(members, "i4"),
            rows.words(everyone, search),
            rows.numbers(founded, "i4"),
            rows.numbers(created, "i8"),
        ],
        count,
    )


COLUMNS = (
    "id", "name", "level", "sponsor", "sponsor_name", "credit_code", "division_id", "parent_id", "introduction", "state",
    "state_reason", "applicant_id", "members", "search", "founded_on", "created_at",
)  # fmt: skip
