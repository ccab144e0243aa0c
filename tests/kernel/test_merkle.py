"""The tree of RFC 9162: its known answers, every way in small trees, blocks, and ways that lie."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel import merkle

# The leaves and roots that implementations of Certificate Transparency check themselves by (google/certificate-transparency).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def hashes(count: int) -> bytes:
    return b"".join(merkle.leaf(str(n).encode()) for n in range(count))


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots(size: int) -> None:
    assert merkle.root(b"".join(map(merkle.leaf, LEAVES[:size]))).hex() == ROOTS[size - 1]


def test_a_tree_of_nothing() -> None:
    assert merkle.root(b"") == sha256(b"").digest()
    assert merkle.leads_to(merkle.leaf(b""), 0, 0, []) is None


@pytest.mark.parametrize("size", [*range(1, 34), 100])
def test_every_leaf_proves_itself_and_nothing_else(size: int) -> None:
    nodes = hashes(size)
    tree = merkle.levels(nodes)
    for index in range(size):
        way = merkle.path(tree, index)
        own = nodes[index * 32 : index * 32 + 32]
        assert merkle.leads_to(own, index, size, way) == tree[-1]
        assert merkle.leads_to(merkle.leaf(b"other"), index, size, way) != tree[-1]
        assert merkle.leads_to(own, index, size, [*way, b"\0" * 32]) is None
        if way:
            assert merkle.leads_to(own, index, size, way[:-1]) is None
        if size > 1:
            assert merkle.leads_to(own, (index + 1) % size, size, way) != tree[-1]


@given(count=st.integers(1, 300), bits=st.integers(0, 5))
def test_whole_blocks_are_parts_of_the_tree(count: int, bits: int) -> None:
    nodes, block = hashes(count), 32 << bits
    roots = b"".join(merkle.root(nodes[at : at + block]) for at in range(0, len(nodes), block))
    assert merkle.root(roots) == merkle.root(nodes)
    whole, above = merkle.levels(nodes), merkle.levels(roots)
    for index in {0, count // 2, count - 1}:
        number = index >> bits
        below = merkle.levels(nodes[number * block : number * block + block])
        assert merkle.path(below, index - (number << bits)) + merkle.path(above, number) == merkle.path(whole, index)
