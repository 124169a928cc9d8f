"""Answers of OCSP responders (RFC 6960) as values, the request for one, and whether an answer is the authority's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from trust_store.certificate import UNREADABLE, Certificate, digest_name, load
from trust_store.errors import Refused
from trust_store.names import same_name
from trust_store.revocation.reasons import ANSWER_MALFORMED
from trust_store.signing import is_issued, is_signed

MAX_SIZE: Final = 64 * 1024
NONCE_BYTES: Final = 16
"""How long a nonce is (RFC 9654 asks for 32 at most and 16 at least)."""

_MOST_CERTIFICATES: Final = 4
_SIGNING: Final = ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string
_SIGNS: Final = {"digitalSignature", "contentCommitment"}
_CERT_ID: Final = {
    each.name: each
    for each in (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303
}
"""The digests by which an answer may name the issuer; nothing secret depends on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspAnswer:
    """Hold what a responder said of one certificate; two are equal when their bytes are.

    `digest` is the SHA-256 of the DER in lower-case hex. `revoked_at` is None unless the status is `REVOKED`.
    `issuer_hashes` are the digest's name, the issuer's hashed name and its hashed key. `certificates` came with the answer
    and are hints.
    """

    digest: str
    der: bytes = field(compare=False, repr=False)
    x509: ocsp.OCSPResponse = field(compare=False, repr=False)
    serial: int = field(compare=False)
    issuer_hashes: tuple[str, bytes, bytes] = field(compare=False, repr=False)
    status: ocsp.OCSPCertStatus = field(compare=False)
    revoked_at: datetime | None = field(compare=False)
    reason: str = field(compare=False)
    produced_at: datetime = field(compare=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    nonce: bytes | None = field(compare=False, repr=False)
    signature_digest: str = field(compare=False)
    certificates: tuple[Certificate, ...] = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """Name the answer for a person."""
        return f"the OCSP answer of {self.produced_at:%Y-%m-%d %H:%M} UTC"

    def concerns(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Tell whether the answer is about this certificate of this issuer (RFC 6960, 4.1.1)."""
        if self.serial != certificate.serial:
            return False
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            certificate.x509, issuer.x509, _CERT_ID[self.issuer_hashes[0]]
        )
        expected = builder.build()
        return (expected.issuer_name_hash, expected.issuer_key_hash) == self.issuer_hashes[1:]

    def responder(self, issuer: Certificate) -> Certificate | None:
        """Return whoever signed: the issuer itself, or one that the issuer certified for it (RFC 6960, 4.2.2.2)."""
        delegated = (each for each in self.certificates if _delegated(each, issuer))
        return next((each for each in (issuer, *delegated) if self._signed_by(each)), None)

    def _signed_by(self, certificate: Certificate) -> bool:
        parsed = self.x509
        try:
            digest = parsed.signature_hash_algorithm
        except UnsupportedAlgorithm:
            return False
        return is_signed(certificate.public_key, parsed.signature, parsed.tbs_response_bytes, digest)


@lru_cache(maxsize=4096)
def load_answer(der: bytes) -> OcspAnswer:
    """Read one successful answer about one certificate, in DER; those read lately are remembered.

    Raises:
        Refused: `ocsp-answer-malformed`: it cannot be read, is too large, an error, or about several certificates.
    """
    if len(der) > MAX_SIZE:
        raise Refused(ANSWER_MALFORMED, f"The answer has {len(der):,} bytes; {MAX_SIZE:,} are allowed")
    try:
        parsed = ocsp.load_der_ocsp_response(der)
        status = parsed.response_status
        if status is ocsp.OCSPResponseStatus.SUCCESSFUL:
            return _read(parsed)
    except (Refused, *UNREADABLE):
        raise Refused(ANSWER_MALFORMED, f"The {len(der):,} bytes are not an answer about one certificate") from None
    raise Refused(ANSWER_MALFORMED, f"The responder answers {status.name.lower()}")


def request(certificate: Certificate, issuer: Certificate, nonce: bytes | None = None) -> bytes:
    """Write the request for an answer about a certificate, in DER; the nonce makes a replayed answer recognisable.

    The issuer is named by SHA-1, as all responders can (RFC 5019, 2.1.1); nothing secret depends on it.
    """
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.x509, issuer.x509, hashes.SHA1())  # noqa: S303
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def is_exempt(responder: Certificate) -> bool:
    """Tell whether the authority says that this responder is not to be asked about (RFC 6960, 4.2.2.2.1)."""
    return any(each.oid == ExtensionOID.OCSP_NO_CHECK for each in responder.x509.extensions)


def _read(parsed: ocsp.OCSPResponse) -> OcspAnswer:
    der = parsed.public_bytes(Encoding.DER)
    extensions = {each.oid: each for each in parsed.extensions}
    nonce = extensions.pop(x509.OCSPNonce.oid, None)
    if any(each.critical for each in (*extensions.values(), *parsed.single_extensions)):
        raise ValueError("RFC 6960, 4.4: a critical extension that is not understood")
    reason, named_by = parsed.revocation_reason, parsed.hash_algorithm.name
    if named_by not in _CERT_ID:
        raise ValueError("the issuer is named by a digest that is not used here")
    return OcspAnswer(
        digest=hashlib.sha256(der).hexdigest(),
        der=der,
        x509=parsed,
        serial=parsed.serial_number,
        issuer_hashes=(named_by, parsed.issuer_name_hash, parsed.issuer_key_hash),
        status=parsed.certificate_status,
        revoked_at=parsed.revocation_time_utc,
        reason=reason.value if reason else "unspecified",
        produced_at=parsed.produced_at_utc,
        this_update=parsed.this_update_utc,
        next_update=parsed.next_update_utc,
        nonce=nonce.value.nonce if nonce is not None and isinstance(nonce.value, x509.OCSPNonce) else None,
        signature_digest=digest_name(parsed),
        certificates=tuple(load(each.public_bytes(Encoding.DER)) for each in parsed.certificates[:_MOST_CERTIFICATES]),
    )


def _delegated(certificate: Certificate, issuer: Certificate) -> bool:
    if certificate.purposes is None or _SIGNING not in certificate.purposes:
        return False
    if certificate.usages is not None and not certificate.usages & _SIGNS:
        return False
    return same_name(certificate.x509.issuer, issuer.x509.subject) and is_issued(certificate.x509, issuer.public_key)
