"""A bell inside one process: a ring wakes whoever listens for a receiver at that moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

from exchange.core.model import PartyId


class Ear:
    """Wait for a ring; see `ports.Listener`."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def hear(self) -> None:
        """Note a ring."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return at the first ring since listening began, or when the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)


class LocalBell:
    """Wake readers in this process; see `ports.Bell`."""

    def __init__(self) -> None:
        self._ears: defaultdict[PartyId, set[Ear]] = defaultdict(set)

    def ring(self, receiver: PartyId) -> None:
        """Wake everybody who listens for this receiver."""
        for ear in self._ears.get(receiver, ()):
            ear.hear()

    @contextlib.contextmanager
    def listen(self, receiver: PartyId) -> Iterator[Ear]:
        """Start to listen."""
        ear = Ear()
        self._ears[receiver].add(ear)
        try:
            yield ear
        finally:
            self._ears[receiver].discard(ear)
            if not self._ears[receiver]:
                del self._ears[receiver]

    def release(self) -> None:
        """Wake everybody, so that a hub that stops keeps nobody waiting."""
        for receiver in list(self._ears):
            self.ring(receiver)
