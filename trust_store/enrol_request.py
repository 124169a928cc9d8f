"""Requests for certificates (PKCS#10, RFC 2986): read in full, judged by the same policy as certificates, never obeyed.

A request proves that its sender held the key once, and says whose it is meant to be. Nothing else of it goes into a
certificate: the hub writes the subject and every extension itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from trust_store.certificate import Key, describe_key
from trust_store.enrol import PublicKey
from trust_store.errors import Misuse, Refused, reason
from trust_store.identity import Identity, names
from trust_store.keys import PrivateKey
from trust_store.names import words
from trust_store.policy import Policy
from trust_store.verdict import Check, failed, passed

REQUEST_MALFORMED = reason(
    "csr-malformed",
    "This is no request for a certificate",
    "Send one PKCS#10 request in PEM or DER, of at most 8 KB: 'congvan cert request', or 'openssl req -new'",
)
UNPROVEN = reason(
    "csr-unproven",
    "The request is not signed by the key that it asks for",
    "Make the request with the private key itself, and send it unchanged",
)
KEY_REFUSED = reason(
    "csr-key",
    "The key or the algorithm of the request is not accepted",
    "Make a new key: EC P-256, RSA of 3072 bits with exponent 65537, or Ed25519, and sign the request with SHA-256",
)
ASKS_AUTHORITY = reason(
    "csr-authority",
    "The request asks to become a certificate authority",
    "Make a request without basic constraints CA and without the key usage to sign certificates",
)
OTHER_SUBJECT = reason(
    "csr-subject",
    "The request does not name the party that hands it in",
    "Put the party's own code into the subject: UID=MST:<tax code>, organizationIdentifier, or CN=<code>",
)

MAX_SIZE: Final = 8 * 1024
"""Bytes of DER that a request may have; one for a key of RSA 8192 has about 2,300."""
_MAX_EXPONENT: Final = 2**32
_DIGESTS: Final = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_MARKS: Final = ("-----BEGIN CERTIFICATE REQUEST-----", "-----BEGIN NEW CERTIFICATE REQUEST-----")
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    UnsupportedAlgorithm,
    x509.AttributeNotFound,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    Warning,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Hold a request that was read in full.

    `digest` is the SHA-256 (hex) of its DER, `key_print` that of the key (SubjectPublicKeyInfo). `subject` is for people.
    `codes` are those that the subject states, `common_names` what else might be one; `asks` are the extensions it asks for.
    """

    der: bytes
    digest: str
    subject: str
    codes: tuple[str, ...]
    common_names: tuple[str, ...]
    key: Key
    key_print: str
    asks: tuple[str, ...]
    asks_authority: bool
    parsed: x509.CertificateSigningRequest

    @property
    def public_key(self) -> PublicKey:
        """Give the key, which is of a kind that certificates are issued over.

        Raises:
            Misuse: it is not; `examine` refuses those.
        """
        key = self.parsed.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
            raise Misuse("no certificate is issued over a key of this kind")
        return key


def read_request(data: bytes) -> Request:
    """Read one request, in PEM or DER; its size is looked at first.

    Raises:
        Refused: `csr-malformed`.
    """
    if len(data) > 2 * MAX_SIZE:
        raise Refused(REQUEST_MALFORMED, f"The request has {len(data):,} bytes")
    try:
        return _read(_parse(data))
    except _UNREADABLE:
        raise Refused(REQUEST_MALFORMED, f"The {len(data):,} bytes are not one request in PKCS#10") from None


def examine(request: Request, policy: Policy, at: datetime, party: Identity) -> tuple[Check, ...]:
    """Check what a request must meet, in an order in which nothing costly is done for a key that is refused.

    All checks that can be made are recorded; whoever asks takes the first that failed.
    """
    strength = _strength(request, policy, at)
    possession = () if strength.reason else (_possession(request),)
    return (strength, *possession, _subject(request, party), _extensions(request))


def make_request(key: PrivateKey, code: str, name: str) -> bytes:
    """Write a request (PEM) for a party, which its code names; sign it by the key, with SHA-256 or as Ed25519 does."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, code)]
    if name:
        subject.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def write_private_key(key: PrivateKey, password: bytes) -> bytes:
    """Write a key that has no certificate yet as PKCS#8 in PEM, encrypted by AES-256 (PBES2)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))


def key_print(key: object) -> str:
    """Name a public key by the SHA-256 (hex) of its SubjectPublicKeyInfo; empty for one that cannot be written."""
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return ""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _parse(data: bytes) -> x509.CertificateSigningRequest:
    text = data.lstrip()
    if not text.startswith(b"-----BEGIN"):
        return x509.load_der_x509_csr(data)
    if sum(data.count(mark.encode()) for mark in _MARKS) != 1 or data.count(b"-----BEGIN") != 1:
        raise ValueError("one request, and nothing beside it")
    return x509.load_pem_x509_csr(data)


def _read(parsed: x509.CertificateSigningRequest) -> Request:
    """Read every part now: the library parses lazily and would raise wherever the part is first looked at."""
    der = parsed.public_bytes(Encoding.DER)
    if len(der) > MAX_SIZE:
        raise ValueError("too large")
    key, extensions = parsed.public_key(), list(parsed.extensions)
    return Request(
        der=der,
        digest=hashlib.sha256(der).hexdigest(),
        subject=words(parsed.subject),
        codes=tuple(_codes(parsed.subject)),
        common_names=_values(parsed.subject, NameOID.COMMON_NAME),
        key=describe_key(key),
        key_print=key_print(key),
        asks=tuple(sorted(each.oid.dotted_string for each in extensions)),
        asks_authority=any(_is_for_authorities(each.value) for each in extensions),
        parsed=parsed,
    )


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(each.value).strip() for each in name.get_attributes_for_oid(oid))


def _codes(name: x509.Name) -> list[str]:
    users = [each[4:] if each.upper().startswith("MST:") else each for each in _values(name, NameOID.USER_ID)]
    return [*users, *_values(name, NameOID.ORGANIZATION_IDENTIFIER)]


def _is_for_authorities(value: x509.ExtensionType) -> bool:
    if isinstance(value, x509.BasicConstraints):
        return value.ca
    return isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign)


def _strength(request: Request, policy: Policy, at: datetime) -> Check:
    """Hold key and digest to the policy, and the exponent of RSA to what a check of the signature may cost."""
    key, digest = request.key, _digest(request.parsed)
    allowed = {rule.name for rule in policy.algorithms if rule.until is None or at < rule.until}
    text = f"The request has a key of the algorithm {key.algorithm} with {key.bits} bits and is signed with {digest}"
    if key.algorithm not in allowed or digest not in allowed:
        return failed("strength", KEY_REFUSED, text)
    fits = policy.rsa_least_bits <= key.bits <= policy.rsa_most_bits
    if key.algorithm == "RSA" and not (fits and policy.rsa_least_exponent <= key.exponent <= _MAX_EXPONENT):
        return failed("strength", KEY_REFUSED, f"{text}; its exponent is {str(key.exponent)[:20]}")
    return passed("strength", text)


def _digest(parsed: x509.CertificateSigningRequest) -> str:
    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "an unknown algorithm"
    return "Ed25519" if algorithm is None else _DIGESTS.get(algorithm.name, algorithm.name)


def _possession(request: Request) -> Check:
    """RFC 2986, 4.2: the request is signed by the key that it holds."""
    try:
        proven = request.parsed.is_signature_valid
    except _UNREADABLE:
        proven = False
    if not proven:
        return failed("possession", UNPROVEN, "The signature of the request is not by the key in it")
    return passed("possession", "The request is signed by the key that it asks for")


def _subject(request: Request, party: Identity) -> Check:
    """Ask that the subject names this party and no other, so that nobody hands in the request of somebody else."""
    stated = request.codes or request.common_names
    if not stated or not all(names(party, each) for each in stated):
        text = f"The subject of the request is {request.subject}; it must name the party that hands it in, and no other"
        return failed("subject", OTHER_SUBJECT, text)
    return passed("subject", f"The request names the party: {request.subject}; the hub writes the subject itself")


def _extensions(request: Request) -> Check:
    if request.asks_authority:
        return failed("extensions", ASKS_AUTHORITY, "The request asks for a certificate that issues certificates")
    if request.asks:
        return passed(
            "extensions", f"What the request asks for besides is not granted: {', '.join(request.asks)}"[:400]
        )
    return passed("extensions", "The request asks for nothing besides")
