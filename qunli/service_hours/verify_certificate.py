#!/usr/bin/env python3
"""Check a certificate of volunteer service without the platform: python3 verify_certificate.py certificate.pdf seals.json

Needs Python 3.8 or later and nothing else, and no network. `seals.json` is the list of seals that the platform publishes (page
"Seals of the ledger of hours"): keep a copy of your own, so that nobody can give you another list for one certificate. Three things
are checked: the signature over the file; that each entry of the ledger that the certificate carries stands in a published seal;
that the seals are a chain, each signed. Says nothing about a revocation: for that, ask the page. Ends with 0 when all holds, 1 when
something does not, 2 when the files cannot be read.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")


class Wrong(Exception):
    """Something does not hold."""


def carried(pdf: bytes) -> Any:
    """What the certificate carries of the ledger: the file that is embedded in it."""
    found = re.search(rb"/Type\s*/EmbeddedFile", pdf)
    if not found:
        raise Wrong("The file carries no entries of the ledger: it was issued before they were sealed, or is no certificate.")
    begin = pdf.index(b"stream", found.end())
    head = pdf[pdf.rindex(b" obj", 0, found.start()) : begin]
    begin += 8 if pdf[begin + 6 : begin + 8] == b"\r\n" else 7
    length = re.search(rb"/Length (\d+)", head)
    data = pdf[begin : begin + int(length.group(1))] if length else b""
    return json.loads(zlib.decompress(data) if b"FlateDecode" in head else data)


def leads_to(hashed: bytes, index: int, size: int, way: list[bytes]) -> bytes | None:
    """The root to which a leaf leads (RFC 9162, 2.1.3.2)."""
    last = size - 1
    for node in way:
        if last <= 0:
            return None
        if index & 1 or index == last:
            hashed = sha256(b"\1" + node + hashed).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            hashed = sha256(b"\1" + hashed + node).digest()
        index, last = index >> 1, last >> 1
    return hashed if last == 0 else None


def signed(data: bytes, signature: bytes, keys: list[dict[str, Any]]) -> bool:
    """Whether one of the keys signed `data` (RSA, PKCS #1 v1.5, SHA-256)."""
    for key in keys:
        n, e = int(key["n"], 16), key["e"]
        size = (n.bit_length() + 7) // 8
        plain = DIGEST_INFO + sha256(data).digest()
        if (
            pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big")
            == b"\0\1" + b"\xff" * (size - 3 - len(plain)) + b"\0" + plain
        ):
            return True
    return False


def check_seals(published: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The list itself: a chain, each seal signed."""
    previous = bytes(32)
    for seal in published["seals"]:
        said = "{day}|{after}|{until}|{size}|".format(**seal).encode()
        digest = sha256(bytes.fromhex(seal["previous"]) + said + bytes.fromhex(seal["root"])).digest()
        if bytes.fromhex(seal["previous"]) != previous or digest.hex() != seal["digest"]:
            raise Wrong("The list of seals is not a chain at {day}.".format(**seal))
        if not signed(digest, bytes.fromhex(seal["signature"]), published["keys"]):
            raise Wrong("The seal of {day} is not signed with a key of the list.".format(**seal))
        previous = digest
    return {seal["digest"]: seal for seal in published["seals"]}


def check_entries(proof: dict[str, Any], seals: dict[str, dict[str, Any]]) -> int:
    """Each entry against its seal; gives the minutes."""
    minutes = 0
    for entry in proof["entries"]:
        seal = seals.get(entry["seal"])
        if seal is None:
            raise Wrong("An entry rests on a seal that is not in the list: fetch a newer list.")
        way = [bytes.fromhex(entry["way"])[at : at + 32] for at in range(0, len(entry["way"]) // 2, 32)]
        root = leads_to(sha256(b"\0" + entry["text"].encode()).digest(), entry["place"], seal["size"], way)
        if root is None or root.hex() != seal["root"]:
            raise Wrong("Entry {} does not stand in the seal of {}.".format(entry["text"].split("|")[0], seal["day"]))
        minutes += int(entry["text"].split("|")[proof["fields"].index("minutes")])
    return minutes


def value(der: bytes, at: int) -> tuple[int, int]:
    """Where the value of the DER element at `at` begins and ends."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[at + 2 : begin], "big")
    return begin, begin + length


def check_signature(pdf: bytes, keys: list[dict[str, Any]]) -> None:
    """The signature over the whole file (PAdES)."""
    found = re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", pdf)
    if not found:
        raise Wrong("The file is not signed.")
    start, first, then, second = map(int, found.groups())
    if start != 0 or then + second != len(pdf):
        raise Wrong("The signature does not cover the whole file: it was changed afterwards.")
    der = bytes.fromhex(pdf[first:then].strip(b"<>").decode())
    at = value(der, 0)[0]  # ContentInfo
    at = value(der, value(der, at)[1])[0]  # past its type, into [0]
    at = value(der, at)[0]  # SignedData
    while der[at] != 0x31 or value(der, at)[1] < len(der.rstrip(b"\0")) - 2:  # the last SET: the signers
        at = value(der, at)[1]
    at = value(der, value(der, at)[0])[0]  # SignerInfo
    while der[at] != 0xA0:  # the signed attributes
        at = value(der, at)[1]
    end = value(der, at)[1]
    attributes = b"\x31" + der[at + 1 : end]
    digest = sha256(pdf[:first] + pdf[then:]).digest()
    place = attributes.find(MESSAGE_DIGEST)
    if place < 0 or attributes[place + 15 : place + 47] != digest:
        raise Wrong("The file was changed after it was signed.")
    begin, stop = value(der, value(der, end)[1])  # past the algorithm: the signature
    if not signed(attributes, der[begin:stop], keys):
        raise Wrong("The file is not signed with a key of the list.")


def main(words: list[str]) -> int:
    if len(words) != 3:
        print(__doc__)
        return 2
    try:
        pdf, published = Path(words[1]).read_bytes(), json.loads(Path(words[2]).read_text("utf-8"))
    except (OSError, ValueError) as error:
        print(f"Cannot be read: {error}")
        return 2
    try:
        seals = check_seals(published)
        check_signature(pdf, published["keys"])
        proof = carried(pdf)
        minutes = check_entries(proof, seals)
    except Wrong as wrong:
        print(f"DOES NOT HOLD. {wrong}")
        return 1
    except (KeyError, ValueError, IndexError, TypeError, zlib.error) as error:
        print(f"DOES NOT HOLD. The file is damaged ({type(error).__name__}).")
        return 1
    count = len(proof["entries"])
    print(
        f"HOLDS. Certificate {proof['number']}: {count} entries, {minutes // 60} h {minutes % 60} min, stand in the sealed ledger."
    )
    if proof["unsealed"]:
        print(f"{proof['unsealed']} more entries were not sealed yet when it was issued: ask the page about them.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
