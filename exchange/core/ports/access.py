"""What the exchange needs to know who may do what, and to keep account of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.access import Token
from exchange.core.audit import AuditEntry, AuditRecord, Author
from exchange.core.model import Party, PartyId
from trust_store.errors import reason

TOO_MANY = reason(
    "tokens-too-many", "The party has as many tokens as it may have", "Revoke those that are no longer used"
)
MOST = 50
"""How many tokens of one party may be in force."""


class Tokens(Protocol):
    """Keep tokens, by their SHA-256 alone; every change is audited in its own transaction."""

    async def holder(self, digest: bytes, now: datetime) -> tuple[Token, Party | None] | None:
        """Return the token with this SHA-256, and its party if one is registered, unless it expired or was revoked."""
        ...

    async def all(self, party: PartyId) -> Sequence[Token]:
        """List the tokens of a party, oldest first, also those that ended."""
        ...

    async def add(self, token: Token, digest: bytes, by: Author) -> None:
        """Keep a new token; `Refused` (tokens-too-many) when the party has `MOST` that did not end."""
        ...

    async def rotate(self, old: Token, new: Token, digest: bytes, until: datetime, by: Author) -> Token:
        """Keep a new token, and let the old one end at a moment or when it would have; return the old one.

        `Refused` (not-found) when the old one has ended meanwhile.
        """
        ...

    async def revoke(self, token: str, by: Author) -> Token:
        """End a token now; again changes nothing. `Refused` (not-found) when there is none with this id."""
        ...

    async def find(self, token: str) -> Token:
        """Return a token by its id; `Refused` (not-found)."""
        ...


class AuditTrail(Protocol):
    """Keep what happened to the hub itself, in an order that nobody can change unseen; nothing is ever removed."""

    async def append(self, entry: AuditEntry, at: datetime) -> AuditRecord:
        """Write a row; on return it survives a power cut."""
        ...

    async def append_news(self, entry: AuditEntry, at: datetime) -> None:
        """Write a row unless the last one of the same event has the same subject and detail."""
        ...

    async def page(self, after: int, limit: int) -> Sequence[AuditRecord]:
        """List rows, oldest first, from behind a number."""
        ...

    async def verify(self, expect: bytes | None = None) -> tuple[int, bytes]:
        """Recompute the whole chain; return the number and the digest of its last row (0 and zeros when it is empty).

        `Refused` (audit-broken) names the first row that is wrong; (audit-shortened) when no row has the digest `expect`.
        """
        ...
