"""Do one thing to a hub in a process of its own, and die by SIGKILL right after a named step.

Arguments: the hub's folder, the party's id, the step to die after (or "none"), the action, its argument.
Prints the receipt of the action in hex, or what was issued, if it lives to see it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from exchange.config import Home
from exchange.core.applications import ApplicationId
from exchange.core.model import DeliveryKey, PartyId
from exchange.wiring import open_exchange


class DyingProgress:
    """Kill this process after a step; nothing gets a chance to clean up."""

    def __init__(self, last: str) -> None:
        self._last = last

    def passed(self, step: str) -> None:
        if step == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


async def act(folder: str, party: str, last: str, action: str, argument: str) -> None:
    async with open_exchange(Home(Path(folder)), progress=DyingProgress(last)) as exchange:
        who = await exchange.hub.store.directory.get(PartyId(party))
        assert who is not None
        if action == "submit":
            _, receipt = await exchange.hub.submit(who, Path(argument).read_bytes())
        elif action == "approve":
            done = await exchange.hub.enrolment.approve(ApplicationId(argument), "somebody", exchange.author())
            print(done.certificate)
            return
        else:
            receipt = await exchange.hub.acknowledge(who, DeliveryKey(argument))
        print(receipt.xml.hex())


if __name__ == "__main__":
    asyncio.run(act(*sys.argv[1:]))
