"""Personal data in bulk: the blobs of `ciphers.encrypt` for millions of short texts, tens of times as fast.

SM4-GCM is counter mode and GHASH (NIST SP 800-38D). The key stream is one call of SM4-ECB over all counter blocks; GHASH is a
product in GF(2^128) by the one hash key, hence sixteen look-ups per block, done in numpy for all texts at once. The caller gives
the nonces, because a load that is to be the same twice needs the same nonces; they must never be used for another text.
"""

from functools import lru_cache

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from qunli.kernel import ciphers

Bytes = np.ndarray[tuple[int, int], np.dtype[np.uint8]]

_REDUCTION = 0xE1 << 120


def seal(texts: Bytes, nonces: Bytes) -> Bytes:
    """Blobs (one a row) of `texts`, all of the same length (at most 32 bytes), under today's key; `nonces` has 12 bytes a row."""
    count, length = texts.shape
    if not 0 < length <= 32 or nonces.shape != (count, ciphers.NONCE):
        raise ValueError("texts of 1 to 32 bytes, and one nonce of 12 bytes for each")
    key = ciphers.current_key()
    blocks = 1 + -(-length // 16)
    counters = np.zeros((count, blocks, 16), dtype=np.uint8)
    counters[:, :, :12] = nonces[:, None, :]
    counters[:, :, 15] = np.arange(1, blocks + 1, dtype=np.uint8)
    stream = np.frombuffer(_ecb(key.secret, counters.tobytes()), dtype=np.uint8).reshape(count, blocks * 16)
    sealed = texts ^ stream[:, 16 : 16 + length]

    padded = np.zeros((count, (blocks - 1) * 16), dtype=np.uint8)
    padded[:, :length] = sealed
    table = _table(key.secret)
    start = np.frombuffer(key.header.ljust(16, b"\0"), dtype=np.uint8)
    hashed = np.broadcast_to(_times(table, start[None, :]), (count, 16))
    for block in range(blocks - 1):
        hashed = _times(table, hashed ^ padded[:, block * 16 : block * 16 + 16])
    lengths = (len(key.header) * 8).to_bytes(8, "big") + (length * 8).to_bytes(8, "big")
    hashed = _times(table, hashed ^ np.frombuffer(lengths, dtype=np.uint8))
    header = np.broadcast_to(np.frombuffer(key.header, dtype=np.uint8), (count, len(key.header)))
    return np.concatenate([header, nonces, sealed, hashed ^ stream[:, :16]], axis=1)


def _ecb(secret: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.SM4(secret), modes.ECB()).encryptor()  # noqa: S305 - counter blocks, not texts
    return encryptor.update(data) + encryptor.finalize()


@lru_cache(maxsize=2)
def _table(secret: bytes) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint64]]:
    """For each of the 16 places of a block and each of its 256 bytes: its product with the hash key, as two 64-bit halves."""
    key = int.from_bytes(_ecb(secret, bytes(16)), "big")
    powers = []
    for _bit in range(128):
        powers.append(key)
        key = (key >> 1) ^ (_REDUCTION if key & 1 else 0)
    table = np.zeros((16, 256, 2), dtype=np.uint64)
    for place in range(16):
        for byte in range(256):
            product = 0
            for bit in range(8):
                if byte & (0x80 >> bit):
                    product ^= powers[place * 8 + bit]
            table[place, byte] = (product >> 64, product & (2**64 - 1))
    return table


def _times(table: np.ndarray[tuple[int, int, int], np.dtype[np.uint64]], blocks: Bytes) -> Bytes:
    product = table[0][blocks[:, 0]]
    for place in range(1, 16):
        product ^= table[place][blocks[:, place]]
    swapped: Bytes = product.astype(">u8").view(np.uint8)
    return swapped
