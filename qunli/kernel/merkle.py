"""The hash tree of RFC 9162 (Certificate Transparency 2.0), section 2.1, over SHA-256. Pure; a level is bytes, 32 a node.

Its whole parts are trees of their own: 1,024 leaves that begin at a multiple of 1,024 have a root that is a node of any larger
tree, so that a tree over millions can be kept and proved in blocks.
"""

from collections.abc import Sequence
from hashlib import sha256

SIZE = 32
EMPTY = sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    """Hash of a leaf; the first byte keeps a leaf from passing for a node."""
    return sha256(b"\0" + data).digest()


def levels(nodes: bytes) -> list[bytes]:
    """All levels of the tree over `nodes` (leaf hashes, or the roots of whole blocks), from them to the root. [] for none.

    A node without a neighbour moves up unchanged, which gives the tree of the RFC.
    """
    found = [nodes] if nodes else []
    hashed = sha256
    while len(nodes) > SIZE:
        paired = len(nodes) // (2 * SIZE) * (2 * SIZE)
        above = b"".join([hashed(b"\1" + nodes[at : at + 64]).digest() for at in range(0, paired, 64)])
        nodes = above + nodes[paired:]
        found.append(nodes)
    return found


def root(nodes: bytes) -> bytes:
    """The root over leaf hashes or whole blocks' roots."""
    return levels(nodes)[-1] if nodes else EMPTY


def path(tree: Sequence[bytes], index: int) -> list[bytes]:
    """The neighbours on the way from node `index` of the lowest level to the root; none where a node moved up unchanged."""
    found = []
    for level in tree[:-1]:
        neighbour = index ^ 1
        if neighbour * SIZE < len(level):
            found.append(level[neighbour * SIZE : neighbour * SIZE + SIZE])
        index >>= 1
    return found


def leads_to(hashed: bytes, index: int, size: int, way: Sequence[bytes]) -> bytes | None:
    """The root to which leaf `hashed` at `index` of a tree over `size` leaves leads by `way` (RFC 9162, 2.1.3.2).

    None when the way does not have the length that it must have.
    """
    if not 0 <= index < size:
        return None
    last = size - 1
    for node in way:
        if last == 0:
            return None
        if index & 1 or index == last:
            hashed = sha256(b"\1" + node + hashed).digest()
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            hashed = sha256(b"\1" + hashed + node).digest()
        index >>= 1
        last >>= 1
    return hashed if last == 0 else None
