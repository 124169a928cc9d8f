"""Announce the hub's next key in a process of its own, and die by SIGKILL right after a named step.

Arguments: the hub's folder, the step to die after (or "none"). Prints the fingerprint of the key if it lives to see it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from exchange.config import Home
from exchange.rotation import Wanted, rotate
from exchange.wiring import open_exchange


class DyingProgress:
    """Kill this process after a step; nothing gets a chance to clean up."""

    def __init__(self, last: str) -> None:
        self._last = last

    def passed(self, step: str) -> None:
        if step == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


async def act(folder: str, last: str) -> None:
    async with open_exchange(Home(Path(folder)), progress=DyingProgress(last)) as exchange:
        made = await rotate(
            exchange, Wanted(since=exchange.hub.clock.now() + timedelta(minutes=1)), exchange.hub.progress
        )
        print(made.certificate.fingerprint)


if __name__ == "__main__":
    asyncio.run(act(*sys.argv[1:]))
