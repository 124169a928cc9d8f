"""Take a revocation list that an administrator brings, and say what is known of revocations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from exchange.core.audit import Author
from exchange.core.hearing import check_list, of_list
from exchange.core.hub import Hub
from exchange.core.revoking import Datum, Kept
from trust_store.revocation.lists import load_list

BY_HAND: Final = "by hand"
"""The source of what an administrator brought."""


async def import_list(hub: Hub, data: bytes, by: Author) -> tuple[Datum, bool]:
    """Check a list (DER or PEM) and keep it; return it, and whether it is news.

    Raises:
        Refused: `revocation-list-malformed`, `revocation-authority-unknown`, `revocation-unusable` or `revocation-older`.
    """
    listed = await hub.workers.run(len(data), load_list, data)
    evidence, met = await hub.store.trust.evidence(), await hub.store.sources.authorities()
    authorities = dict.fromkeys((*evidence.anchors, *evidence.intermediates, *met))
    await hub.workers.run(len(data), check_list, listed, authorities, by.at)
    datum = of_list(listed)
    return datum, await hub.store.revocation.keep(datum, BY_HAND, by.at, by)


async def known(hub: Hub) -> Sequence[Kept]:
    """List the lists and answers that decide now, by authority."""
    return await hub.store.revocation.current()
