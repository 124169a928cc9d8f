"""The bell between processes wakes everybody rather than nobody when a process is far behind."""

from __future__ import annotations

import asyncio
import os

from exchange.core.model import PartyId
from exchange.delivery.wires import AGAIN, SharedBell, Wires

ME, OTHER = PartyId("me"), PartyId("other")


async def test_a_process_that_is_far_behind_is_told_to_wake_everybody() -> None:
    wires = Wires(2)
    rings = SharedBell(wires, 1)
    for number in range(20_000):
        rings.ring(PartyId(f"party-{number}"))
    hears = SharedBell(wires, 0)
    with hears.listen(PartyId("party-19999")) as last, hears.listen(ME) as me:
        async with asyncio.timeout(AGAIN * 40):
            await last.wait(AGAIN * 20)
            await me.wait(AGAIN * 20)
    rings.ring(OTHER)
    with hears.listen(OTHER) as other:
        rings.ring(OTHER)
        async with asyncio.timeout(AGAIN * 40):
            await other.wait(AGAIN * 20)


async def test_a_line_that_comes_in_two_pieces_is_one_ring() -> None:
    wires = Wires(2)
    bell = SharedBell(wires, 0)
    with bell.listen(PartyId("đơn vị")) as listener:
        data = "đơn vị\n".encode()
        (wire,) = wires.told_by(1)
        os.write(wire, data[:1])
        await asyncio.sleep(0.01)
        os.write(wire, data[1:])
        async with asyncio.timeout(2):
            await listener.wait(1.5)


async def test_stopping_wakes_this_process_alone() -> None:
    wires = Wires(2)
    here, there = SharedBell(wires, 0), SharedBell(wires, 1)
    with here.listen(ME) as mine, there.listen(ME) as theirs:
        here.release()
        async with asyncio.timeout(1):
            await mine.wait(10)
        heard = asyncio.create_task(theirs.wait(0.2))
        await asyncio.sleep(0.1)
        assert not heard.done()
        await heard
