"""Certificates made on the fly, good and bad, over keys that are made once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from trust_store.certificate import load
from trust_store.keys import HeldKey, PrivateKey

NOW = datetime(2026, 11, 23, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2044, 1, 1, tzinfo=UTC)
DOCUMENTS = ("digital_signature", "content_commitment")
AUTHORITY = ("key_cert_sign", "crl_sign")
USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@cache
def shared_key(kind: str) -> PrivateKey:
    """Make each slow or merely different key once: what matters in these tests is seldom the key."""
    match kind:
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "P-224":
            return ec.generate_private_key(ec.SECP224R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
    bits, exponent = kind.split("/")
    return rsa.generate_private_key(int(exponent), int(bits))


def name(text: str, **more: str) -> x509.Name:
    oids = {"uid": NameOID.USER_ID, "o": NameOID.ORGANIZATION_NAME}
    parts = [x509.NameAttribute(oids[each.rstrip("0123456789")], value) for each, value in more.items()]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text), *parts])


@dataclass
class Pki:
    """Make certificates with any one thing wrong; `make` says what is usual by its defaults."""

    serials: itertools.count = field(default_factory=lambda: itertools.count(1))

    def make(
        self,
        subject: x509.Name | str,
        issuer: HeldKey | None = None,
        *,
        key: PrivateKey | None = None,
        start: datetime = START,
        end: datetime = END,
        ca: bool = False,
        pathlen: int | None = None,
        usages: tuple[str, ...] | None = DOCUMENTS,
        purposes: tuple[str, ...] = (),
        digest: hashes.HashAlgorithm | None = None,
        extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
        identifiers: bool = True,
    ) -> HeldKey:
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = name(subject) if isinstance(subject, str) else subject
        signer = issuer.private_key if issuer else key
        builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
        builder = builder.issuer_name(issuer.certificate.x509.subject if issuer else subject)
        builder = builder.serial_number(next(self.serials)).not_valid_before(start).not_valid_after(end)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=pathlen), critical=True)
        if usages is not None:
            usage = x509.KeyUsage(**{each: each in usages for each in USAGES})
            builder = builder.add_extension(usage, critical=True)
        if purposes:
            oids = [x509.ObjectIdentifier(each) for each in purposes]
            builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
        if identifiers:
            aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
            builder = builder.add_extension(aki, critical=False)
            ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(ski, critical=False)
        for value, critical in extra:
            builder = builder.add_extension(value, critical=critical)
        algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
        certificate = load(builder.sign(signer, algorithm).public_bytes(Encoding.DER))
        chain = (issuer.certificate, *issuer.chain) if issuer else ()
        return HeldKey(certificate=certificate, private_key=key, chain=chain)

    def authority(self, subject: x509.Name | str, issuer: HeldKey | None = None, **more: object) -> HeldKey:
        settings: dict[str, object] = {"ca": True, "usages": AUTHORITY, **more}
        return self.make(subject, issuer, **settings)  # type: ignore[arg-type]
