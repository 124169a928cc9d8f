"""What the transparency log needs of a store, and what the hub needs of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from envelopes.leaf import Links
from envelopes.log.inclusion import LogProof
from exchange.core.audit import Author
from exchange.core.model import EvidenceId, Statement

Sign = Callable[[int, bytes], str]
"""Writes the checkpoint (a signed note) of a tree with this size and root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """Name a log of this hub: its generation (from 1), its verifier key, when it began, and when it ended if it did."""

    log: int
    key: str
    begun_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Tell where a piece of evidence is: the log and its key, its index from 0, its links, and the checkpoint over it.

    `size` is that of the smallest checkpoint that covers the entry, so that whoever asks gets the same.
    """

    log: int
    key: str
    index: int
    links: Links
    size: int
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold what was sequenced together: the size of the tree afterwards, and for each the path to its root."""

    size: int
    paths: Mapping[EvidenceId, tuple[bytes, ...]]


Heard = Callable[[Batch | None], object]
"""Is told what a transaction ended with."""


class LogShelf(Protocol):
    """Keep the log; every statement that is kept waits here for its place from the same transaction on."""

    async def begin(self, record: LogRecord, checkpoint: str, by: Author) -> None:
        """Begin a log with the checkpoint of the empty tree, and end the one before; a log that was begun stays as it is."""
        ...

    async def end(self, at: datetime) -> None:
        """End the log that is open, if one is: it gets no entry any more."""
        ...

    async def logs(self) -> Sequence[LogRecord]:
        """List the logs, the first one first; at most the last is open."""
        ...

    async def sequence(self, log: int, sign: Sign, at: datetime, most: int) -> Batch | None:
        """Give a place to what waits, oldest first, at most so many; None when nothing does.

        Entries, tiles and the signed checkpoint are kept whole or not at all, and on top of the checkpoint before.
        `Refused` (log-ended): another log was begun.
        """
        ...

    def sequence_always(self, log: int, sign: Sign, now: Callable[[], datetime], heard: Heard) -> None:
        """From now on give a place to what waits in every transaction that changes anything, at its end.

        `heard` is told of each batch when it is kept (None: nothing waited). A failure leaves everything else of the
        transaction, and what waits goes on waiting.
        """
        ...

    async def waits(self, key: EvidenceId) -> bool:
        """Tell whether a piece of evidence waits for its place."""
        ...

    async def place(self, key: EvidenceId) -> Place | None:
        """Return where a piece of evidence is; None while it waits, and for what was stated before there was a log."""
        ...

    async def tile(self, log: int, level: int, number: int) -> bytes:
        """Return the hashes (32 bytes each, at most 256) that a tile has now; empty when there is none."""
        ...

    async def entries(self, log: int, start: int, count: int) -> Sequence[bytes]:
        """List entries from an index on."""
        ...

    async def checkpoint(self, log: int) -> str:
        """Return the newest checkpoint; empty when there is no such log."""
        ...

    async def size(self, log: int) -> int:
        """Tell the size of the tree of the newest checkpoint."""
        ...


class Log(Protocol):
    """Give evidence its place in the log, and prove it."""

    async def begin(self, by: Author) -> None:
        """Go on with the log that is open, or begin one: once, before anything is sequenced."""
        ...

    async def sequence(self, key: EvidenceId) -> None:
        """Return when a piece of evidence has its place, or was stated before there was a log.

        `Unsealed`: the log cannot be written or signed now; the evidence goes on waiting.
        """
        ...

    async def prove(self, statement: Statement) -> LogProof | None:
        """Return the proof that a statement is in the log, the same for everybody, after it was given its place.

        None for what was stated before there was a log. `Unsealed`: as `sequence`, or too few witnesses answer.
        """
        ...

    async def published(self, log: int) -> str:
        """Return the newest checkpoint that everybody may see, with its cosignatures; empty when there is none."""
        ...

    async def cosign(self) -> Sequence[str]:
        """Have the newest checkpoint cosigned; return what witnesses said that was wrong, one text each."""
        ...
