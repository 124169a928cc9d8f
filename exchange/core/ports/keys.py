"""What the exchange needs of the hub's own keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.audit import Author
from exchange.core.keys import HubKey
from trust_store.keys import KeyHolder


class HubKeys(Protocol):
    """Keep which keys the hub has and had. Every change is audited in its own transaction."""

    async def known(self) -> Sequence[HubKey]:
        """List them all, in the order in which they sign; a change by any process shows at the next call."""
        ...

    async def announce(self, key: HubKey, by: Author) -> None:
        """Make a key known; the same certificate again changes nothing.

        `Refused`: hub-key-announced while another one that is not in use yet is known.
        """
        ...

    async def adopt(self, key: HubKey, by: Author) -> None:
        """Make the key known that somebody put in place by hand, or where it is now.

        Others in the same place are retired, for they are gone.
        """
        ...

    async def retire(self, fingerprint: str, why: str, by: Author, compromised_from: datetime | None = None) -> HubKey:
        """Let a key sign nothing more; one that is announced takes over at once if it is the last.

        With `compromised_from` its certificate is on the local revocation list from then on. `Refused`: not-found, or
        hub-key-last when no other is known. The same again changes nothing.
        """
        ...


class Signers(Protocol):
    """Give the hub's keys to sign with."""

    async def known(self) -> Sequence[HubKey]:
        """List the hub's keys as they were less than a second ago, in the order in which they sign."""
        ...

    async def sealing(self, at: datetime) -> KeyHolder:
        """Give the key that seals what was stated at a moment; the same one in every process, whenever it is asked."""
        ...
