"""What a party shows for a certificate that it has: an answer to a challenge, or a request signed by the one in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from envelopes.proof import check_signed_proof
from exchange.core.applications import NOT_RENEWABLE
from exchange.core.model import PartyId
from trust_store.certificate import Certificate
from trust_store.enrol_proof import check_proof, holding_statement, renewal_statement
from trust_store.errors import Refused
from trust_store.verdict import Check, passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Hold the answer to a challenge: `signature` over the statement, or `signed`, the statement as signed XML."""

    challenge: str
    signature: bytes = b""
    signed: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Name the certificate in force that asks for its successor, and hold its signature over that; none over mutual TLS."""

    certificate: str
    signature: bytes = b""


def check_shown(shown: Shown, certificate: Certificate, hub: str, party: PartyId) -> Check:
    """Check that whoever answers a challenge holds the key of a certificate.

    Raises:
        Refused: `proof-wrong`, or what is wrong with the signed XML.
    """
    statement = holding_statement(hub, party, certificate.fingerprint, shown.challenge)
    if shown.signed:
        return check_signed_proof(shown.signed, certificate, statement)
    return check_proof(certificate, shown.signature, statement)


def check_renewal(
    renewal: Renewal,
    known: Sequence[Certificate],
    shown: str,
    authority: Certificate,
    hub: str,
    party: PartyId,
    request: str,
) -> tuple[Certificate, Check]:
    """Check that a certificate of the party, issued by this hub, asks for its successor: at the handshake, or by a signature.

    `shown` is the certificate (SHA-256) whose key the TLS handshake proved; `request` is the digest of the request.

    Raises:
        Refused: `application-renewal`, or `proof-wrong`.
    """
    certificate = next((each for each in known if each.fingerprint == renewal.certificate), None)
    if certificate is None or not _issued_by(certificate, authority):
        raise Refused(NOT_RENEWABLE, "It is no certificate of this party that the authority of this hub issued")
    if shown == certificate.fingerprint and not renewal.signature:
        return certificate, passed("possession", f"The connection was made with the key of {certificate.subject}")
    statement = renewal_statement(hub, party, certificate.fingerprint, request)
    return certificate, check_proof(certificate, renewal.signature, statement)


def require_all(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Go on only when every check passed.

    Raises:
        Refused: with the reason of the first that did not.
    """
    for each in checks:
        if each.reason is not None:
            raise Refused(each.reason, each.text)
    return checks


def in_words(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Keep of checks what people read before they decide; what they consist of is judged anew then."""
    return tuple(passed(each.name, each.text) for each in checks)


def _issued_by(certificate: Certificate, authority: Certificate) -> bool:
    try:
        certificate.x509.verify_directly_issued_by(authority.x509)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
