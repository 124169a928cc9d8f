"""Mend what a crash left: seal statements that nobody sealed, and forget blobs that no message refers to."""

from __future__ import annotations

from datetime import timedelta

from exchange.core.hub import Hub

ORPHAN_AGE = timedelta(days=1)


async def seal_waiting(hub: Hub, limit: int = 100) -> int:
    """Seal statements that wait, oldest first; return how many were sealed."""
    waiting = await hub.store.evidence.unsealed(limit)
    for key in waiting:
        await hub.seal(key)
    return len(waiting)


async def discard_orphans(hub: Hub) -> int:
    """Forget blobs older than a day that no message refers to; return how many."""
    orphans = [
        digest
        for digest in await hub.blobs.before(hub.clock.now() - ORPHAN_AGE)
        if not await hub.store.messages.has_blob(digest)
    ]
    for digest in orphans:
        await hub.blobs.discard(digest)
    return len(orphans)
