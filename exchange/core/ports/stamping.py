"""What time-stamping needs from outside: somebody to post to, and a place for what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from envelopes.signature.lasting import Level
from exchange.core.audit import AuditEntry
from exchange.core.model import EvidenceId, MessageKey
from trust_store.token import Token


class Poster(Protocol):
    """Post to a server that the operator named."""

    async def post(self, url: str, body: bytes, content_type: str) -> bytes:
        """Return the body of a good answer within bounds of time and size; `Refused` otherwise, with the reason."""
        ...


class Stamper(Protocol):
    """Get time-stamps."""

    async def stamp(self, imprint: bytes) -> Token:
        """Return a token over a SHA-256 that is believed here; `Refused` (timestamp-unavailable) when nobody gives one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold one time-stamped batch: the receipts in it with their leaves, in order, and the token (DER) over their root."""

    id: str
    at: datetime
    members: tuple[tuple[EvidenceId, bytes], ...]
    token: bytes
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """Hold what was put beside a message: its level, the properties, when, and when the last time-stamp must be renewed."""

    message: MessageKey
    level: Level
    properties: str
    at: datetime
    renew_by: datetime


class StampShelf(Protocol):
    """Keep what was stamped."""

    async def unstamped(self, before: datetime, limit: int) -> Sequence[tuple[EvidenceId, datetime, bytes]]:
        """List sealed receipts of events before a moment that are in no batch, oldest first, with their event times."""
        ...

    async def add(self, batch: Batch) -> None:
        """Keep a batch whole; a receipt that another batch has meanwhile stays in that one."""
        ...

    async def batch_of(self, key: EvidenceId) -> tuple[int, Batch] | None:
        """Return the place of a receipt in its batch, and the batch."""
        ...

    async def waiting_since(self) -> datetime | None:
        """Tell when the oldest event happened whose sealed receipt is in no batch."""
        ...

    async def raised(self, key: MessageKey) -> Raised | None:
        """Return what was put beside a message, at its highest level."""
        ...

    async def keep(self, raised: Raised) -> None:
        """Keep what was put beside a message, in place of what was there."""
        ...

    async def note(self, entry: AuditEntry, at: datetime) -> None:
        """Audit that the authorities fell silent, or answer again."""
        ...
