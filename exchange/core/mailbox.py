"""A party's mailbox: look, lease, renew, release, count, and put away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exchange.core.finding import Counts, Search
from exchange.core.hub import Hub
from exchange.core.model import DeliveryKey, Entry, Filed, MessageKey, Party
from exchange.errors import NO_LEASE, NOT_FOUND
from trust_store.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Keep a party's mailbox for it; what is another party's is not there."""

    hub: Hub

    async def inbox(self, party: Party, search: Search) -> Sequence[Entry]:
        """List what arrived, oldest first, without leasing anything."""
        return await self.hub.store.mailboxes.inbox(party.id, search, self.hub.clock.now())

    async def sent(self, party: Party, search: Search) -> Sequence[Filed]:
        """List what was sent, newest first."""
        return await self.hub.store.messages.sent(party.id, search)

    async def count(self, party: Party) -> Counts:
        """Count what waits, is leased, was received, is archived, was sent."""
        return await self.hub.store.mailboxes.count(party.id, self.hub.clock.now())

    async def renew(self, party: Party, lease: str, duration: timedelta) -> Sequence[Entry]:
        """Let a lease last for `duration` from now; return the deliveries that it holds.

        Raises:
            Refused: `lease-ended`: it ended or was released, and others may have what it held.
        """
        now = self.hub.clock.now()
        held = await self.hub.store.mailboxes.renew(party.id, lease, now, now + duration)
        if not held:
            raise Refused(NO_LEASE)
        return held

    async def release(self, party: Party, lease: str) -> int:
        """End a lease now, so that others get what it holds; return how much that was.

        Raises:
            Refused: `lease-ended`.
        """
        released = await self.hub.store.mailboxes.release(party.id, lease)
        if not released:
            raise Refused(NO_LEASE)
        self.hub.bell.ring(party.id)
        return released

    async def archive(self, party: Party, key: DeliveryKey, *, away: bool) -> None:
        """Put an acknowledged delivery into the archive, or take it out again.

        Raises:
            Refused: `not-found`: there is none, or it waits to be acknowledged.
        """
        delivery = await self.hub.store.mailboxes.get(party.id, key)
        if delivery is None or delivery.handed_over_at is None:
            raise Refused(NOT_FOUND, "There is no such acknowledged delivery in this mailbox")
        await self.hub.store.mailboxes.archive(party.id, key, self._moment(away=away))

    async def archive_sent(self, party: Party, key: MessageKey, *, away: bool) -> None:
        """Put a sent message into the archive, or take it out again.

        Raises:
            Refused: `not-found`.
        """
        filed = await self.hub.store.messages.get(key)
        if filed is None or filed.sender != party.id:
            raise Refused(NOT_FOUND, "This party sent no such message")
        await self.hub.store.messages.archive(party.id, key, self._moment(away=away))

    def _moment(self, *, away: bool) -> datetime | None:
        return self.hub.clock.now() if away else None
