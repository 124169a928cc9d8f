"""One-time codes to enrol with: shown once, kept as SHA-256 only, and bound to the first application that they open.

A code is looked up by its digest, so that no comparison leaks time; 160 random bits leave nothing to guess, and whoever
tries is slowed down like everybody who shows a wrong credential.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Final

from exchange.core.applications import EnrolmentCode
from exchange.core.audit import Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.ports import Clock, Enrolments, Entropy
from exchange.errors import PARTY_SUSPENDED, UNAUTHENTICATED
from trust_store.errors import Refused

PREFIX: Final = "ce_"
_SECRET_BYTES: Final = 20
_GROUP: Final = 8


def create(entropy: Entropy) -> tuple[str, bytes]:
    """Create a code that a person can type; return it with the digest that is kept."""
    text = base64.b32encode(entropy.draw(_SECRET_BYTES)).decode().lower()
    groups = [text[start : start + _GROUP] for start in range(0, len(text), _GROUP)]
    code = PREFIX + "-".join(groups)
    return code, digest(code)


def is_code(secret: str) -> bool:
    """Tell a code from a token."""
    return secret.strip().lower().startswith(PREFIX)


def digest(code: str) -> bytes:
    """Digest a code as it is kept: however it was typed, without hyphens and in small letters."""
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(plain.encode(errors="surrogateescape")).digest()


async def give(
    enrolments: Enrolments, entropy: Entropy, by: Author, party: PartyId, life: timedelta
) -> tuple[str, EnrolmentCode]:
    """Give a party a code: the secret, which is known now and never again, and what is known of it."""
    secret, kept = create(entropy)
    code = EnrolmentCode(id=kept.hex()[:12], party=party, given_by=by.actor, expires_at=by.at + life)
    await enrolments.give_code(code, kept, by)
    return secret, code


async def authenticate(secret: str, enrolments: Enrolments, clock: Clock) -> tuple[EnrolmentCode, Party]:
    """Return the code with the party that it speaks for.

    Raises:
        Refused: `unauthenticated`, or `party-suspended`.
    """
    found = await enrolments.holder(digest(secret), clock.now())
    if found is None:
        raise Refused(UNAUTHENTICATED, "The code is unknown, expired or revoked")
    code, party = found
    if party.status is PartyStatus.SUSPENDED:
        raise Refused(PARTY_SUSPENDED, f"{party.name} is suspended")
    return code, party
