"""Every bell wakes who listens, and a ring after listening began is never missed."""

from __future__ import annotations

import asyncio
import time

from exchange.core.model import PartyId

ME, OTHER = PartyId("me"), PartyId("other")
LONG = 20.0


async def _wait(listener, seconds=LONG) -> float:
    started = time.monotonic()
    async with asyncio.timeout(LONG / 2):
        await listener.wait(seconds)
    return time.monotonic() - started


async def test_a_ring_between_listening_and_waiting_is_not_missed(bell) -> None:
    with bell.listen(ME) as listener:
        bell.ring(ME)
        await asyncio.sleep(0.01)
        assert await _wait(listener) < 1


async def test_a_ring_while_waiting_wakes_everybody_who_listens(bell) -> None:
    with bell.listen(ME) as one, bell.listen(ME) as two:
        waiting = asyncio.gather(_wait(one), _wait(two))
        await asyncio.sleep(0.05)
        bell.ring(ME)
        assert max(await waiting) < 1


async def test_without_a_ring_the_wait_ends_when_time_is_over(bell) -> None:
    with bell.listen(ME) as listener:
        assert 0.15 < await _wait(listener, 0.2) < 2


async def test_a_ring_before_listening_and_for_others_is_not_heard(bell) -> None:
    bell.ring(ME)
    await asyncio.sleep(0.01)
    with bell.listen(ME) as listener, bell.listen(OTHER) as other:
        bell.ring(OTHER)
        assert await _wait(listener, 0.1) > 0.05
        assert await _wait(other) < 1


async def test_one_listener_leaves_and_the_other_still_hears(bell) -> None:
    with bell.listen(ME) as stays:
        with bell.listen(ME):
            pass
        bell.ring(ME)
        assert await _wait(stays) < 1
    bell.ring(ME)
