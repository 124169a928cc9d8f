"""Run an adapter: one loop does everything, so a local system is never asked two things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from adapters.base import Desk
from adapters.receiving import Receiving
from adapters.sending import Sending
from exchange.client import Refused


@dataclass(kw_only=True)
class Courier:
    """Carry documents between one hub and one local system, both ways.

    `pause` waits for so many seconds; the default ends early when the work is to stop.
    """

    desk: Desk
    pause: Callable[[float], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self._sending, self._receiving = Sending(desk=self.desk), Receiving(desk=self.desk)

    async def run(self) -> None:
        """Work until `stop` is set, which ends the work between two documents."""
        failures = 0
        while not self.desk.stop.is_set():
            trouble = await self._round(self.desk.pace.poll)
            failures = failures + 1 if trouble else 0
            if trouble:
                await (self.pause or self._pause)(self.desk.pace.delay(failures))

    async def run_once(self) -> None:
        """Send and fetch all that there is now.

        Raises:
            Refused: the first thing that went wrong and is worth another try; everything else was done.
        """
        trouble = await self._round(0)
        if trouble is not None:
            raise trouble

    async def _round(self, wait: float) -> Refused | None:
        """Waiting for new deliveries is the pause between two rounds."""
        desk = self.desk
        desk.troubles.clear()
        steps = (self._receiving.resume, self._sending.send, self._sending.follow)
        try:
            for step in (*steps, partial(self._receiving.receive, wait)):
                await step()
        except Refused as refusal:
            desk.note(refusal)
        trouble = next(iter(desk.troubles), None)
        with desk.tolerate():
            desk.local.report(trouble)
        return trouble

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.desk.stop.wait(), seconds)
        except TimeoutError:
            return
