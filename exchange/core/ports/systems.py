"""What the exchange needs to know the systems that are connected, and what they collect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.audit import Author
from exchange.core.model import Delivery, DeliveryKey, Entry, Kind, MessageKey
from exchange.core.systems import Collect, SecretState, System, SystemId


class Vault(Protocol):
    """Keep secrets that the hub must compute with: what is locked is worth nothing without the vault."""

    def lock(self, secret: bytes, about: str) -> bytes:
        """Encrypt a secret and bind it to what it is about."""
        ...

    def unlock(self, locked: bytes, about: str) -> bytes:
        """Give a secret back; `Refused` (vault-locked) when it was locked elsewhere, for something else, or changed."""
        ...


class Systems(Protocol):
    """Keep connected systems and their secrets, and what they collect; every change is audited in its own transaction.

    The systems themselves are part of the directory's snapshot.
    """

    async def connect(self, system: System, secret: str, by: Author) -> None:
        """Keep a new system with its first secret.

        `Refused`: system-exists, or not-found for a party.
        """
        ...

    async def put(self, system: System, by: Author) -> None:
        """Change a system whole, except for its secrets; `Refused`: not-found for it or a party."""
        ...

    async def rotate(self, system: SystemId, secret: str, until: datetime, by: Author) -> None:
        """Keep a new secret; those before end at a moment, or when they would have; `Refused` (not-found)."""
        ...

    async def states(self, system: SystemId) -> Sequence[SecretState]:
        """Tell of the secrets of a system, newest first; never the secrets."""
        ...

    async def secrets(self, system: SystemId, now: datetime) -> Sequence[bytes]:
        """Return the secrets of a system that hold, newest first; none when there is no such system."""
        ...

    async def collect(self, system: SystemId, wanted: Collect) -> Sequence[Entry]:
        """List deliveries to the parties of a system, oldest first, those that failed last."""
        ...

    async def waiting(self, system: SystemId, kind: Kind) -> int:
        """Count the deliveries to the parties of a system that were not taken over yet."""
        ...

    async def find(self, system: SystemId, key: DeliveryKey) -> Delivery | None:
        """Return a delivery to one of the parties of a system."""
        ...

    async def sent(self, system: SystemId, wanted: Collect, key: MessageKey | None) -> Sequence[Entry]:
        """List deliveries of what the parties of a system sent, of one message or newest first."""
        ...
