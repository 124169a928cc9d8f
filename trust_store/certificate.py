"""X.509 certificates as values: read once, completely, so that nothing can fail later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import SignatureAlgorithmOID

from trust_store.errors import Refused, reason
from trust_store.names import words

MALFORMED = reason(
    "certificate-malformed",
    "The certificate cannot be read",
    "Send the certificate as the authority issued it, in DER or PEM",
)

MAX_SIZE = 16 * 1024
REMEMBERED = 1024
"""Bytes of DER that one certificate may have; those of public authorities have 1,000 to 3,000."""

UNKNOWN = "unknown"
"""The name of an algorithm that no rule can allow."""

_PEM = b"-----BEGIN"
_CURVES = {"secp256r1": "EC P-256", "secp384r1": "EC P-384", "secp521r1": "EC P-521"}
_DIGESTS = {"sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_USAGES = {
    "digitalSignature": "digital_signature",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
# What the library raises on bytes that are not a certificate. Warnings are here because a strict interpreter raises
# them: the library warns about what it will refuse in a later version.
UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    Warning,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Describe a public key: its algorithm as policies name it, its size in bits, and the exponent of an RSA key."""

    algorithm: str
    bits: int = 0
    exponent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Hold one certificate and all that the judge asks of it; two are equal when their bytes are.

    `fingerprint` is the SHA-256 of the DER in lower-case hex, `signed_part` that of the part that the issuer signed.
    `subject` and `issuer` are for people (RFC 4514, made printable, cut at 300 characters); times are in UTC. `usages` and
    `purposes` (dotted object identifiers) are None when the certificate has no such extension. `public_key` is None when
    its algorithm is unknown.
    """

    fingerprint: str
    signed_part: str = field(compare=False)
    der: bytes = field(compare=False, repr=False)
    x509: x509.Certificate = field(compare=False, repr=False)
    subject: str = field(compare=False)
    issuer: str = field(compare=False)
    serial: int = field(compare=False)
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)
    public_key: CertificatePublicKeyTypes | None = field(compare=False, repr=False)
    key: Key = field(compare=False)
    digest: str = field(compare=False)
    usages: frozenset[str] | None = field(compare=False)
    purposes: frozenset[str] | None = field(compare=False)
    is_authority: bool = field(compare=False)

    @property
    def is_self_issued(self) -> bool:
        """Tell whether issuer and subject are the same name."""
        return self.issuer == self.subject

    @property
    def pem(self) -> bytes:
        """Write the certificate in PEM."""
        return self.x509.public_bytes(Encoding.PEM)


@lru_cache(maxsize=REMEMBERED)
def load(data: bytes) -> Certificate:
    """Read exactly one certificate, in DER or PEM; those read lately are remembered, as most senders send often.

    Raises:
        Refused: it cannot be read, is too large, or is not one.
    """
    if data.lstrip().startswith(_PEM):
        certificates = load_many(data)
        if len(certificates) != 1:
            raise Refused(MALFORMED, f"One certificate is expected, {len(certificates)} are there")
        return certificates[0]
    _check_size(data)
    try:
        return _read(x509.load_der_x509_certificate(data))
    except UNREADABLE:
        raise Refused(MALFORMED, f"The {len(data):,} bytes are not an X.509 certificate") from None


def load_many(data: bytes) -> tuple[Certificate, ...]:
    """Read the certificates of a file, in their order: any number in PEM, or one in DER.

    Raises:
        Refused: one of them cannot be read or is too large, or there is none.
    """
    try:
        if _PEM not in data:
            return (load(data),)
        return tuple(_read(each) for each in x509.load_pem_x509_certificates(data))
    except UNREADABLE:
        raise Refused(MALFORMED, "The file does not consist of X.509 certificates in PEM") from None


def _check_size(der: bytes) -> None:
    if len(der) > MAX_SIZE:
        raise Refused(MALFORMED, f"The certificate has {len(der):,} bytes; {MAX_SIZE:,} are allowed")


def _read(parsed: x509.Certificate) -> Certificate:
    """Read every part now: the library parses lazily and would raise wherever the part is first looked at."""
    der = parsed.public_bytes(Encoding.DER)
    _check_size(der)
    if parsed.serial_number < 1:
        raise ValueError("RFC 5280, 4.1.2.2: a serial number is positive")
    if not der.endswith(b"\0" + parsed.signature):
        raise ValueError("RFC 5480, 2.2 and X.690, 8.6: the issuer's signature fills whole octets")
    public_key = _public_key(parsed)
    extensions = {type(each.value): each.value for each in parsed.extensions}
    usages = _usages(extensions.get(x509.KeyUsage))
    constraints = extensions.get(x509.BasicConstraints)
    return Certificate(
        fingerprint=hashlib.sha256(der).hexdigest(),
        signed_part=hashlib.sha256(parsed.tbs_certificate_bytes).hexdigest(),
        der=der,
        x509=parsed,
        subject=words(parsed.subject),
        issuer=words(parsed.issuer),
        serial=parsed.serial_number,
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        public_key=public_key,
        key=describe_key(public_key),
        digest=digest_name(parsed),
        usages=usages,
        purposes=_purposes(extensions.get(x509.ExtendedKeyUsage)),
        is_authority=_is_authority(constraints, usages),
    )


def _public_key(parsed: x509.Certificate) -> CertificatePublicKeyTypes | None:
    try:
        return parsed.public_key()
    except UnsupportedAlgorithm:
        return None


def describe_key(key: object) -> Key:
    """Describe a public key as policies name it; one of an unknown kind has an algorithm that no rule allows."""
    match key:
        case rsa.RSAPublicKey():
            return Key(algorithm="RSA", bits=key.key_size, exponent=key.public_numbers().e)
        case ec.EllipticCurvePublicKey():
            return Key(algorithm=_CURVES.get(key.curve.name, f"EC {key.curve.name}"), bits=key.key_size)
        case ed25519.Ed25519PublicKey():
            return Key(algorithm="Ed25519", bits=256)
        case dsa.DSAPublicKey():
            return Key(algorithm="DSA", bits=key.key_size)
        case _:
            return Key(algorithm=UNKNOWN)


def digest_name(parsed: x509.Certificate | x509.CertificateRevocationList | ocsp.OCSPResponse) -> str:
    """Name the digest under a signature as policies name it; Ed25519 has its own and is named itself."""
    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return UNKNOWN
    if algorithm is not None:
        return _DIGESTS.get(algorithm.name, algorithm.name)
    return "Ed25519" if parsed.signature_algorithm_oid == SignatureAlgorithmOID.ED25519 else UNKNOWN


def _usages(extension: x509.ExtensionType | None) -> frozenset[str] | None:
    if extension is None:
        return None
    return frozenset(name for name, attribute in _USAGES.items() if getattr(extension, attribute))


def _purposes(extension: x509.ExtensionType | None) -> frozenset[str] | None:
    return frozenset(each.dotted_string for each in extension) if isinstance(extension, x509.ExtendedKeyUsage) else None


def _is_authority(constraints: x509.ExtensionType | None, usages: frozenset[str] | None) -> bool:
    """RFC 5280, 4.2.1.9 and 4.2.1.3: marked as an authority and, if usages are stated, allowed to sign certificates."""
    marked = isinstance(constraints, x509.BasicConstraints) and constraints.ca
    return marked and (usages is None or "keyCertSign" in usages)
