"""Revocation lists and OCSP answers made on the fly, with any one thing wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.authority.certificates import NOW
from trust_store.certificate import Certificate
from trust_store.keys import HeldKey
from trust_store.revocation.answers import OcspAnswer, load_answer
from trust_store.revocation.lists import RevocationList, load_list

DAY = timedelta(days=1)
URL = "http://crl.example/authority.crl"
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
Extension = tuple[x509.ExtensionType, bool]


@dataclass(frozen=True)
class Named:
    """What a list says of one certificate."""

    certificate: Certificate
    at: datetime = NOW - DAY
    reason: x509.ReasonFlags | None = None
    extra: tuple[Extension, ...] = ()


def list_der(
    signer: HeldKey,
    named: Iterable[Named | Certificate] = (),
    *,
    issuer: x509.Name | None = None,
    number: int | None = 1,
    base: int | None = None,
    issued: datetime = NOW - DAY,
    due: datetime = NOW + DAY,
    point: x509.IssuingDistributionPoint | None = None,
    extra: Sequence[Extension] = (),
    digest: hashes.HashAlgorithm | None = None,
    pss: bool = False,
) -> bytes:
    """Write one list, as an authority would, unless told otherwise."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer or signer.certificate.x509.subject)
    builder = builder.last_update(issued).next_update(due)
    own: list[Extension] = []
    if number is not None:
        own.append((x509.CRLNumber(number), False))
    if base is not None:
        own.append((x509.DeltaCRLIndicator(base), True))
    if point is not None:
        own.append((point, True))
    for value, critical in (*own, *extra):
        builder = builder.add_extension(value, critical)
    for each in named:
        builder = builder.add_revoked_certificate(_entry(each if isinstance(each, Named) else Named(each)))
    key: Any = signer.private_key
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    how = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH) if pss else None
    return builder.sign(key, algorithm, rsa_padding=how).public_bytes(Encoding.DER)


def crl(signer: HeldKey, named: Iterable[Named | Certificate] = (), **more: Any) -> RevocationList:
    """Make one list and read it."""
    return load_list(list_der(signer, named, **more))


def _entry(named: Named) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(named.certificate.serial).revocation_date(named.at)
    if named.reason is not None:
        builder = builder.add_extension(x509.CRLReason(named.reason), critical=False)
    for value, critical in named.extra:
        builder = builder.add_extension(value, critical)
    return builder.build()


def point(
    *,
    name: str | None = None,
    level: x509.RelativeDistinguishedName | None = None,
    users: bool = False,
    authorities: bool = False,
    attributes: bool = False,
    reasons: Iterable[x509.ReasonFlags] | None = None,
    indirect: bool = False,
) -> x509.IssuingDistributionPoint:
    """Write what a list is limited to."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(name)] if name else None,
        relative_name=level,
        only_contains_user_certs=users,
        only_contains_ca_certs=authorities,
        only_some_reasons=None if reasons is None else frozenset(reasons),
        indirect_crl=indirect,
        only_contains_attribute_certs=attributes,
    )


def names_place(
    url: str = URL,
    *,
    reasons: Iterable[x509.ReasonFlags] | None = None,
    level: x509.RelativeDistinguishedName | None = None,
    issuer: x509.Name | None = None,
) -> Extension:
    """Write where a certificate says that its revocation is told."""
    full = None if level is not None else [x509.UniformResourceIdentifier(url)]
    by = [x509.DirectoryName(issuer)] if issuer is not None else None
    told = x509.DistributionPoint(full, level, None if reasons is None else frozenset(reasons), by)
    return x509.CRLDistributionPoints([told]), False


def answer_der(
    signer: HeldKey,
    certificate: Certificate,
    issuer: Certificate,
    *,
    status: ocsp.OCSPCertStatus = GOOD,
    at: datetime = NOW - DAY,
    issued: datetime = NOW - DAY,
    due: datetime | None = NOW + DAY,
    reason: x509.ReasonFlags | None = None,
    sends: Sequence[Certificate] = (),
    digest: hashes.HashAlgorithm | None = None,
    signed_with: hashes.HashAlgorithm | None = None,
    nonce: bytes | None = None,
) -> bytes:
    """Write one answer, as a responder would, unless told otherwise."""
    is_revoked = status is REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate.x509,
        issuer.x509,
        digest or hashes.SHA1(),
        status,
        issued,
        due,
        at if is_revoked else None,
        reason if is_revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate.x509)
    if sends:
        builder = builder.certificates([each.x509 for each in sends])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    key: Any = signer.private_key
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else signed_with or hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def answer(signer: HeldKey, certificate: Certificate, issuer: Certificate, **more: Any) -> OcspAnswer:
    """Make one answer and read it."""
    return load_answer(answer_der(signer, certificate, issuer, **more))
