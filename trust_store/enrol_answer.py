"""Certificates in the wrapping that enrolment protocols know: PKCS#7 (RFC 5652) with certificates only, no signature."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from trust_store.certificate import Certificate


def write_certificates_only(certificates: Sequence[Certificate]) -> bytes:
    """Write certificates as a degenerate PKCS#7 in DER."""
    return pkcs7.serialize_certificates([each.x509 for each in certificates], Encoding.DER)
