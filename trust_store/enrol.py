"""A small certificate authority for pilots and sandboxes; production uses certificates of public authorities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from trust_store.certificate import Certificate, load
from trust_store.errors import Misuse
from trust_store.identity import PartyKind, tax_code
from trust_store.keys import HeldKey, KeyHolder, PrivateKey

_YEAR = timedelta(days=365)
MAX_NAME: Final = 64
"""Bytes that a name in a certificate has at most."""
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Describe who a certificate is for; `code` is the tax code of an enterprise, the agency code of an agency."""

    kind: PartyKind
    common_name: str
    organisation: str
    code: str


def new_key() -> PrivateKey:
    """Make an EC P-256 key, with the operating system's randomness."""
    return ec.generate_private_key(ec.SECP256R1())


def new_rsa_key() -> PrivateKey:
    """Make an RSA key of 3072 bits, for counterparts that read nothing else; takes up to a second."""
    return rsa.generate_private_key(65537, 3072)


def create_authority(
    name: str,
    *,
    serial: int,
    at: datetime,
    years: int,
    parent: KeyHolder | None = None,
    generate: Callable[[], PrivateKey] = new_key,
) -> HeldKey:
    """Create an authority that issues to parties: a root of its own or, with a parent, one below it.

    `serial` is a random positive number of at most 159 bits that the caller draws (RFC 5280, 4.1.2.2).
    """
    key = generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = at + years * _YEAR
    constraints = x509.BasicConstraints(ca=True, path_length=None if parent is None else 0)
    builder = _builder(subject, key.public_key(), serial, at, end, parent)
    builder = builder.add_extension(constraints, critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    chain = () if parent is None else (parent.certificate, *parent.chain)
    signer = key if parent is None else parent.private_key
    return HeldKey(certificate=_sign(builder, signer), private_key=key, chain=chain)


def issue(
    authority: KeyHolder,
    holder: Holder,
    public_key: PublicKey,
    *,
    serial: int,
    at: datetime,
    days: int,
    purposes: tuple[str, ...] = (),
) -> Certificate:
    """Issue a certificate for signing documents over the holder's public key; it ends no later than the authority.

    `serial` is as in `create_authority`, and never used twice by one authority. `purposes` are extended key usages, as
    dotted object identifiers; none written means any.

    Raises:
        Misuse: the code of an enterprise is not a tax code.
    """
    end = at + timedelta(days=days)
    builder = _builder(_subject(holder), public_key, serial, at, end, authority)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature", "content_commitment"), critical=True)
    if purposes:
        extended = x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose) for purpose in purposes])
        builder = builder.add_extension(extended, critical=False)
    return _sign(builder, authority.private_key)


def enrol(
    authority: KeyHolder,
    holder: Holder,
    *,
    serial: int,
    at: datetime,
    days: int,
    purposes: tuple[str, ...] = (),
    generate: Callable[[], PrivateKey] = new_key,
) -> HeldKey:
    """Make a key and issue its certificate at once, where the holder does not make the key itself: sandboxes, tests."""
    key = generate()
    certificate = issue(authority, holder, key.public_key(), serial=serial, at=at, days=days, purposes=purposes)
    return HeldKey(certificate=certificate, private_key=key, chain=(authority.certificate, *authority.chain))


def _subject(holder: Holder) -> x509.Name:
    """Put the code where public authorities put it: a tax code into UID, an agency's into organizationIdentifier."""
    if holder.kind is PartyKind.AGENCY:
        code = x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, holder.code)
    else:
        if tax_code(holder.code) is None:
            raise Misuse(f"{holder.code!r} is not a tax code")
        code = x509.NameAttribute(NameOID.USER_ID, f"MST:{tax_code(holder.code)}")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, holder.organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, holder.common_name),
            code,
        ]
    )


def _builder(
    subject: x509.Name, key: PublicKey, serial: int, start: datetime, end: datetime, issuer: KeyHolder | None
) -> x509.CertificateBuilder:
    issuer_key = key if issuer is None else issuer.private_key.public_key()
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key).serial_number(serial)
    builder = builder.issuer_name(subject if issuer is None else issuer.certificate.x509.subject)
    builder = builder.not_valid_before(start)
    builder = builder.not_valid_after(end if issuer is None else min(end, issuer.certificate.not_after))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)


def _usage(*names: str) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{each: each in names for each in every})


def fit_name(name: str, size: int = MAX_NAME) -> str:
    """Shorten a name to what a certificate holds (X.520, ub-common-name), counted in bytes of UTF-8."""
    return name.encode()[:size].decode(errors="ignore").rstrip()


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> Certificate:
    """Sign so that the same content always gives the same bytes (RFC 6979): what was begun can be done again."""
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    same = True if isinstance(key, ec.EllipticCurvePrivateKey) else None
    return load(builder.sign(key, algorithm, ecdsa_deterministic=same).public_bytes(Encoding.DER))
