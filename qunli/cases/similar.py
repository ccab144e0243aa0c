"""How alike two requests are: pure, over pairs of characters, which suits short Chinese texts."""

from qunli.kernel.words import normal

ALIKE = 0.45
"""From here two texts of one place are offered for merging."""


def pairs(text: str) -> frozenset[str]:
    """Neighbouring characters, letters and digits only."""
    plain = "".join(letter for letter in normal(text) if letter.isalnum())
    return frozenset(plain[i : i + 2] for i in range(len(plain) - 1)) or frozenset({plain})


def likeness(one: str, other: str) -> float:
    """Shared pairs of all pairs (Jaccard), 0 to 1."""
    a, b = pairs(one), pairs(other)
    return len(a & b) / len(a | b)
