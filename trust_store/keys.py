"""Private keys with their certificates: the port, and the files that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from trust_store.certificate import Certificate, load, load_many
from trust_store.errors import Refused, reason

KEY_UNREADABLE = reason(
    "key-unreadable",
    "The private key cannot be read",
    "Give the key as PKCS#8 in PEM or as PKCS#12, with an RSA, EC or Ed25519 key",
)
KEY_PASSWORD = reason(
    "key-password", "The password does not open the private key", "Give the password that the file was written with"
)
KEY_MISMATCH = reason(
    "key-mismatch",
    "The private key and the certificate do not belong together",
    "Give the certificate that was issued for this key, as the first one of the file",
)

KEY_STAYS = reason(
    "key-stays",
    "The private key does not leave its device",
    "Name the key in the device instead of writing it to a file",
)

NO_CERTIFICATE = reason(
    "key-certificate-missing",
    "The certificate of the key is not beside it",
    "Give it in a file (--cert), or put it into the key's file, or into the device under the id of the key",
)

_ROUNDS = 100_000
"""Rounds of the key derivation in the PKCS#12 files that are written here."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeyFails(Refused):
    """The key cannot be used now, whatever was to be signed; later it may be."""


class KeyHolder(Protocol):
    """Hold the key that signs: the certificate, the authorities above it (its issuer first), and the key."""

    @property
    def certificate(self) -> Certificate:
        """Return the certificate over the key."""
        ...

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """Return the authorities above the certificate."""
        ...

    @property
    def private_key(self) -> PrivateKey:
        """Return the key; one kept in a device answers the same calls, and raises `KeyFails` when it does not sign."""
        ...

    @property
    def in_device(self) -> bool:
        """Tell whether a device signs: that takes its time, may fail, and need not give the same bytes twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """Hold a key in memory, as read from a file."""

    certificate: Certificate
    private_key: PrivateKey
    chain: tuple[Certificate, ...] = ()

    @property
    def in_device(self) -> bool:
        """Say that this process signs, and that the same data always gives the same signature."""
        return False

    def __repr__(self) -> str:
        return f"HeldKey({self.certificate.subject})"


def load_pem(key: bytes, certificates: bytes, password: bytes | None = None) -> HeldKey:
    """Read a PEM key and the PEM certificates that go with it, its own first.

    Raises:
        Refused: something cannot be read, the password is wrong or missing, or the two do not belong together.
    """
    private_key = _read_pem(key, password)
    certificate, *chain = load_many(certificates)
    return _held(private_key, certificate, tuple(chain))


def load_pkcs12(data: bytes, password: bytes | None) -> HeldKey:
    """Read a PKCS#12 file (.p12, .pfx) with one key, its certificate, and perhaps authorities.

    What older authorities wrote, encrypted by 3DES, RC2 or RC4 under a password, is read as well (RFC 7292, appendix B).

    Raises:
        Refused: it cannot be read, the password is wrong, or the key or the certificate is missing.
    """
    content = _read_pkcs12(data, password)
    if content.key is None or content.cert is None:
        raise Refused(KEY_UNREADABLE, "The PKCS#12 file lacks the private key or its certificate")
    first, *others = (
        load(each.certificate.public_bytes(Encoding.DER)) for each in (content.cert, *content.additional_certs)
    )
    return _held(content.key, first, tuple(others))


def write_key(holder: KeyHolder, password: bytes | None = None) -> bytes:
    """Write the private key as PKCS#8 in PEM; with a password, encrypted by AES-256 (PBES2).

    Raises:
        Refused: `key-stays`.
    """
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    return holder.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def write_certificates(holder: KeyHolder) -> bytes:
    """Write the certificate and the authorities above it in PEM, in that order."""
    return b"".join(each.pem for each in (holder.certificate, *holder.chain))


def write_pkcs12(holder: KeyHolder, password: bytes, name: str = "") -> bytes:
    """Write key, certificate and authorities as PKCS#12, encrypted by AES-256 (PBES2, HMAC with SHA-256).

    Raises:
        Refused: `key-stays`.
    """
    if holder.in_device:
        raise Refused(KEY_STAYS)
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(SHA256())
        .build(password)
    )
    others = [each.x509 for each in holder.chain]
    return pkcs12.serialize_key_and_certificates(
        name.encode() or None, holder.private_key, holder.certificate.x509, others, encryption
    )


def read_key(data: bytes, password: bytes | None = None, certificates: bytes | None = None) -> HeldKey:
    """Read a key file: PKCS#12, or PEM with the certificates in the same file or in another.

    Raises:
        Refused: it cannot be read, or the password does not open it.
    """
    if b"-----BEGIN" in data:
        if not certificates and b"-----BEGIN CERT" not in data:
            raise Refused(NO_CERTIFICATE)
        return load_pem(data, certificates or data, password)
    return load_pkcs12(data, password or b"")


def read_private(data: bytes, password: bytes | None = None) -> PrivateKey:
    """Read only the private key of a file, PKCS#12 or PEM, for one that has no certificate yet.

    Raises:
        Refused: it cannot be read, or the password does not open it.
    """
    found = _read_pem(data, password) if b"-----BEGIN" in data else _read_pkcs12(data, password or b"").key
    if not isinstance(found, PrivateKey):
        raise Refused(KEY_UNREADABLE, "There is neither an RSA nor an EC nor an Ed25519 key in the file")
    return found


def _read_pem(key: bytes, password: bytes | None) -> object:
    try:
        return load_pem_private_key(key, password)
    except TypeError:
        needed = (
            "is encrypted and no password was given" if password is None else "is not encrypted, yet has a password"
        )
        raise Refused(KEY_PASSWORD, f"The private key {needed}") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        wrong = password is not None and "decrypt" in str(error).lower()
        raise Refused(KEY_PASSWORD if wrong else KEY_UNREADABLE) from None


def _read_pkcs12(data: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        return pkcs12.load_pkcs12(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        wrong = "password" in str(error).lower()
        text = "The password is wrong, or the file is damaged" if wrong else "The file is not a PKCS#12 file"
        raise Refused(KEY_PASSWORD if wrong else KEY_UNREADABLE, text) from None


def _held(private_key: object, certificate: Certificate, chain: tuple[Certificate, ...]) -> HeldKey:
    if not isinstance(private_key, PrivateKey):
        raise Refused(KEY_UNREADABLE, "The private key is neither an RSA nor an EC nor an Ed25519 key")
    if private_key.public_key() != certificate.public_key:
        raise Refused(KEY_MISMATCH, f"The private key is not that of {certificate.subject}")
    return HeldKey(certificate=certificate, private_key=private_key, chain=chain)
