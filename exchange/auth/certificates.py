"""Client certificates: known by their SHA-256, in force at this moment, and not on the local revocation list."""

from __future__ import annotations

from exchange.core.model import Party, PartyStatus
from exchange.core.ports import Clock, Store
from exchange.errors import PARTY_SUSPENDED, UNAUTHENTICATED
from trust_store.certificate import load
from trust_store.errors import Refused


async def authenticate(der: bytes, store: Store, clock: Clock) -> Party:
    """Return the party that a client certificate is registered for.

    The caller vouches that the client holds the key: the TLS handshake proved it.

    Raises:
        Refused: `unauthenticated`, or `party-suspended`.
    """
    certificate, now = load(der), clock.now()
    party = await store.directory.certificate_holder(certificate.fingerprint)
    if party is None:
        raise Refused(UNAUTHENTICATED, f"The client certificate {certificate.fingerprint} is registered for no party")
    if not certificate.not_before <= now <= certificate.not_after:
        period = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
        raise Refused(UNAUTHENTICATED, f"The client certificate is in force from {period} only")
    revocation = (await store.trust.evidence()).revocation(certificate, now)
    if revocation is not None:
        raise Refused(UNAUTHENTICATED, f"The client certificate was revoked: {revocation.why}")
    if party.status is PartyStatus.SUSPENDED:
        raise Refused(PARTY_SUSPENDED, f"{party.name} is suspended")
    return party
