"""Persons and volunteers: who they are, where they live, which team is theirs.

Members stand in slots, team by team: slot 0 of a team is its leader. A slot's number in the city is a random permutation, so that
neighbours in a team are no neighbours in the table. The volunteer's key is that number + 1, the person's key + PERSON_BASE, so
that code which mistakes one for the other is found.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from qunli.synthetic.places import Places
from qunli.synthetic.plan import Sizes, choose, draws, to_total
from qunli.synthetic.rows import Array, day_number
from qunli.synthetic.teams import SMALLEST, Teams

PERSON_BASE = 1_000
AT_HOME = 0.70
"""Share of the volunteers who have a team."""
MINORS = 0.02
"""Share of minors among those who have never served."""


@dataclass(frozen=True)
class Population:
    sizes: Array
    """Members by team (its own, not those who are in a second team)."""
    starts: Array
    """First slot of each team."""
    numbers: Array
    """Number (0, 1, ...) of the volunteer in each slot."""
    slots: Array
    """The other way round."""
    communities: Array
    """Position of the community (in `Places.communities`) by slot."""
    teams: Array
    """Team by slot; -1 for those without."""

    def __len__(self) -> int:
        return len(self.numbers)

    def leaders(self) -> Array:
        """The person's key of each team's leader."""
        found: Array = self.numbers[self.starts].astype(np.int64) + 1 + PERSON_BASE
        return found


def draw(sizes: Sizes, seed: int, places: Places, teams: Teams) -> Population:
    rng = draws(seed, "people")
    count = sizes.volunteers
    at_home = max(round(count * AT_HOME), SMALLEST * len(teams))
    if at_home > count:
        raise ValueError("too few volunteers for so many teams")
    ideal = teams.pull / teams.pull.sum() * (at_home - SMALLEST * len(teams)) + SMALLEST
    low = np.full(len(teams), SMALLEST, dtype=np.int64)
    members = to_total(rng, ideal.astype(np.int64), at_home, low, np.full(len(teams), at_home, dtype=np.int64))
    home = np.repeat(np.arange(len(teams), dtype=np.int32), members)

    position = np.full(len(places.names), -1, dtype=np.int32)
    position[places.communities] = np.arange(len(places.communities), dtype=np.int32)
    communities = position[teams.places[home]]
    edges = np.concatenate([[0], np.cumsum(members)])
    for team in np.flatnonzero(teams.levels < 4):
        under = places.under(int(teams.places[team]))
        chosen = under[choose(rng, places.weights[under], int(members[team]))]
        communities[edges[team] : edges[team + 1]] = chosen
    others = choose(rng, places.weights, count - at_home)
    numbers = rng.permutation(count).astype(np.int32)
    slots = np.empty(count, dtype=np.int32)
    slots[numbers] = np.arange(count, dtype=np.int32)
    return Population(
        sizes=members,
        starts=edges[:-1],
        numbers=numbers,
        slots=slots,
        communities=np.concatenate([communities, others]),
        teams=np.concatenate([home, np.full(count - at_home, -1, dtype=np.int32)]),
    )


@dataclass(frozen=True)
class Lives:
    """Dates by volunteer number, as day numbers."""

    born: Array
    registered: Array
    minors: Array
    """Numbers of those under 18."""
    guardians: Array
    """Number of the guardian of each of them."""


def draw_lives(seed: int, today: date, population: Population, first_served: Array) -> Lives:
    """Births and registrations that fit: adults at their first service, registered before it. `first_served` is a day number by
    volunteer number, or a day after `today` for those who have never served."""
    rng = draws(seed, "lives")
    now = day_number(today)
    count = len(population)
    served = first_served <= now
    long_ago = day_number(today - timedelta(days=3650))
    registered = rng.integers(long_ago, now, count, dtype=np.int32)
    registered = np.where(served, first_served - 20 - (rng.pareto(1.2, count) * 60).clip(0, 2000).astype(np.int32), registered)
    leaders = population.numbers[population.starts]
    registered[leaders] = long_ago
    years = np.where(rng.random(count) < 0.45, rng.normal(64, 8, count), rng.normal(36, 11, count)).clip(18.2, 88)
    born = np.minimum(now - (years * 365.25).astype(np.int32), registered - round(18.1 * 365.25))
    minors = np.flatnonzero(~served & (population.teams[population.slots] < 0) & (rng.random(count) < MINORS))
    age = (rng.random(len(minors)) * 3.6 + 14.2) * 365.25
    born[minors] = now - age.astype(np.int32)
    registered[minors] = now - rng.integers(1, 60, len(minors), dtype=np.int32)
    guardians = leaders[rng.integers(0, len(leaders), len(minors))]
    return Lives(born.astype(np.int32), registered.astype(np.int32), minors, guardians)
