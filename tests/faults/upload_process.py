"""Write to an upload in a process of its own, and die by SIGKILL right after a named step.

Arguments: the hub's folder, the party's id, the step to die after (or "none"), the file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from exchange.config import Home
from exchange.core.model import PartyId
from exchange.wiring import open_exchange


class DyingProgress:
    """Kill this process after a step; nothing gets a chance to clean up."""

    def __init__(self, last: str) -> None:
        self._last = last

    def passed(self, step: str) -> None:
        if step == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


async def act(folder: str, party: str, last: str, file: str) -> None:
    data = Path(file).read_bytes()
    async with open_exchange(Home(Path(folder)), progress=DyingProgress(last)) as exchange:
        uploads = exchange.hub.uploads
        standing = await uploads.begin(PartyId(party), hashlib.sha256(data).hexdigest(), len(data))
        await uploads.append(PartyId(party), standing.upload.id, standing.offset, _pieces(data[standing.offset :]))


if __name__ == "__main__":
    asyncio.run(act(*sys.argv[1:]))
