"""Declare a key lost in a process of its own, and die by SIGKILL at a named point.

Arguments: the hub's folder, the SHA-256 of the certificate, the point: a step such as `declare.2-commit`, or `in NAME` for inside
the transaction, when it calls that function of the store.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exchange.config import Home
from exchange.core import compromise
from exchange.core.quarantine import Declaration
from exchange.storage import quarantine
from exchange.wiring import open_exchange


def die(*_arguments: object) -> None:
    """End at once; nothing gets a chance to clean up."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingProgress:
    """Die after a step."""

    def __init__(self, last: str) -> None:
        self._last = last

    def passed(self, step: str) -> None:
        if step == self._last:
            die()


async def act(folder: str, certificate: str, point: str) -> None:
    if point.startswith("in "):
        setattr(quarantine, point.removeprefix("in "), die)
    wanted = Declaration(certificate=certificate, since=datetime.now(UTC) - timedelta(hours=1), why="mất khóa")
    async with open_exchange(Home(Path(folder)), progress=DyingProgress(point)) as exchange:
        await compromise.declare(exchange.hub, wanted, exchange.author())


if __name__ == "__main__":
    asyncio.run(act(*sys.argv[1:]))
