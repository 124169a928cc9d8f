"""Bearer tokens: shown once, kept as SHA-256 only, looked up by that digest so that no comparison leaks time."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Final

from exchange.core.model import Party, PartyStatus
from exchange.core.ports import Clock, Directory, Entropy
from exchange.errors import PARTY_SUSPENDED, UNAUTHENTICATED
from trust_store.errors import Refused

PREFIX: Final = "cv_"
LIFETIME: Final = timedelta(days=365)
_SECRET_BYTES: Final = 32


def create(entropy: Entropy) -> tuple[str, bytes]:
    """Create a token of 256 random bits; return it with the digest that is kept."""
    token = PREFIX + base64.urlsafe_b64encode(entropy.draw(_SECRET_BYTES)).decode().rstrip("=")
    return token, digest(token)


def digest(token: str) -> bytes:
    """Digest a token as it is kept; bytes of a header that are no text are digested as they came."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


async def authenticate(header: str, directory: Directory, clock: Clock) -> Party:
    """Return the party that an Authorization header speaks for (RFC 6750).

    Raises:
        Refused: `unauthenticated`, or `party-suspended`.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(UNAUTHENTICATED, "The request carries no bearer token")
    party = await directory.holder(digest(token.strip()), clock.now())
    if party is None:
        raise Refused(UNAUTHENTICATED, "The token is unknown or expired")
    if party.status is PartyStatus.SUSPENDED:
        raise Refused(PARTY_SUSPENDED, f"{party.name} is suspended")
    return party
