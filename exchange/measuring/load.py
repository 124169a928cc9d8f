"""Drive a hub with concurrent clients: submit, fetch, acknowledge, and time every step."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TypeVar

from exchange.client import Client
from trust_store.errors import Misuse

T = TypeVar("T")
PAGE = 16


@dataclass(slots=True)
class Timings:
    """Collect the seconds that each step took."""

    steps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def of(self, step: str, work: Awaitable[T]) -> T:
        """Time one piece of work."""
        started = time.perf_counter()
        result = await work
        self.steps[step].append(time.perf_counter() - started)
        return result

    def percentiles(self) -> dict[str, dict[str, float]]:
        """Give p50, p95 and p99 of each step in milliseconds."""
        return {step: _percentiles(found) for step, found in sorted(self.steps.items())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Name a party that takes part: its token."""

    code: str
    token: str


async def exchange_all(
    url: str, sender: Side, receiver: Side, letters: list[bytes], clients: int
) -> tuple[float, Timings]:
    """Send every letter and take every one in, from `clients` senders and as many readers; return the seconds spent.

    Raises:
        Misuse: a letter was lost, doubled or changed: then the figures mean nothing.
    """
    timings, waiting, arrived = Timings(), iter(letters), dict[str, int]()
    done = asyncio.Event()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_send(url, sender, waiting, timings))
        for _ in range(clients):
            group.create_task(_read(url, receiver, len(letters), arrived, timings, done))
    spent = time.perf_counter() - started
    if len(arrived) != len(letters) or sum(arrived.values()) != sum(map(len, letters)):
        raise Misuse(f"{len(letters)} letters were sent, and {len(arrived)} arrived")
    return spent, timings


async def _send(url: str, sender: Side, letters: Iterator[bytes], timings: Timings) -> None:
    async with Client(url, sender.token) as client:
        for letter in letters:
            await timings.of("submit", client.submit(letter))


async def _read(
    url: str, receiver: Side, count: int, arrived: dict[str, int], timings: Timings, done: asyncio.Event
) -> None:
    async with Client(url, receiver.token) as client:
        while not done.is_set():
            for item in await timings.of("lease", client.lease(limit=PAGE, wait=0.5)):
                content = await timings.of("fetch", client.content(item.message))
                await timings.of("acknowledge", client.acknowledge(item.delivery))
                if arrived.setdefault(item.delivery, len(content)) != len(content):
                    raise Misuse("a letter arrived twice with different bytes")
            if len(arrived) >= count:
                done.set()


def _percentiles(found: list[float]) -> dict[str, float]:
    cuts = quantiles(found, n=100, method="inclusive") if len(found) > 1 else found * 99
    return {f"p{at}": round(cuts[at - 1] * 1000, 2) for at in (50, 95, 99)}
