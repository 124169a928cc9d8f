"""What the exchange needs to know and change of authorities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from exchange.core.audit import Author
from exchange.core.authorities import Authority, Change
from exchange.core.model import PartyId
from trust_store.certificate import Certificate


class Authorities(Protocol):
    """Keep the authorities with their terms; every change is audited in its own transaction."""

    async def all(self) -> Sequence[Authority]:
        """List the authorities, anchors first, each kind by name."""
        ...

    async def apply(self, changes: Sequence[Change], by: Author) -> None:
        """Make all changes or none; what is as it should be already changes nothing."""
        ...

    async def registered(self) -> Sequence[tuple[PartyId, Certificate]]:
        """List the certificates that are registered for parties, with whose they are."""
        ...
