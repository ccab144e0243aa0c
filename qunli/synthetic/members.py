"""Rows of persons, volunteers, and what ties them to teams and divisions."""

import numpy as np

from qunli.people.enums import IdKind, Purpose, Relation, Sex
from qunli.synthetic import identities, rows
from qunli.synthetic.places import Places
from qunli.synthetic.plan import draws
from qunli.synthetic.population import PERSON_BASE, Lives, Population
from qunli.synthetic.rows import MINUTE, Array
from qunli.synthetic.teams import Teams
from qunli.volunteering.enums import Category, MembershipState, Skill, VolunteerState

PERSON_COLUMNS = (
    "id", "name", "sex", "birth_date", "id_kind", "id_number", "id_digest", "phone", "phone_digest", "email", "division_id",
    "created_at", "updated_at",
)  # fmt: skip
VOLUNTEER_COLUMNS = (
    "id", "person_id", "number", "division_id", "state", "skills", "categories", "free_times", "minutes", "registered_at",
)  # fmt: skip
MEMBERSHIP_COLUMNS = ("id", "team_id", "volunteer_id", "leader", "state", "state_reason", "applied_at", "joined_at", "left_at")
POSTING_COLUMNS = ("id", "person_id", "role", "division_id", "unit", "valid_from", "granted_at", "reason")
GUARDIANSHIP_COLUMNS = ("id", "minor_id", "guardian_id", "relation", "since")
CONSENT_COLUMNS = ("id", "person_id", "purpose", "wording", "given_by_id", "given_at")
SECOND = 0.08
"""Share of the volunteers with a team who are in a second one."""
NOON = 4 * 60 * MINUTE
"""Noon in Shanghai, after midnight UTC."""


def at_noon(days: Array) -> Array:
    noon: Array = days.astype(np.int64) * 1440 * MINUTE + NOON
    return noon


def encode_persons(seed: int, part: int, low: int, high: int, population: Population, lives: Lives, places: Places) -> bytes:
    rng = draws(seed, "p_rows", part)
    count = high - low
    number = np.arange(low, high)
    female = rng.random(count) < 0.56
    name, sizes = identities.names(rng, female)
    identity = identities.id_numbers(number, lives.born[low:high], female)
    phone = identities.phones(number)
    community = places.communities[population.communities[population.slots[low:high]]]
    created = at_noon(lives.registered[low:high])
    return rows.encode(
        [
            rows.numbers(number + 1 + PERSON_BASE, "i8"),
            rows.matrix(name, sizes),
            rows.words(female.astype(np.int8), [str(Sex.MALE), str(Sex.FEMALE)]),
            rows.numbers(lives.born[low:high], "i4"),
            rows.text(IdKind.RESIDENT),
            rows.matrix(identities.sealed(rng, identity)),
            rows.matrix(identities.digests("identity", identity)),
            rows.matrix(identities.sealed(rng, phone)),
            rows.matrix(identities.digests("phone", phone)),
            rows.constant(None),
            rows.numbers(places.ids[community], "i8"),
            rows.numbers(created, "i8"),
            rows.numbers(created, "i8"),
        ],
        count,
    )


def encode_volunteers(
    seed: int, part: int, low: int, high: int, city: str, population: Population, lives: Lives, minutes: Array, places: Places
) -> bytes:
    rng = draws(seed, "v_rows", part)
    count = high - low
    number = np.arange(low, high)
    community = places.communities[population.communities[population.slots[low:high]]]
    skills = [[], *([str(s)] for s in Skill), ["first_aid", "driving"], ["teaching", "computer"]]
    wishes = [[], *([str(c)] for c in Category), ["community", "elderly"], ["environment", "community"], ["children", "education"]]
    skill = np.where(rng.random(count) < 0.65, 0, rng.integers(0, len(skills), count))
    free = [
        0,
        0b111_111_000_000_000_000_000,
        0b100_100_100_100_100_000_000,
        0b000_000_001_001_001_001_001,
        0b110_110_110_110_110_110_110,
    ]
    return rows.encode(
        [
            rows.numbers(number + 1, "i8"),
            rows.numbers(number + 1 + PERSON_BASE, "i8"),
            rows.matrix(volunteer_numbers(number + 1, city)),
            rows.numbers(places.ids[community], "i8"),
            rows.text(VolunteerState.ACTIVE),
            rows.words(skill, [rows.text_array(some) for some in skills]),
            rows.words(rng.integers(0, len(wishes), count), [rows.text_array(some) for some in wishes]),
            rows.numbers(np.array(free)[rng.integers(0, len(free), count)], "i4"),
            rows.numbers(minutes[low:high], "i4"),
            rows.numbers(at_noon(lives.registered[low:high]), "i8"),
        ],
        count,
    )


def volunteer_numbers(keys: Array, city: str) -> Array:
    """`volunteering.numbers.make` of many, as ASCII, one a row; a test holds the two together."""
    stride, space = 618_033_989, 10**9
    # In two steps: the product would not fit into 64 bits.
    high, low = np.divmod(keys.astype(np.int64), 30_000)
    body = (high * (stride * 30_000 % space) + low * stride) % space
    digits = np.zeros((len(keys), 14), dtype=np.int64)
    digits[:, :4] = [int(letter) for letter in city[:4]]
    for place in range(9):
        digits[:, 4 + place] = body // 10 ** (8 - place) % 10
    check = np.full(len(keys), 5)
    for place in range(13):
        check = ((np.where(check == 0, 10, check) * 2) % 11 + digits[:, place]) % 10
    digits[:, 13] = (1 - (np.where(check == 0, 10, check) * 2) % 11) % 10
    return (digits + 48).astype(np.uint8)


def second_teams(seed: int, population: Population, teams: Teams) -> tuple[Array, Array]:
    """Slots of those who are in a second team, and that team: the one above their own."""
    rng = draws(seed, "second")
    at_home = int(population.sizes.sum())
    slots = np.flatnonzero(rng.random(at_home) < SECOND)
    above = teams.parents[population.teams[slots]]
    return slots[above >= 0], above[above >= 0]


def membership_counts(population: Population, second: tuple[Array, Array]) -> Array:
    counts: Array = population.sizes + np.bincount(second[1], minlength=len(population.sizes))
    return counts


def encode_memberships(low: int, high: int, population: Population, lives: Lives, second: tuple[Array, Array]) -> bytes:
    """Rows low to high: first everybody's own team by slot, then the second teams."""
    at_home = int(population.sizes.sum())
    row = np.arange(low, high)
    own = row < at_home
    slot = np.where(own, row, 0)
    slot[~own] = second[0][row[~own] - at_home]
    team = population.teams[slot].astype(np.int64)
    team[~own] = second[1][row[~own] - at_home]
    number = population.numbers[slot]
    leader = own & (slot == population.starts[population.teams[slot]])
    applied = at_noon(lives.registered[number])
    return rows.encode(
        [
            rows.numbers(row + 1, "i8"),
            rows.numbers(team + 1, "i8"),
            rows.numbers(number.astype(np.int64) + 1, "i8"),
            rows.numbers(leader, "b1"),
            rows.text(MembershipState.ACTIVE),
            rows.text(""),
            rows.numbers(applied, "i8"),
            rows.numbers(applied + 1440 * MINUTE, "i8"),
            rows.constant(None),
        ],
        high - low,
    )


def encode_postings(low: int, high: int, population: Population, lives: Lives, teams: Teams, places: Places) -> bytes:
    """Rows low to high: first every volunteer's, then the leaders'."""
    volunteers = len(population)
    row = np.arange(low, high)
    common = row < volunteers
    number = np.where(common, row, 0)
    team = row[~common] - volunteers
    number[~common] = population.numbers[population.starts[team]]
    node = places.communities[population.communities[population.slots[number]]]
    node[~common] = teams.places[team]
    unit = np.zeros(len(row), dtype=np.int64)
    unit[~common] = np.arange(1, len(team) + 1)
    days = lives.registered[number]
    return rows.encode(
        [
            rows.numbers(row + 1, "i8"),
            rows.numbers(number.astype(np.int64) + 1 + PERSON_BASE, "i8"),
            rows.words((~common).astype(np.int8), ["volunteer", "team_leader"]),
            rows.numbers(places.ids[node], "i8"),
            rows.words(unit, ["", *(f"team:{t + 1}" for t in team)]),
            rows.numbers(days, "i4"),
            rows.numbers(at_noon(days), "i8"),
            rows.text("synthetic"),
        ],
        len(row),
    )


def encode_guardianships(lives: Lives) -> bytes:
    count = len(lives.minors)
    return rows.encode(
        [
            rows.numbers(np.arange(1, count + 1), "i8"),
            rows.numbers(lives.minors + 1 + PERSON_BASE, "i8"),
            rows.numbers(lives.guardians.astype(np.int64) + 1 + PERSON_BASE, "i8"),
            rows.text(Relation.PARENT),
            rows.numbers(lives.registered[lives.minors], "i4"),
        ],
        count,
    )


def encode_consents(low: int, high: int, population: Population, lives: Lives, wording: str) -> bytes:
    """Consents of the volunteers low to high to what registering needs; a minor's by the guardian, who consents to the service too.

    Keys leave room for three a person, so that each part knows its own.
    """
    guardian = np.arange(low, high) + 1 + PERSON_BASE
    mine = (lives.minors >= low) & (lives.minors < high)
    guardian[lives.minors[mine] - low] = lives.guardians[mine].astype(np.int64) + 1 + PERSON_BASE
    minor = np.zeros(high - low, dtype=bool)
    minor[lives.minors[mine] - low] = True
    number = np.concatenate([np.arange(low, high), np.arange(low, high), np.flatnonzero(minor) + low])
    purpose = np.repeat(np.arange(3), [high - low, high - low, int(minor.sum())])
    return rows.encode(
        [
            rows.numbers(number * 3 + purpose + 1, "i8"),
            rows.numbers(number + 1 + PERSON_BASE, "i8"),
            rows.words(purpose, [str(Purpose.REGISTRATION), str(Purpose.IDENTITY), str(Purpose.MINOR)]),
            rows.text(wording),
            rows.numbers(guardian[number - low], "i8"),
            rows.numbers(at_noon(lives.registered[number]), "i8"),
        ],
        len(number),
    )
