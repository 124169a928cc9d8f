"""A bell that is heard in every process of a hub on one machine: each has a pipe that all others write into.

A ring is one line, written in one piece. A process that is so far behind that its pipe is full is told to wake everybody
instead, as soon as there is room: a bell is a hint, and hearing too much costs only a look.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from exchange.core.model import PartyId
from exchange.delivery.bell import LocalBell

EVERYBODY: Final = b"*\n"
AGAIN: Final = 0.05
_PIECE: Final = 64 * 1024


class Wires:
    """Hold a pipe for each of so many processes; made before they are forked."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pipes = [os.pipe() for _ in range(count)]
        for pair in self._pipes:
            for end in pair:
                os.set_blocking(end, False)

    def heard_by(self, index: int) -> int:
        """Give the end that a process reads."""
        return self._pipes[index][0]

    def told_by(self, index: int) -> tuple[int, ...]:
        """Give the ends that a process writes into."""
        return tuple(pair[1] for at, pair in enumerate(self._pipes) if at != index)


class SharedBell(LocalBell):
    """Wake readers in this process and in all others of the hub; see `ports.Bell`. Made on the loop that it hears on."""

    def __init__(self, wires: Wires, index: int) -> None:
        super().__init__()
        self._hears, self._tells = wires.heard_by(index), wires.told_by(index)
        self._late: set[int] = set()
        self._begun = b""
        asyncio.get_running_loop().add_reader(self._hears, self._hear)

    def ring(self, receiver: PartyId) -> None:
        """Wake everybody who listens for this receiver, wherever."""
        super().ring(receiver)
        line = f"{receiver}\n".encode()
        for wire in self._tells:
            self._tell(wire, line)

    def release(self) -> None:
        """Wake everybody in this process."""
        for receiver in list(self._ears):
            super().ring(receiver)

    def _tell(self, wire: int, line: bytes) -> None:
        if wire in self._late:
            return
        try:
            os.write(wire, line)
        except BlockingIOError:
            self._late.add(wire)
            asyncio.get_running_loop().call_later(AGAIN, self._catch_up, wire)

    def _catch_up(self, wire: int) -> None:
        self._late.discard(wire)
        self._tell(wire, EVERYBODY)

    def _hear(self) -> None:
        """Read what there is; the last line may have begun only."""
        *lines, self._begun = (self._begun + os.read(self._hears, _PIECE)).split(b"\n")
        if EVERYBODY.strip() in lines:
            self.release()
            return
        for line in dict.fromkeys(lines):
            super().ring(PartyId(line.decode()))
