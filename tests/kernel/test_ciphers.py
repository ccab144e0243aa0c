"""Vectors of the standards, round trips, rotation, and what an altered or foreign blob says."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel import ciphers, sm4_bulk

OLD, NEW = "0123456789abcdeffedcba9876543210", "ffeeddccbbaa99887766554433221100"


def test_vectors_of_the_standards() -> None:
    """GB/T 32905 A.1 and A.2 for SM3, GB/T 32907 A.1 for SM4, RFC 8998 A.1 for SM4-GCM."""
    assert ciphers.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert ciphers.sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 (the standard's own vector)
    assert encryptor.update(key).hex() == "681edf34d206965e86b3e94f536e4246"
    plain = bytes.fromhex(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
    )
    gcm = Cipher(algorithms.SM4(key), modes.GCM(bytes.fromhex("00001234567800000000abcd"))).encryptor()
    gcm.authenticate_additional_data(bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"))
    sealed = gcm.update(plain) + gcm.finalize()
    assert sealed.hex().startswith("17f399f08c67d5ee19d0dc9969c4bb7d")
    assert gcm.tag.hex() == "83de3541e4c2b58177e065a9bf7b62ec"


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=20), st.binary(max_size=16), st.binary(min_size=16, max_size=16))
def test_bulk_sealing_is_the_library_s(texts: list[bytes], header: bytes, key: bytes) -> None:
    nonces = os.urandom(12 * len(texts))
    expected = []
    for number, text in enumerate(texts):
        nonce = nonces[number * 12 : number * 12 + 12]
        gcm = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        gcm.authenticate_additional_data(header)
        expected.append(header + nonce + gcm.update(text) + gcm.finalize() + gcm.tag)
    assert sm4_bulk.seal(key, header, texts, nonces) == expected


@given(st.text(max_size=60))
def test_what_was_encrypted_is_read_back(text: str) -> None:
    blob = ciphers.encrypt(text)
    assert ciphers.decrypt(blob) == text
    assert blob != ciphers.encrypt(text), "the nonce is fresh each time"


@given(st.lists(st.text(max_size=70), max_size=40))
def test_bulk_blobs_are_ordinary_ones(texts: list[str]) -> None:
    assert [ciphers.decrypt(blob) for blob in ciphers.encrypt_many(texts)] == texts
    assert ciphers.blind_indexes("phone", texts) == [ciphers.blind_index("phone", text) for text in texts]


@given(st.data())
def test_an_altered_blob_is_unreadable(data: st.DataObject) -> None:
    blob = bytearray(ciphers.encrypt("11010519491231002X"))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ciphers.Unreadable):
        ciphers.decrypt(bytes(blob))


@pytest.mark.parametrize("blob", [b"", b"\x01", b"plain text that is long enough to look like something", bytes(60)])
def test_what_is_no_blob_is_unreadable(blob: bytes) -> None:
    with pytest.raises(ciphers.Unreadable):
        ciphers.decrypt(blob)


def test_a_new_key_in_front_encrypts_and_the_old_one_still_reads(settings: object) -> None:
    settings.CIPHER_KEYS = f"old:{OLD}"  # type: ignore[attr-defined]
    blob = ciphers.encrypt("13800138000")
    settings.CIPHER_KEYS = f"new:{NEW},old:{OLD}"  # type: ignore[attr-defined]
    assert ciphers.decrypt(blob) == "13800138000"
    assert not ciphers.is_current(blob)
    assert ciphers.key_id(ciphers.encrypt("x")) == "new"
    settings.CIPHER_KEYS = f"new:{NEW}"  # type: ignore[attr-defined]
    with pytest.raises(ciphers.Unreadable, match="old"):
        ciphers.decrypt(blob)


def test_a_digest_depends_on_kind_text_and_key(settings: object) -> None:
    one = ciphers.blind_index("phone", "1")
    assert len(one) == 32
    assert one == ciphers.blind_index("phone", "1")
    assert len({one, ciphers.blind_index("identity", "1"), ciphers.blind_index("phone", "2")}) == 3
    assert ciphers.blind_index("ab", "c") != ciphers.blind_index("a", "bc")
    settings.INDEX_KEY = os.urandom(16).hex()  # type: ignore[attr-defined]
    assert ciphers.blind_index("phone", "1") != one
