"""Let so many do something at once, and fewer where they do it with the same other side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Give turns, first come first served; one slow other side holds up nobody who waits for another."""

    def __init__(self, most: int, of_one: int) -> None:
        self._all, self._of_one = asyncio.Semaphore(most), of_one
        self._each: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[None]:
        """Wait for a turn with the other side of this name, and have it while the block runs."""
        turns, present = self._each.get(name, (asyncio.Semaphore(self._of_one), 0))
        self._each[name] = turns, present + 1
        try:
            async with turns, self._all:
                yield
        finally:
            turns, present = self._each[name]
            if present > 1:
                self._each[name] = turns, present - 1
            else:
                del self._each[name]
