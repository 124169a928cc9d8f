"""Answers of OCSP responders (RFC 6960) as values, the request for one, and whether an answer is the authority's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from trust_store.certificate import UNREADABLE, Certificate, digest_name, load
from trust_store.errors import Refused
from trust_store.revocation.reasons import ANSWER_MALFORMED
from trust_store.revocation.signing import is_signed

MAX_SIZE: Final = 64 * 1024
NONCE_BYTES: Final = 16
"""How long a nonce is (RFC 9654 asks for 32 at most and 16 at least)."""

_MOST_CERTIFICATES: Final = 4
_SIGNING: Final = ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspAnswer:
    """Hold what a responder said of one certificate; two are equal when their bytes are.

    `digest` is the SHA-256 of the DER in lower-case hex. `revoked_at` is None unless the status is `REVOKED`.
    `certificates` came with the answer and are hints.
    """

    digest: str
    der: bytes = field(compare=False, repr=False)
    x509: ocsp.OCSPResponse = field(compare=False, repr=False)
    serial: int = field(compare=False)
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
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.x509, issuer.x509, self.x509.hash_algorithm)
        expected, named = builder.build(), self.x509
        return (expected.issuer_name_hash, expected.issuer_key_hash) == (named.issuer_name_hash, named.issuer_key_hash)

    def responder(self, issuer: Certificate) -> Certificate | None:
        """Return whoever signed: the issuer itself, or one that the issuer certified for it (RFC 6960, 4.2.2.2)."""
        delegated = (each for each in self.certificates if _delegated(each, issuer))
        return next((each for each in (issuer, *delegated) if self._signed_by(each)), None)

    def _signed_by(self, certificate: Certificate) -> bool:
        parsed, digest = self.x509, self.x509.signature_hash_algorithm
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
        if parsed.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise Refused(ANSWER_MALFORMED, f"The responder answers {parsed.response_status.name.lower()}")
        return _read(parsed)
    except UNREADABLE:
        raise Refused(ANSWER_MALFORMED, f"The {len(der):,} bytes are not an answer about one certificate") from None


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
    reason = parsed.revocation_reason
    return OcspAnswer(
        digest=hashlib.sha256(der).hexdigest(),
        der=der,
        x509=parsed,
        serial=parsed.serial_number,
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
    try:
        certificate.x509.verify_directly_issued_by(issuer.x509)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True
