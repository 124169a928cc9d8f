"""Take up what authorities say of revocations: lists and answers, checked before they are kept, and where they are found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.x509 import AuthorityKeyIdentifier, FreshestCRL, IssuingDistributionPoint
from cryptography.x509.ocsp import OCSPCertStatus

from exchange.core.revoking import Datum, Kind, Source
from trust_store.certificate import Certificate
from trust_store.errors import Refused, reason
from trust_store.policy import Freshness
from trust_store.revocation.answers import OcspAnswer
from trust_store.revocation.lists import RevocationList
from trust_store.revocation.places import MOST, places

UNKNOWN_AUTHORITY = reason(
    "revocation-authority-unknown",
    "No authority that is known here signed this revocation list",
    "Have the authority trusted or known first (congvan cert trust), and give the list as the authority published it",
)
UNUSABLE = reason(
    "revocation-unusable",
    "The list or answer cannot decide anything",
    "Ask the authority for a complete or delta list of today that it issues for its own certificates",
)
NOT_THE_ANSWER = reason(
    "ocsp-answer-other",
    "The answer of the OCSP responder is not the answer to what was asked",
    "Tell the authority; its revocation list serves meanwhile",
)
SKEW: Final = timedelta(minutes=5)
"""How far ahead of the hub's clock an authority's may be."""


def of_list(listed: RevocationList) -> Datum:
    """Take up a list."""
    kind = Kind.LIST if listed.base is None else Kind.DELTA
    named = hashlib.sha256(listed.x509.issuer.public_bytes())
    for extension in listed.x509.extensions:
        if isinstance(extension.value, AuthorityKeyIdentifier | IssuingDistributionPoint):
            named.update(extension.value.public_bytes())
    return Datum(
        digest=listed.digest,
        kind=kind,
        slot=f"{kind} {named.hexdigest()}",
        authority=listed.issuer_text,
        number=-1 if listed.number is None else listed.number,
        this_update=listed.this_update,
        next_update=listed.next_update,
        der=listed.der,
    )


def of_answer(answer: OcspAnswer, certificate: Certificate) -> Datum:
    """Take up an answer about a certificate."""
    return Datum(
        digest=answer.digest,
        kind=Kind.ANSWER,
        slot=f"{Kind.ANSWER} {certificate.fingerprint}",
        authority=certificate.issuer,
        number=int(answer.produced_at.timestamp()),
        this_update=answer.this_update,
        next_update=answer.next_update,
        der=answer.der,
    )


def check_list(listed: RevocationList, authorities: Iterable[Certificate], now: datetime) -> Certificate:
    """Ask that a list is one that an authority known here signed, and that it can decide something; return who signed it.

    Raises:
        Refused: `revocation-unusable` or `revocation-authority-unknown`.
    """
    if listed.unusable:
        raise Refused(UNUSABLE, f"{listed.name}, cannot be used: {listed.unusable}")
    if listed.this_update > now + SKEW:
        raise Refused(UNUSABLE, f"{listed.name}, is from the future")
    if listed.next_update is not None and listed.next_update < listed.this_update:
        raise Refused(UNUSABLE, f"{listed.name}, ends before it begins")
    signers = [each for each in authorities if each.is_authority and each.x509.subject == listed.x509.issuer]
    for each in signers:
        if listed.signed_by(each):
            return each
    text = "its signature is of none of the keys known for this name" if signers else "its issuer is not known here"
    raise Refused(UNKNOWN_AUTHORITY, f"{listed.name}: {text}")


def check_answer(
    answer: OcspAnswer, certificate: Certificate, issuer: Certificate, nonce: bytes, freshness: Freshness, now: datetime
) -> None:
    """Ask that an answer is about this certificate, by whom the issuer lets answer, to this question, and of now.

    A responder that makes its answers ahead leaves the nonce out (RFC 5019, 4); then its times must do.

    Raises:
        Refused: `ocsp-answer-other` or `revocation-unusable`.
    """
    if not answer.concerns(certificate, issuer):
        raise Refused(NOT_THE_ANSWER, "The answer is about another certificate")
    if answer.responder(issuer) is None:
        raise Refused(NOT_THE_ANSWER, "Nobody whom the authority lets answer signed the answer")
    if answer.nonce is not None and answer.nonce != nonce:
        raise Refused(NOT_THE_ANSWER, "The answer is to another question: its nonce differs")
    if answer.status is OCSPCertStatus.UNKNOWN:
        raise Refused(UNUSABLE, "The responder does not know the certificate")
    if answer.this_update > now + SKEW or answer.produced_at > now + SKEW:
        raise Refused(UNUSABLE, f"{answer.name} is from the future")
    if now > (answer.next_update or answer.this_update + freshness.unstated):
        raise Refused(UNUSABLE, f"{answer.name} is past its own next update")


def sources_of(certificate: Certificate, issuer: Certificate | None) -> Sequence[Source]:
    """List where the revocation of a certificate is told; responders only where the issuer, whom they need, is known."""
    named = places(certificate)
    found = [Source(place=place, authority=certificate.issuer) for place in named.lists]
    if issuer is not None:
        found.extend(
            Source(
                place=place,
                certificate=certificate.fingerprint,
                issuer=issuer.fingerprint,
                authority=certificate.issuer,
            )
            for place in named.responders
        )
    return found


def deltas_of(listed: RevocationList) -> Sequence[Source]:
    """List where a complete list says that its delta lists are (RFC 5280, 5.2.6)."""
    found = [each.value for each in listed.x509.extensions if isinstance(each.value, FreshestCRL)]
    names = [name.value for value in found for point in value for name in point.full_name or ()]
    return [
        Source(place=name, authority=listed.issuer_text)
        for name in names[:MOST]
        if isinstance(name, str) and name.lower().startswith(("http://", "https://"))
    ]
