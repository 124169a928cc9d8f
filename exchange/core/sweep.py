"""Mend what a crash left: seal statements that nobody sealed, and forget blobs that no message refers to."""

from __future__ import annotations

from datetime import timedelta

from exchange.core.hub import Hub
from exchange.core.model import EvidenceId
from exchange.errors import Unsealed
from trust_store.errors import Refused

ORPHAN_AGE = timedelta(days=1)


async def seal_waiting(hub: Hub, limit: int = 100) -> tuple[int, dict[EvidenceId, Refused]]:
    """Seal statements that wait, oldest first; return how many were sealed, and why each of the others was not."""
    sealed, failed = 0, {}
    for key in await hub.store.evidence.unsealed(limit):
        try:
            receipt = await hub.seal(key)
            await hub.store.evidence.seal(key, receipt.xml)
            sealed += 1
        except Unsealed as refusal:
            failed[key] = refusal.why
        except Refused as refusal:
            failed[key] = refusal
    return sealed, failed


async def discard_orphans(hub: Hub) -> int:
    """Forget uploads whose time is over, then blobs that were last put over a day ago and that nothing refers to.

    Returns how many blobs. A submission puts its blob anew before it commits, and so does an upload, so a blob that becomes
    wanted meanwhile is not discarded.
    """
    await hub.uploads.sweep()
    gone, before = 0, hub.clock.now() - ORPHAN_AGE
    for digest in await hub.blobs.before(before):
        if not await hub.store.messages.has_blob(digest):
            gone += await hub.blobs.discard(digest, before)
    return gone
