"""Let in only as much as the hub can work on: requests at once, and bytes of bodies in memory."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator

from exchange.errors import BUSY, Later
from exchange.net.limits import Limits
from trust_store.errors import reason

STOPPING = reason("hub-stopping", "The hub is stopping", "Send it again in a moment; it is always safe")
MEMORY = 5.0
"""Seconds over which it is remembered how fast things drain."""
LONGEST, UNMEASURED = 60.0, 2.0


class Drain:
    """Measure how fast something is given back, and foresee how long some of it will take.

    Those who were told before come first, so that not all come again at once; together they count for `capacity` at most.
    """

    def __init__(self, capacity: float, now: Callable[[], float]) -> None:
        self._capacity, self._now = capacity, now
        self._given, self._promised, self._at = 0.0, 0.0, now()

    def give(self, amount: float) -> None:
        """Note that an amount was given back."""
        self._fade()
        self._given += amount
        self._promised = max(0.0, self._promised - amount)

    def foresee(self, amount: float) -> float:
        """Return the seconds that an amount will take, from what was given back lately."""
        self._fade()
        self._promised = min(self._capacity, self._promised + amount)
        wanted = max(amount, self._promised)
        return min(LONGEST, wanted * MEMORY / self._given) if self._given > 1e-6 else UNMEASURED

    def _fade(self) -> None:
        now = self._now()
        faded = math.exp((self._at - now) / MEMORY)
        self._given, self._promised, self._at = self._given * faded, self._promised * faded, now


class Slot:
    """Hold a place among the requests that are worked on."""

    def __init__(self, admission: Admission) -> None:
        self._admission, self._held, self._owner = admission, True, ""

    def claim(self, owner: str) -> None:
        """Say whose place it is; one party gets half of all at most, so that others get in.

        Raises:
            Later: `hub-busy`.
        """
        self._admission.check_share(owner)
        self._owner = owner
        self._admission.places[owner] += 1

    def leave(self) -> None:
        """Give the place up; the request goes on without it, as a long poll does."""
        if self._held:
            self._held = False
            self._admission.give_slot(self._owner)


class Room:
    """Hold memory for a body."""

    def __init__(self, admission: Admission, owner: str, size: int) -> None:
        self._admission, self._owner, self.size = admission, owner, size

    def shrink(self, size: int) -> None:
        """Give back what the body did not need."""
        if size < self.size:
            self._admission.give_room(self._owner, self.size - size)
            self.size = size


class Admission:
    """Count what is being worked on. Nobody queues: whoever does not fit is told when to come again."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._slots, self._room = limits.requests_in_flight, limits.bodies_in_flight_bytes
        self._slots_drain, self._room_drain = Drain(self._slots, now), Drain(self._room, now)
        self._rooms: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self.working = self.present = self.stored = 0
        self.is_stopping = False

    def stop(self) -> None:
        """Let nobody in any more."""
        self.is_stopping = True

    def check_open(self) -> None:
        """Go on only while the hub is not stopping; `hub-stopping` otherwise."""
        if self.is_stopping:
            raise Later(STOPPING, "", 1)

    @contextlib.contextmanager
    def slot(self) -> Iterator[Slot]:
        """Hold a place while the block runs.

        Raises:
            Later: `hub-busy`, or `hub-stopping`.
        """
        self.check_open()
        if self.working >= self._slots:
            raise Later(BUSY, f"{self.working} requests are being worked on", self._slots_drain.foresee(1))
        self.working += 1
        self.present += 1
        slot = Slot(self)
        try:
            yield slot
        finally:
            slot.leave()
            self.present -= 1

    @contextlib.contextmanager
    def room(self, owner: str, size: int) -> Iterator[Room]:
        """Hold memory for a body while the block runs; one party gets half of all at most, so that others get in.

        Raises:
            Later: `hub-busy`.
        """
        missing = max(self._rooms[owner] + size - self._room // 2, 0) if self._rooms[owner] else 0
        missing = max(missing, self.stored + size - self._room if self.stored else 0)
        if missing > 0:
            raise Later(BUSY, "Too many large bodies are being received", self._room_drain.foresee(missing))
        self._rooms[owner] += size
        self.stored += size
        room = Room(self, owner, size)
        try:
            yield room
        finally:
            room.shrink(0)

    def check_share(self, owner: str) -> None:
        """Refuse (`hub-busy`) who holds half of all places already."""
        held = self.places[owner]
        if held >= max(1, self._slots // 2):
            raise Later(BUSY, f"{held} requests of {owner} are being worked on", self._slots_drain.foresee(1))

    def give_slot(self, owner: str) -> None:
        """Take a place back."""
        self.working -= 1
        if owner:
            self.places[owner] -= 1
            if not self.places[owner]:
                del self.places[owner]
        self._slots_drain.give(1)

    def give_room(self, owner: str, size: int) -> None:
        """Take memory back."""
        self.stored -= size
        self._rooms[owner] -= size
        self._room_drain.give(size)
        if not self._rooms[owner]:
            del self._rooms[owner]
