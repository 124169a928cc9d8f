"""Show what a change of the authorities would mean for the parties of a hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from exchange.core.authorities import Change, Preview, preview
from exchange.core.hub import Hub

_WEIGHT: Final = 2_000
"""What one certificate weighs among the workers, in bytes: about as much as judging it costs."""


async def show(hub: Hub, changes: Sequence[Change]) -> Preview:
    """Judge every registered certificate as now and as after the changes, off the loop when there are many."""
    snapshot = await hub.store.directory.snapshot()
    held = await hub.store.authorities.registered()
    known = [(snapshot.parties[party], each) for party, each in held if party in snapshot.parties]
    evidence = await hub.store.trust.evidence()
    return await hub.workers.run(len(known) * _WEIGHT, preview, evidence, changes, known, hub.policy, hub.clock.now())
