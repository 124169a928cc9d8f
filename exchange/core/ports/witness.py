"""What a witness of other logs needs of a store, and what our own log needs of its witnesses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from envelopes.log.checkpoint import Checkpoint
from envelopes.log.witnessing import Seen
from exchange.core.audit import Author

Prove = Callable[[int], Awaitable[tuple[bytes, ...]]]
"""Makes the consistency proof from an older size of our log to the checkpoint in question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedLog:
    """Tell of a log that this hub cosigns, or cosigned until `removed_at`: its key (vkey), and what was cosigned last."""

    origin: str
    key: str
    added_at: datetime
    removed_at: datetime | None
    seen: Seen
    seen_at: datetime | None
    note: str


class WitnessShelf(Protocol):
    """Keep which logs this hub cosigns, and for each what was cosigned last; that is never forgotten."""

    async def add(self, origin: str, key: str, by: Author) -> None:
        """Cosign a log from now on, or again, or under another key; what was cosigned before goes on to bind. Audited."""
        ...

    async def remove(self, origin: str, by: Author) -> bool:
        """Cosign a log no more; false when it was not cosigned. Audited."""
        ...

    async def list(self) -> Sequence[WitnessedLog]:
        """List all, those that were removed too, by origin."""
        ...

    async def get(self, origin: str) -> WitnessedLog | None:
        """Return a log that is cosigned."""
        ...

    async def advance(self, key: str, seen: Seen, checkpoint: Checkpoint, note: str, at: datetime) -> bool:
        """Keep a checkpoint as the last one cosigned, if what was cosigned last is still `seen`; false if not.

        On return it survives a power cut, and only then the cosignature may be shown.
        """
        ...


class WitnessDesk(Protocol):
    """Cosign the checkpoints of other logs."""

    async def vkey(self) -> str:
        """Return the verifier key of this witness."""
        ...

    async def cosign(self, data: bytes) -> str:
        """Answer a request `add-checkpoint` (C2SP tlog-witness) with signature lines; refusals as `check_submission`."""
        ...


class Witnesses(Protocol):
    """Ask the witnesses of our log."""

    @property
    def said(self) -> Sequence[str]:
        """Tell what each witness said last that was wrong."""
        ...

    async def cosign(self, note: str, prove: Prove, needed: int = 0) -> tuple[str, ...]:
        """Return the good cosignatures (signature lines) of a checkpoint that witnesses give now, maybe none.

        With `needed`, wait for no others once so many are there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """Hold a checkpoint of our own log with the cosignatures under it: its size, the whole note, and how many they are."""

    size: int
    note: str
    count: int


class CosignatureShelf(Protocol):
    """Keep the cosignatures of our own checkpoints: for each size once, so that everybody is given the same note."""

    async def add(self, log: int, size: int, lines: Sequence[str], at: datetime) -> None:
        """Keep the cosignatures of a checkpoint; what was kept for it first stays."""
        ...

    async def covering(self, log: int, index: int, needed: int) -> Cosigned | None:
        """Return the smallest checkpoint over an entry that has at least so many cosignatures."""
        ...

    async def newest(self, log: int, needed: int) -> Cosigned | None:
        """Return the newest checkpoint that has at least so many cosignatures."""
        ...
