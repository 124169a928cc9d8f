"""What can be delivered to a party that is reached through a connected system only: one file of a limited size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envelopes.opened import Envelope
from exchange.core.model import Party, PartyId
from exchange.core.snapshot import Snapshot
from trust_store.errors import Refused, reason

NO_FILES_BESIDE = reason(
    "receiver-no-files-beside",
    "A receiver is reached through a system that takes no files beside a letter",
    "Put the files into the letter itself, or send that receiver a letter of its own; see reached_by in the directory",
)
RECEIVER_LIMIT = reason(
    "receiver-size-limit",
    "A receiver is reached through a system that takes no letter of this size",
    "Send that receiver a smaller letter, or parts of it; see max_bytes in the directory",
)
_PLACE = "To/OrganId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Say how many bytes a letter may have: to anybody, and to a party that is reached through a system only."""

    anybody: int
    bound: int

    def limit(self, party: PartyId, snapshot: Snapshot) -> int:
        """Tell how many bytes a letter to a party may have."""
        return self.bound if party in snapshot.bound else self.anybody


def check_reach(envelope: Envelope, receivers: Iterable[Party], snapshot: Snapshot, sizes: Sizes) -> None:
    """Refuse what a receiver's system could not take over; the bytes are never rewritten to fit.

    Raises:
        Refused: `receiver-no-files-beside` or `receiver-size-limit`.
    """
    if not envelope.detached and envelope.size <= sizes.bound:
        return
    for receiver in receivers:
        system = snapshot.bound.get(receiver.id)
        if system is None:
            continue
        named = f"{receiver.name} ({receiver.id}) is reached through system {system} only"
        if envelope.detached:
            raise Refused(NO_FILES_BESIDE, f"{named}, which takes no files beside a letter", where=_PLACE)
        raise Refused(
            RECEIVER_LIMIT, f"{named}; the letter has {envelope.size:,} bytes of {sizes.bound:,}", where=_PLACE
        )
