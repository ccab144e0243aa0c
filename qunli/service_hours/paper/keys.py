"""The city's key for signing certificates.

In earnest, `QUNLI_SIGNING_P12` names a PKCS#12 file with the key, its certificate and the chain, `QUNLI_SIGNING_PASSPHRASE` opens
it, and `QUNLI_SIGNING_ROOTS` names the PEM file of the roots that are trusted when a certificate is checked. Without them, the
demonstration makes a certification authority and a key of its own under `QUNLI_HOME/signing` at the first use.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from asn1crypto import cms, pem  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from pyhanko.sign.signers import SimpleSigner

DEMONSTRATION_YEARS = 10
PKCS1 = "rsassa_pkcs1v15"
DIGESTS: dict[str, hashes.HashAlgorithm] = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


class WarmSigner(SimpleSigner):
    """The same signatures as pyhanko's, without doing everything anew for each: it reads and checks the key every time (0.3 s
    with RSA) and builds the whole CMS from objects (25 ms). Two CMS of one key differ in the document's digest and in the signature
    only, which with RSA have fixed lengths: the first is built, the others are that one with both replaced.
    """

    _mould: tuple[bytes, bytes, bytes, bytes] | None = None
    """DER of a CMS, of its signed attributes, the digest and the signature in them."""

    async def async_sign(self, data_digest: bytes, digest_algorithm: str, *others: Any, **options: Any) -> cms.ContentInfo:
        mould, key = self._mould, self._loaded
        usual = digest_algorithm == "sha256" and not others and not options.get("dry_run") and not options.get("timestamper")
        if mould is None or not usual or not isinstance(key, rsa.RSAPrivateKey):
            made = await super().async_sign(data_digest, digest_algorithm, *others, **options)
            if usual:
                self._keep(made, data_digest)
            return made
        whole, attributes, digest, signature = mould
        fresh = key.sign(attributes.replace(digest, data_digest), padding.PKCS1v15(), DIGESTS["sha256"])
        return cms.ContentInfo.load(whole.replace(digest, data_digest).replace(signature, fresh))

    def _keep(self, made: cms.ContentInfo, digest: bytes) -> None:
        """Remember a CMS as the mould, if it is of the kind that can be one."""
        info = made["content"]["signer_infos"][0]
        whole, attributes, signature = made.dump(), info["signed_attrs"].untag().dump(), info["signature"].native
        plain = info["signature_algorithm"].signature_algo == PKCS1 and len(info["unsigned_attrs"]) == 0
        if plain and whole.count(digest) == whole.count(signature) == attributes.count(digest) == 1:
            self._mould = (whole, attributes, digest, signature)

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        key = self._loaded
        if isinstance(key, rsa.RSAPrivateKey) and self.get_signature_mechanism_for_digest(digest_algorithm).signature_algo == PKCS1:
            return key.sign(data, padding.PKCS1v15(), DIGESTS[digest_algorithm])
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(DIGESTS[digest_algorithm]))
        return bytes(super().sign_raw(data, digest_algorithm))

    @cached_property
    def _loaded(self) -> PrivateKeyTypes:
        return serialization.load_der_private_key(self.signing_key.dump(), password=None)


@dataclass(frozen=True)
class SigningKey:
    signer: WarmSigner
    roots: tuple[asn1_x509.Certificate, ...]
    demonstration: bool

    @property
    def certificate(self) -> bytes:
        """DER."""
        found = self.signer.signing_cert
        return b"" if found is None else bytes(found.dump())

    def signed(self, data: bytes, signature: bytes, certificate: bytes) -> bool:
        """Whether `data` was signed with the key of a certificate (DER) that is ours, or that one of the roots has issued."""
        found = x509.load_der_x509_certificate(certificate)
        if certificate != self.certificate and not any(_issued(found, root.dump()) for root in self.roots):
            return False
        key = found.public_key()
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, padding.PKCS1v15(), DIGESTS["sha256"])
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(DIGESTS["sha256"]))
            else:
                return False
        except InvalidSignature:
            return False
        return True


def public_numbers(certificate: bytes) -> tuple[int, int] | None:
    """(n, e) of the RSA key of a certificate (DER); None for a key of another kind."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    return (key.public_numbers().n, key.public_numbers().e) if isinstance(key, rsa.RSAPublicKey) else None


def _issued(certificate: x509.Certificate, root: bytes) -> bool:
    try:
        certificate.verify_directly_issued_by(x509.load_der_x509_certificate(root))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=1)
def signing_key() -> SigningKey:
    """The configured key, or the demonstration's. Raises RuntimeError with what to do when the configured one cannot be read."""
    if settings.SIGNING_P12:
        p12, roots, passphrase = Path(settings.SIGNING_P12), Path(settings.SIGNING_ROOTS), settings.SIGNING_PASSPHRASE
        if not p12.is_file() or not roots.is_file():
            raise RuntimeError(
                "QUNLI_SIGNING_P12 and QUNLI_SIGNING_ROOTS must name readable files: the key (PKCS#12), the roots (PEM)."
            )
    else:
        p12, roots, passphrase = _demonstration(Path(settings.HOME) / "signing")
    found = SimpleSigner.load_pkcs12(str(p12), passphrase=passphrase.encode() or None)  # type: ignore[no-untyped-call]
    if found is None:
        raise RuntimeError("The signing key cannot be opened. Check QUNLI_SIGNING_P12 and QUNLI_SIGNING_PASSPHRASE.")
    signer = WarmSigner(found.signing_cert, found.signing_key, found.cert_registry)
    trusted = tuple(asn1_x509.Certificate.load(der) for _kind, _headers, der in pem.unarmor(roots.read_bytes(), multiple=True))
    return SigningKey(signer, trusted, demonstration=not settings.SIGNING_P12)


def _demonstration(home: Path) -> tuple[Path, Path, str]:
    """Makes the demonstration's authority and key once. Whoever is first wins, also between processes."""
    place = home / "demonstration"
    if not (place / "key.p12").exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = home / f"making-{os.getpid()}-{os.urandom(4).hex()}"
        fresh.mkdir(mode=0o700)
        key, root = make_demonstration_key(datetime.now(UTC))
        (fresh / "key.p12").write_bytes(key)
        (fresh / "key.p12").chmod(0o600)
        (fresh / "roots.pem").write_bytes(root)
        try:
            fresh.rename(place)
        except OSError:  # another process was first: its key is the key
            for file in fresh.iterdir():
                file.unlink()
            fresh.rmdir()
    return place / "key.p12", place / "roots.pem", ""


def make_demonstration_key(now: datetime) -> tuple[bytes, bytes]:
    """(PKCS#12 without a passphrase, root in PEM) of a fresh authority "demonstration, not for use" and a signing key under it."""
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    leaf_key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    root_name = _name("群力演示根证书（仅供演示）", "Qunli demonstration")
    until = now + timedelta(days=366 * DEMONSTRATION_YEARS)
    since = now - timedelta(days=1)
    root = (
        x509.CertificateBuilder()
        .subject_name(root_name)
        .issuer_name(root_name)
        .public_key(root_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=False, authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(_name("志愿服务证明签章（演示）", settings.AUTHORITY[:60]))
        .issuer_name(root_name)
        .public_key(leaf_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True, authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    key = pkcs12.serialize_key_and_certificates(b"qunli", leaf_key, leaf, [root], serialization.NoEncryption())
    return key, root.public_bytes(serialization.Encoding.PEM)


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, sign: bool, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=sign,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
