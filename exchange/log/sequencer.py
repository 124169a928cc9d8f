"""Give evidence its place in the log, many pieces at once, and prove it.

Every process of a hub may sequence. A batch is kept whole or not at all: it reads the newest checkpoint, appends behind it,
and keeps entries, tiles and the next checkpoint. So the database's own lock says whose turn it is, a process that dies gives
it back, and whoever comes next goes on from what was committed: never two checkpoints of one size. Every transaction ends
with such a batch, so what is stated has its place at once; what a crash or a failing key left over is taken up here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from envelopes.log.checkpoint import Checkpoint, write_checkpoint
from envelopes.log.inclusion import LogProof
from envelopes.log.tiles import inclusion_proof
from envelopes.log.tree import EMPTY
from exchange.core.audit import Author
from exchange.core.model import EvidenceId, Statement
from exchange.core.ports import Clock, LogShelf
from exchange.core.ports.log import Batch, LogRecord, Place
from exchange.errors import Unsealed
from exchange.log.cosigning import Cosigner
from exchange.log.key import LogKey
from trust_store.errors import Refused

MOST: Final = 1024
"""Entries in one batch."""
REMEMBERED: Final = 4096
"""Paths that are kept for those who sequenced and will seal in a moment; anybody else reads tiles."""


@dataclass(slots=True, kw_only=True)
class Sequencer:
    """Sequence for one process; see `ports.log.Log`. All that wait at one time share a batch."""

    shelf: LogShelf
    key: LogKey
    clock: Clock
    code: str
    cosigner: Cosigner | None = None
    log: int = 0
    origin: str = ""
    _running: asyncio.Task[Batch | None] | None = None
    _paths: OrderedDict[EvidenceId, tuple[int, tuple[bytes, ...]]] = field(default_factory=OrderedDict)

    async def begin(self, by: Author) -> None:
        """Find the log that is open and has our key, or begin one: the first, or the next after another key or a restore."""
        logs = await self.shelf.logs()
        last = logs[-1] if logs else None
        self.origin = last.key.partition("+")[0] if last else ""
        if last is None or last.ended_at is not None or last.key != self.key.vkey(self.origin):
            await self._begin(last.log + 1 if last else 1, by)
        else:
            self.log = last.log
        self.shelf.sequence_always(self.log, self._sign, self.clock.now, self._remember)

    async def _begin(self, log: int, by: Author) -> None:
        """Begin a log. The next one is named by its moment too: a backup can be restored twice, and each is another log."""
        self.log, self.origin = log, f"congvan/{self.code}/{log}"
        if log > 1:
            self.origin += f"-{by.at:%Y%m%dT%H%M%S%f}"
        record = LogRecord(log=log, key=self.key.vkey(self.origin), begun_at=by.at)
        await self.shelf.begin(record, self._sign(0, EMPTY), by)
        self.origin = (await self.shelf.logs())[-1].key.partition("+")[0]  # another process may have been first

    async def sequence(self, key: EvidenceId) -> None:
        """Return when a piece of evidence has its place, or was stated before there was a log.

        Raises:
            Unsealed: the log cannot be written or signed now; the evidence goes on waiting.
        """
        try:
            while await self.shelf.waits(key):
                await self.sequence_batch()
        except Refused as refusal:
            raise Unsealed(refusal) from refusal

    async def sequence_batch(self) -> Batch | None:
        """Give a place to what waits; whoever comes while a batch is on its way shares its end, and looks again."""
        if self._running is None:
            self._running = asyncio.create_task(self._batch(), name="sequencer")
            self._running.add_done_callback(self._forget)
        return await asyncio.shield(self._running)

    async def prove(self, statement: Statement) -> LogProof | None:
        """Return the proof that a statement is in the log, the same for everybody; None if it is older than the log.

        It leads to the smallest checkpoint over it, or, where cosignatures are needed, to the smallest that has them.

        Raises:
            Unsealed: as `sequence`, or too few witnesses answer now.
        """
        await self.sequence(statement.id)
        place = await self.shelf.place(statement.id)
        if place is None:
            return None
        if self.cosigner is not None and self.cosigner.needed:
            place = await self._cosigned(place, self.cosigner)
        size, path = self._paths.pop(statement.id, (0, ()))
        if size != place.size:
            path = await inclusion_proof(partial(self._read_tile, place.log), place.index, place.size)
        return LogProof(
            key=place.key,
            index=place.index,
            size=place.size,
            salt=statement.salt,
            links=place.links,
            path=path,
            checkpoint=place.checkpoint,
        )

    async def published(self, log: int) -> str:
        """Return the newest checkpoint that everybody may see; see `Cosigner.published`."""
        return await (self.cosigner.published(log) if self.cosigner else self.shelf.checkpoint(log))

    async def cosign(self) -> Sequence[str]:
        """Have the newest checkpoint cosigned; return what witnesses said that was wrong."""
        if self.cosigner is None:
            return ()
        await self.cosigner.cosign(self.log)
        return self.cosigner.witnesses.said

    async def _cosigned(self, place: Place, cosigner: Cosigner) -> Place:
        try:
            found = await cosigner.require(place.log, place.index)
        except Refused as refusal:
            raise Unsealed(refusal) from refusal
        return replace(place, size=found.size, checkpoint=found.note)

    async def _batch(self) -> Batch | None:
        batch = await self.shelf.sequence(self.log, self._sign, self.clock.now(), MOST)
        self._remember(batch)
        return batch

    def _remember(self, batch: Batch | None) -> None:
        if batch is not None:
            self._paths.update({key: (batch.size, path) for key, path in batch.paths.items()})
        while len(self._paths) > REMEMBERED:
            self._paths.popitem(last=False)

    async def _read_tile(self, log: int, level: int, number: int, _width: int) -> bytes:
        return await self.shelf.tile(log, level, number)

    def _sign(self, size: int, root: bytes) -> str:
        return self.key.sign(self.origin, write_checkpoint(Checkpoint(origin=self.origin, size=size, root=root)))

    def _forget(self, _: asyncio.Task[Batch | None]) -> None:
        self._running = None
