"""SM4-GCM for many short texts at once (NIST SP 800-38D).

All counter blocks go through the cipher in one call, GHASH is done by table look-ups in numpy. The blobs are those of
`ciphers.encrypt`; only their making is faster, since a call of the library per text costs more than the text. Used to encrypt data
of our own in bulk; table look-ups are no defence against somebody who measures times on the same machine.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
NONCE = 12
R = 0xE1 << 120
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]


def seal(secret: bytes, header: bytes, texts: Sequence[bytes], nonces: bytes | None = None) -> list[bytes]:
    """header + nonce + ciphertext + tag of each text, in order. `header` (at most 16 bytes) is authenticated with it."""
    if len(header) > BLOCK:
        raise ValueError("a header has at most 16 bytes")
    if nonces is None:
        nonces = os.urandom(NONCE * len(texts))
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        by_length[len(text)].append(place)
    sealed: list[bytes] = [b""] * len(texts)
    for length, places in by_length.items():
        plain = np.frombuffer(b"".join(texts[p] for p in places), np.uint8).reshape(len(places), length)
        fresh = np.frombuffer(b"".join(nonces[p * NONCE : p * NONCE + NONCE] for p in places), np.uint8).reshape(-1, NONCE)
        rows = seal_rows(secret, header, plain, fresh)
        width = rows.shape[1]
        joined = rows.tobytes()
        for number, place in enumerate(places):
            sealed[place] = joined[number * width : (number + 1) * width]
    return sealed


def seal_rows(secret: bytes, header: bytes, plain: Bytes, nonces: Bytes) -> Bytes:
    """Texts of one length, a row each."""
    count, length = plain.shape
    blocks = -(-length // BLOCK)
    counters = np.zeros((count, blocks + 1, BLOCK), np.uint8)
    counters[:, :, :NONCE] = nonces[:, None, :]
    counters[:, :, NONCE:] = np.arange(1, blocks + 2, dtype=">u4").view(np.uint8).reshape(1, blocks + 1, 4)
    stream = np.frombuffer(_ecb(secret, counters.tobytes()), np.uint8).reshape(count, blocks + 1, BLOCK)
    cipher = np.zeros((count, blocks * BLOCK), np.uint8)
    cipher[:, :length] = plain ^ stream[:, 1:].reshape(count, blocks * BLOCK)[:, :length]

    table = _table(secret)
    start = np.frombuffer(header.ljust(BLOCK, b"\0"), np.uint8)
    state = np.broadcast_to(_times(table, start[None, :]), (count, BLOCK))
    for number in range(blocks):
        state = _times(table, state ^ cipher[:, number * BLOCK : (number + 1) * BLOCK])
    lengths = (len(header) * 8).to_bytes(8, "big") + (length * 8).to_bytes(8, "big")
    tag = _times(table, state ^ np.frombuffer(lengths, np.uint8)) ^ stream[:, 0]
    head = np.broadcast_to(np.frombuffer(header, np.uint8), (count, len(header)))
    return np.concatenate([head, nonces, cipher[:, :length], tag], axis=1)


def _ecb(secret: bytes, blocks: bytes) -> bytes:
    # The bare block function, from which GCM is built here: nothing is encrypted in ECB.
    return Cipher(algorithms.SM4(secret), modes.ECB()).encryptor().update(blocks)  # noqa: S305


@lru_cache(maxsize=4)
def _table(secret: bytes) -> Words:
    """[place of a byte, its value] -> its product with the hash key in GF(2**128), as two words."""
    value = int.from_bytes(_ecb(secret, bytes(BLOCK)), "big")
    powers = []
    for _bit in range(128):
        powers.append(value)
        value = value >> 1 ^ (R if value & 1 else 0)
    table = np.zeros((BLOCK, 256, 2), np.uint64)
    for place in range(BLOCK):
        for byte in range(256):
            product = 0
            for bit in range(8):
                if byte >> (7 - bit) & 1:
                    product ^= powers[place * 8 + bit]
            table[place, byte] = product >> 64, product & (2**64 - 1)
    return table


def _times(table: Words, states: Bytes) -> Bytes:
    """Each row times the hash key."""
    product = table[0, states[:, 0]]
    for place in range(1, BLOCK):
        product ^= table[place, states[:, place]]
    return np.ascontiguousarray(product.astype(">u8")).view(np.uint8)
