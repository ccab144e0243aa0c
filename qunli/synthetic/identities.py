"""Names, identity numbers and phones that are plausible and can be no one's.

- Identity numbers are right by GB 11643 (date, sex, check character). Their place begins with 00: the codes of GB/T 2260 begin
  with 1 to 8 (and 9 for foreigners), so no such number was ever given to anybody.
- Phones begin with 154: the ministry has given that range to no carrier. The form accepts it, no message can reach anyone.
"""

import numpy as np

from qunli.kernel import ciphers
from qunli.people.identity import CHECKS, WEIGHTS
from qunli.synthetic.places import read
from qunli.synthetic.plan import choose
from qunli.synthetic.rows import EPOCH_DAY, Array

PHONES = "154"
DEMONSTRATION_PHONES = "1540000"
"""Those of the demonstration's people; all others begin with 1541 to 1549."""
PER_AREA = 500
"""Numbers of one sex for one place and birthday: the last digit but one tells the sex."""


def id_numbers(numbers: Array, born: Array, female: Array) -> Array:
    """Identity numbers as ASCII, one a row; `numbers` counts persons, no two get the same whatever their birthday."""
    area, serial = np.divmod(numbers.astype(np.int64), PER_AREA)
    days = born.astype("datetime64[D]") + (EPOCH_DAY - EPOCH_DAY.replace(year=1970)).days
    month = days.astype("datetime64[M]")
    year = days.astype("datetime64[Y]").astype(np.int64) + 1970
    digits = np.zeros((len(numbers), 17), dtype=np.int64)
    birth = year * 10_000 + (month.astype(np.int64) % 12 + 1) * 100 + (days - month).astype(np.int64) + 1
    _spell(digits[:, 2:6], area)
    _spell(digits[:, 6:14], birth)
    _spell(digits[:, 14:17], serial * 2 + ~female)
    checks = np.frombuffer(CHECKS.encode(), dtype=np.uint8)
    check = checks[(digits @ np.array(WEIGHTS)) % 11]
    return np.concatenate([(digits + 48).astype(np.uint8), check[:, None]], axis=1)


def phones(numbers: Array) -> Array:
    """Phones in E.164 as ASCII, one a row."""
    out = np.zeros((len(numbers), 14), dtype=np.int64)
    out[:, :6] = np.frombuffer(f"+86{PHONES}".encode(), dtype=np.uint8) - 48
    _spell(out[:, 6:], 10**7 + numbers.astype(np.int64) * 61_803_401 % (9 * 10**7))
    return (out + 48).astype(np.uint8)


def _spell(out: Array, values: Array) -> None:
    """The decimal digits of `values`, with leading zeros, into the columns of `out`."""
    for place in range(out.shape[1]):
        out[:, place] = values // 10 ** (out.shape[1] - 1 - place) % 10


def digests(kind: str, texts: Array) -> Array:
    """Blind indexes of texts of one length."""
    width = texts.shape[1]
    data = texts.tobytes().decode("ascii")
    found = ciphers.blind_indexes(kind, (data[at : at + width] for at in range(0, len(data), width)))
    return np.frombuffer(b"".join(found), dtype=np.uint8).reshape(len(texts), 32)


def sealed(rng: np.random.Generator, texts: Array) -> Array:
    """Blobs of texts of one length; their nonces are the generator's, so that the same seed gives the same blobs."""
    return ciphers.encrypt_rows(texts, rng.integers(0, 256, (len(texts), ciphers.NONCE), dtype=np.uint8))


def names(rng: np.random.Generator, female: Array) -> tuple[Array, Array]:
    """Names as UTF-8, one a row, and the length of each in bytes."""
    texts = read("names")
    entries = [(entry.rstrip("0123456789"), entry) for entry in texts["surnames"].split()]
    surnames = [name for name, _ in entries]
    weights = np.array([float(entry[len(name) :]) for name, entry in entries])
    count = len(female)
    surname = choose(rng, weights, count)
    picks = [_characters(texts[sex]) for sex in ("male", "female")]
    out = np.zeros((count, 48), dtype=np.uint8)
    sizes = np.zeros(count, dtype=np.int64)
    first, second = (
        np.where(
            female[:, None],
            picks[1][rng.integers(0, len(picks[1]), count)],
            picks[0][rng.integers(0, len(picks[0]), count)],
        )
        for _ in range(2)
    )
    two = rng.random(count) < 0.82
    for compound in (False, True):
        chosen = np.flatnonzero(np.array([len(name) == 2 for name in surnames])[surname] == compound)
        width = 6 if compound else 3
        table = np.stack([np.frombuffer(name.encode().ljust(6, b"\0"), dtype=np.uint8) for name in surnames])
        out[chosen, :width] = table[surname[chosen], :width]
        out[chosen, width : width + 3] = first[chosen]
        both = chosen[two[chosen]]
        out[both, width + 3 : width + 6] = second[both]
        sizes[chosen] = width + 3
        sizes[both] = width + 6
    special = [name.encode() for name in texts["minority"]]
    for row in np.flatnonzero(rng.random(count) < 0.0015):
        name = special[int(rng.integers(0, len(special)))]
        out[row, : len(name)] = np.frombuffer(name, dtype=np.uint8)
        sizes[row] = len(name)
    return out, sizes


def _characters(text: str) -> Array:
    return np.frombuffer(text.encode(), dtype=np.uint8).reshape(-1, 3)
