"""Look into files for signatures in processes that can be killed; what was found once is remembered by digest.

What is remembered says nothing of trust, so no change of it can make it stale.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec

from envelopes.inside.facts import Facts, FileKind, fault_of
from envelopes.inside.reasons import COSTLY
from exchange.bounded import BoundedProcesses
from trust_store.errors import Refused

PROGRAMS: Final = {FileKind.PDF: "exchange.pdf_process", FileKind.XML: "exchange.xml_process"}
ROOMS: Final = 2
"""Messages whose files are in memory at once, a letter and 64 MiB each."""
REMEMBERED: Final = 256
"""Files whose findings are kept; each is at most some hundred kilobytes, and mostly ten."""
COSTLY_SECONDS: Final = 600.0
"""For so long a file that was too costly is not tried again: a busy machine may have been the cause, and so may the file."""


class Inspection:
    """Look into files; see `ports.Inspector`."""

    def __init__(self, seconds: float, processes: int = 2, now: Callable[[], float] = time.monotonic) -> None:
        self._pools = {
            kind: BoundedProcesses(program, seconds, COSTLY, processes) for kind, program in PROGRAMS.items()
        }
        self._now, self._room = now, asyncio.Semaphore(ROOMS)
        self._known: OrderedDict[tuple[FileKind, str], tuple[float, Facts]] = OrderedDict()
        self._running: dict[tuple[FileKind, str], asyncio.Task[Facts]] = {}

    @property
    def pids(self) -> frozenset[int]:
        """Name the processes that run now."""
        return frozenset[int]().union(*(pool.pids for pool in self._pools.values()))

    def room(self) -> AbstractAsyncContextManager[None]:
        """Have room for the files of one message."""
        return self._room

    async def inspect(self, kind: FileKind, digest: str, data: bytes) -> Facts:
        """Tell what is known of the signatures in a file with this digest; asked by many at once, it is done once."""
        key = kind, digest
        until, facts = self._known.get(key, (0.0, None))
        if facts is not None and (until == 0 or self._now() < until):
            self._known.move_to_end(key)
            return facts
        task = self._running.get(key)
        if task is None:
            self._running[key] = task = asyncio.create_task(self._look(key, data))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what runs, and the processes."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for pool in self._pools.values():
            await pool.close()

    async def _look(self, key: tuple[FileKind, str], data: bytes) -> Facts:
        until = 0.0
        try:
            facts = msgspec.json.decode(await self._pools[key[0]].perform(data), type=Facts)
        except Refused as refusal:
            facts, until = Facts(kind=key[0], fault=fault_of(refusal)), self._now() + COSTLY_SECONDS
        self._known[key] = until, facts
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return facts
