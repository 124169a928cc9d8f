"""Keys of a small genuine authority, keys of an attacker, and certificates that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from trust_store.certificate import load
from trust_store.enrol import Holder, create_authority, enrol, new_key
from trust_store.evidence import Evidence, Revocation
from trust_store.identity import Identity, PartyKind
from trust_store.keys import HeldKey, PrivateKey

CODE = "2899000016"
AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""The moment at which everything is judged."""
MADE = datetime(2026, 1, 1, tzinfo=UTC)
HOLDER = Holder(kind=PartyKind.ENTERPRISE, common_name="A", organisation="A", code=CODE)
PARTY = Identity(kind=PartyKind.ENTERPRISE, codes=frozenset({CODE}), tax_code=CODE)

GENERATORS: dict[str, Callable[[], PrivateKey]] = {
    "p256": new_key,
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa-e3": lambda: rsa.generate_private_key(3, 2048),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """Hold a root and an authority below it: the genuine ones, or an attacker's under the same names."""

    root: HeldKey
    issuing: HeldKey


@cache
def genuine() -> Authorities:
    return _authorities()


@cache
def attackers() -> Authorities:
    """Clone the genuine names over other keys."""
    return _authorities()


def _authorities() -> Authorities:
    root = create_authority("Test Root", serial=1, at=MADE, years=10)
    return Authorities(root=root, issuing=create_authority("Test CA", serial=2, at=MADE, years=8, parent=root))


@cache
def signer(kind: str = "p256") -> HeldKey:
    """Enrol the genuine party with a key of a kind, under the genuine authority."""
    return enrol(genuine().issuing, HOLDER, serial=10, at=MADE, days=2000, generate=GENERATORS[kind])


@cache
def attacker() -> HeldKey:
    """Enrol the attacker under the names of the genuine party, its authority and its root."""
    return enrol(attackers().issuing, HOLDER, serial=10, at=MADE, days=2000)


@cache
def self_signed() -> HeldKey:
    """Give the attacker a certificate with the genuine subject, signed by itself."""
    subject = signer().certificate.x509.subject
    return flawed(_usage("digital_signature"), own=subject)


@cache
def issued_by_party() -> HeldKey:
    """Issue a certificate by a genuine end-entity certificate, which is no authority."""
    return enrol(signer("p384"), HOLDER, serial=11, at=MADE, days=1000)


@cache
def expired() -> HeldKey:
    return enrol(genuine().issuing, HOLDER, serial=12, at=MADE, days=30)


@cache
def not_yet() -> HeldKey:
    return enrol(genuine().issuing, HOLDER, serial=13, at=AT + timedelta(days=1), days=30)


@cache
def tls_only() -> HeldKey:
    purposes = (ExtendedKeyUsageOID.SERVER_AUTH.dotted_string,)
    return enrol(genuine().issuing, HOLDER, serial=14, at=MADE, days=2000, purposes=purposes)


@cache
def without_usage() -> HeldKey:
    """Issue a certificate whose key usage names only the agreement of keys."""
    return flawed(_usage("key_agreement"))


@cache
def revoked() -> HeldKey:
    return enrol(genuine().issuing, HOLDER, serial=15, at=MADE, days=2000)


@cache
def evidence() -> Evidence:
    """Trust the genuine root; one certificate of its is on the local revocation list."""
    dead = revoked().certificate
    return Evidence(
        anchors=(genuine().root.certificate,),
        intermediates=(genuine().issuing.certificate,),
        revoked=(Revocation(signed_part=dead.signed_part, at=MADE, why="lost"),),
    )


def flawed(usage: x509.KeyUsage, *, own: x509.Name | None = None) -> HeldKey:
    """Issue, by the genuine authority or as its own issuer, a certificate that `trust_store.enrol` would not issue."""
    key, above = new_key(), genuine().issuing
    builder = x509.CertificateBuilder().subject_name(signer().certificate.x509.subject).public_key(key.public_key())
    builder = builder.serial_number(99).not_valid_before(MADE).not_valid_after(AT + timedelta(days=365))
    builder = builder.issuer_name(own or above.certificate.x509.subject).add_extension(usage, critical=True)
    made = builder.sign(key if own else above.private_key, hashes.SHA256())
    return HeldKey(certificate=load(made.public_bytes(Encoding.DER)), private_key=key)


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _usage(name: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{each: each == name for each in _USAGES})
