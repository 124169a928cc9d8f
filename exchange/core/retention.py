"""Remove the content of old messages, and keep the evidence: what was sent, by whom, when, and every receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from exchange.core.hub import Hub
from exchange.core.model import Filed
from exchange.core.sweep import ORPHAN_AGE

BATCH: Final = 100


class Retention(Protocol):
    """Know which content is old, and record that it is removed."""

    async def expired(self, before: datetime, limit: int) -> Sequence[Filed]:
        """List messages with content whose every receiver acknowledged before a moment, or never gets it; oldest first."""
        ...

    async def remove(self, filed: Filed, at: datetime) -> Sequence[str]:
        """Record the removal, with a remark that both sides see; return the digests that nothing kept refers to now.

        On return the record survives a power cut. The same again changes nothing and gives the same digests.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Tell of one message whose content was, or would be, removed."""

    message: Filed
    blobs: int = 0


async def list_expired(hub: Hub, retention: Retention, days: int, limit: int = BATCH) -> Sequence[Filed]:
    """List messages whose content the hub need not keep any more; none when `days` is 0, which means for ever."""
    if not days:
        return ()
    return await retention.expired(hub.clock.now() - timedelta(days=days), limit)


async def remove_expired(hub: Hub, retention: Retention, days: int) -> list[Removal]:
    """Remove the content of every message that is old enough.

    The record comes first: a crash leaves bytes that nothing refers to, which the sweep forgets after a day. Bytes that
    were put again within a day stay, because somebody may be about to file them.
    """
    removed: list[Removal] = []
    while found := await list_expired(hub, retention, days):
        for filed in found:
            digests = await retention.remove(filed, hub.clock.now())
            gone = [await hub.blobs.discard(digest, hub.clock.now() - ORPHAN_AGE) for digest in digests]
            removed.append(Removal(message=filed, blobs=sum(gone)))
    return removed
