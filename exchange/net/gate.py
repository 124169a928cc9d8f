"""The gate that every request passes: who may come in, and for how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from aiohttp import web

from exchange.errors import Later
from exchange.net.admission import Admission
from exchange.net.bodies import chunks, read
from exchange.net.limits import Limits
from exchange.net.origin import read_proxies
from exchange.net.rates import RATE_LIMITED, Rates
from trust_store.errors import reason

ABANDONED = reason(
    "request-abandoned",
    "The hub could not finish the request in time",
    "Send it again after Retry-After seconds; it is always safe, and what was finished is found",
)
AGAIN_SECONDS = 10.0
_PULSE = 0.05
T = TypeVar("T")


class Gate:
    """Hold the limits of one hub and what is used of them."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.admission, self.rates = Admission(limits, now), Rates(limits, now)
        self.proxies = read_proxies(limits.trusted_proxies)

    async def finish(self, work: Awaitable[T], extra: float = 0.0) -> T:
        """Work within the time that a request may take, and `extra` seconds that it waits on purpose.

        What was handed to the database is committed or not as if the client had gone away: whole, or not at all.

        Raises:
            Later: `request-abandoned`.
        """
        seconds = self.limits.request_seconds + extra
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await work
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Later(ABANDONED, f"It was not done after {seconds:g} seconds", AGAIN_SECONDS) from None

    async def receive(self, request: web.Request, owner: str, most: int) -> bytes:
        """Read a body; it counts for its owner's rate before it is read if its size is known, and after if not.

        Raises:
            Refused: as `read`.
            Later: `rate-limited`.
        """
        if not request.body_exists:
            return b""
        self.rates.count_bytes(owner, 1 if request.content_length is None else request.content_length)
        body = await read(request, self.limits, most)
        if request.content_length is None:
            self.rates.add_bytes(owner, len(body))
        return body

    async def stream(self, request: web.Request, owner: str) -> AsyncGenerator[bytes, None]:
        """Give a body piece by piece, read no faster than its owner may send; whoever sends faster is slowed down.

        Raises:
            Refused: as `chunks`.
            Later: `rate-limited`: to wait for the next piece would take longer than a body may stand still.
        """
        await self._pace(self.rates.pace_bytes(owner, 0))
        async with aclosing(chunks(request, stall=self.limits.stall_seconds)) as pieces:
            async for piece in pieces:
                wait = self.rates.pace_bytes(owner, len(piece))
                yield piece
                if not request.content.at_eof():
                    await self._pace(wait)

    async def _pace(self, seconds: float) -> None:
        if seconds > self.limits.stall_seconds:
            raise Later(RATE_LIMITED, f"{self.limits.bytes_per_minute:,.0f} bytes of files a minute", seconds)
        await asyncio.sleep(seconds)

    async def empty(self, seconds: float, release: Callable[[], None]) -> None:
        """Let nobody in any more and wait until all are out, at most `seconds`; `release` wakes those who wait."""
        self.admission.stop()
        until = asyncio.get_running_loop().time() + seconds
        release()
        while self.admission.present and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_PULSE)
            release()
