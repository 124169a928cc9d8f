"""Have our own checkpoints cosigned: behind the scenes, or before anybody is given a receipt, as the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from envelopes.log.checkpoint import read_checkpoint
from envelopes.log.note import Verifier, read_note
from envelopes.log.tiles import consistency_proof
from envelopes.log.witnessing import TOO_FEW, enough
from exchange.core.ports import Clock, LogShelf
from exchange.core.ports.witness import CosignatureShelf, Cosigned, Witnesses
from trust_store.errors import Refused


@dataclass(slots=True, kw_only=True)
class Cosigner:
    """Ask witnesses for the newest checkpoint of our log, and keep what they give.

    `needed` is how many of the `verifiers` must have cosigned a checkpoint before it is given out with a receipt.
    """

    shelf: LogShelf
    kept: CosignatureShelf
    witnesses: Witnesses
    verifiers: Sequence[Verifier]
    clock: Clock
    needed: int
    _running: asyncio.Task[Cosigned | None] | None = None

    async def require(self, log: int, index: int) -> Cosigned:
        """Return the smallest checkpoint over an entry that has the cosignatures which are needed, the same for everybody.

        All that wait at one time share what is asked.

        Raises:
            Refused: `log-cosignatures-missing`: too few witnesses answer now; what was sequenced stays, ask again.
        """
        for _ in range(3):
            found = await self.kept.covering(log, index, self.needed)
            if found is not None:
                return found
            await self.cosign(log)
        raise Refused(TOO_FEW, f"Fewer than {self.needed} witnesses answer now")

    async def published(self, log: int) -> str:
        """Return the newest checkpoint that everybody may see: of those with the cosignatures that are needed.

        Where none are needed, or none has them yet, it is the newest of all, with the cosignatures that it has already.
        Empty when there is no such log.
        """
        newest, cosigned = await self.shelf.checkpoint(log), await self.kept.newest(log, self.needed)
        is_shown = cosigned is not None and newest and (self.needed or cosigned.note.startswith(newest))
        return cosigned.note if cosigned and is_shown else newest

    async def cosign(self, log: int) -> Cosigned | None:
        """Have the newest checkpoint cosigned, unless it is; None when too few witnesses answer. Never asks twice at once."""
        if self._running is None:
            self._running = asyncio.create_task(self._cosign(log), name="cosigner")
            self._running.add_done_callback(self._forget)
        return await asyncio.shield(self._running)

    async def _cosign(self, log: int) -> Cosigned | None:
        note, least = await self.shelf.checkpoint(log), max(self.needed, 1)
        if not note:
            return None
        size = read_checkpoint(read_note(note).text).size
        known = await self.kept.newest(log, least)
        if known is not None and known.size == size:
            return known
        lines = await self.witnesses.cosign(note, partial(self._prove, log, size), self.needed)
        try:
            enough(note + "".join(lines), self.verifiers, least)
        except Refused:
            return None
        await self.kept.add(log, size, lines, self.clock.now())
        return await self.kept.newest(log, least)

    async def _prove(self, log: int, size: int, old: int) -> tuple[bytes, ...]:
        async def read(level: int, number: int, _width: int) -> bytes:
            return await self.shelf.tile(log, level, number)

        return await consistency_proof(read, old, size)

    def _forget(self, _: asyncio.Task[Cosigned | None]) -> None:
        self._running = None
