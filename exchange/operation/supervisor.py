"""Tell the supervisor of services that the hub serves, is alive, and stops (sd_notify); where there is none, do nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping

_MICROSECONDS = 1_000_000


@contextlib.asynccontextmanager
async def supervised(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Report while the block runs; the sign of life comes from the event loop, so that a loop that hangs is noticed."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        yield
        return
    interval = int(environment.get("WATCHDOG_USEC", "0")) / _MICROSECONDS / 2
    _tell(address, "READY=1")
    living = asyncio.create_task(_live(address, interval)) if interval else None
    try:
        yield
    finally:
        _tell(address, "STOPPING=1")
        if living is not None:
            living.cancel()


async def _live(address: str, interval: float) -> None:
    while True:
        _tell(address, "WATCHDOG=1")
        await asyncio.sleep(interval)


def _tell(address: str, text: str) -> None:
    """Send one datagram; an address that begins with @ is an abstract one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
        sender.setblocking(False)
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(text.encode())
