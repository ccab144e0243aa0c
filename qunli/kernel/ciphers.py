"""Ciphers for personal data: SM4-GCM for what is read back, SM3-HMAC for exact look-up. Keys come from the environment.

`QUNLI_CIPHER_KEYS` is "id:hex32,id:hex32": the first encrypts, all decrypt, so that a key is rotated by putting a new one in front
and running `script/manage rotate_keys`. `QUNLI_INDEX_KEY` is one hex key; it is not rotated without rebuilding the digests.

A blob is: version (1 byte, 0x01), length of the key id (1 byte), key id (ASCII), nonce (12 bytes), ciphertext, tag (16 bytes).
Version and key id are authenticated with the text. Nonces are random: one key serves up to 2**32 texts (NIST SP 800-38D, 8.3).
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from qunli.kernel import sm4_bulk

VERSION = 1
NONCE = 12
TAG = 16
BATCH = 50_000
"""Texts that are encrypted at once: bounds the memory."""


class Unreadable(Exception):
    """A blob that no key of ours opens: a key is missing from QUNLI_CIPHER_KEYS, or the blob was altered."""


class Key(NamedTuple):
    name: str
    secret: bytes
    header: bytes
    cipher: algorithms.SM4


@lru_cache(maxsize=4)
def _keys(configured: str) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for item in filter(None, (part.strip() for part in configured.split(","))):
        name, _, digits = item.partition(":")
        try:
            secret = bytes.fromhex(digits)
        except ValueError:
            secret = b""
        if not (name.isascii() and name.isalnum() and len(name) <= 12 and len(secret) == 16):
            raise ImproperlyConfigured(
                "QUNLI_CIPHER_KEYS: each key is id:hex, the id of up to 12 letters and digits, the key of 32 hex digits"
            )
        keys[name] = Key(name, secret, bytes([VERSION, len(name)]) + name.encode(), algorithms.SM4(secret))
    if not keys:
        raise ImproperlyConfigured("QUNLI_CIPHER_KEYS is empty: give at least one key as id:hex32")
    return keys


def _current() -> Key:
    return next(iter(_keys(settings.CIPHER_KEYS).values()))


def encrypt(text: str) -> bytes:
    """The blob of `text` under the first key."""
    return encrypt_bytes(text.encode())


def encrypt_bytes(data: bytes) -> bytes:
    """`encrypt` for what is not text, such as a file."""
    key = _current()
    nonce = os.urandom(NONCE)
    encryptor = Cipher(key.cipher, modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(key.header)
    sealed = encryptor.update(data) + encryptor.finalize()
    return key.header + nonce + sealed + encryptor.tag


def decrypt(blob: bytes) -> str:
    """The text of a blob. Raises Unreadable when its key is not configured or it was altered."""
    try:
        return decrypt_bytes(blob).decode()
    except UnicodeDecodeError as error:
        raise Unreadable("the blob holds no text") from error


def decrypt_bytes(blob: bytes) -> bytes:
    """What `encrypt_bytes` sealed. Raises Unreadable as `decrypt` does."""
    key = _keys(settings.CIPHER_KEYS).get(key_id(blob))
    if key is None:
        raise Unreadable(f"no key {key_id(blob)!r} in QUNLI_CIPHER_KEYS")
    start = len(key.header)
    nonce, sealed, tag = blob[start : start + NONCE], blob[start + NONCE : -TAG], blob[-TAG:]
    try:
        decryptor = Cipher(key.cipher, modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(key.header)
        return decryptor.update(sealed) + decryptor.finalize()
    except (InvalidTag, ValueError) as error:
        raise Unreadable("the blob was altered, or it was written under another key of the same id") from error


def key_id(blob: bytes) -> str:
    """The id of the key that a blob was written under. Raises Unreadable for what is no blob."""
    if len(blob) < 2 + NONCE + TAG or blob[0] != VERSION or len(blob) < 2 + blob[1] + NONCE + TAG:
        raise Unreadable("not a blob of this format")
    return blob[2 : 2 + blob[1]].decode("ascii", "replace")


def is_current(blob: bytes) -> bool:
    """Whether a blob was written under the key that encrypts today."""
    return blob.startswith(_current().header)


def current_header() -> bytes:
    """How every blob under today's key begins: what rotation looks for."""
    return _current().header


@lru_cache(maxsize=4)
def _index(configured: str) -> bytes:
    try:
        secret = bytes.fromhex(configured)
    except ValueError:
        secret = b""
    if len(secret) < 16:
        raise ImproperlyConfigured("QUNLI_INDEX_KEY: at least 32 hex digits")
    return secret


@lru_cache(maxsize=64)
def _index_base(configured: str, kind: str) -> hmac.HMAC:
    base = hmac.HMAC(_index(configured), hashes.SM3())
    base.update(kind.encode() + b"\0")
    return base


def blind_index(kind: str, text: str) -> bytes:
    """32 bytes that are equal exactly when kind and text are: finds an encrypted value, reveals nothing else without the key."""
    mac = _index_base(settings.INDEX_KEY, kind).copy()
    mac.update(text.encode())
    return mac.finalize()


def blind_indexes(kind: str, texts: Iterable[str]) -> list[bytes]:
    """`blind_index` of many."""
    base = _index_base(settings.INDEX_KEY, kind)
    found = []
    for text in texts:
        mac = base.copy()
        mac.update(text.encode())
        found.append(mac.finalize())
    return found


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    mac = hmac.HMAC(key, hashes.SM3())
    mac.update(data)
    return mac.finalize()


def sm3(data: bytes) -> bytes:
    """The SM3 digest (GB/T 32905-2016), 32 bytes."""
    return hashlib.new("sm3", data).digest()


def encrypt_rows(texts: sm4_bulk.Bytes, nonces: sm4_bulk.Bytes) -> sm4_bulk.Bytes:
    """`encrypt` of texts of one length, a row of bytes each, with nonces of their own (12 bytes a row), never one twice."""
    key = _current()
    return sm4_bulk.seal_rows(key.secret, key.header, texts, nonces)


def encrypt_many(texts: Sequence[str]) -> list[bytes]:
    """`encrypt` of many: five times as fast for short texts."""
    key = _current()
    found: list[bytes] = []
    for start in range(0, len(texts), BATCH):
        found += sm4_bulk.seal(key.secret, key.header, [text.encode() for text in texts[start : start + BATCH]])
    return found
