"""What a party may read: its mailbox, what it sent, and the evidence about both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exchange.core.hub import Hub, Sealed
from exchange.core.model import Delivery, EvidenceId, Filed, MessageKey, Party, Statement
from exchange.errors import NOT_FOUND
from trust_store.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Hold one line of a timeline: an event of EN 319 522 with its evidence, or a business status code with its notice.

    `receiver` is the party that the line is about, empty for the submission; `irregular` marks an unforeseen order.
    """

    at: datetime
    what: str
    receiver: str = ""
    text: str = ""
    evidence: EvidenceId | None = None
    notice: MessageKey | None = None
    irregular: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Read on behalf of a party; whatever is not the party's own is not there for it."""

    hub: Hub

    async def message(self, party: Party, key: MessageKey) -> tuple[Filed, Sequence[Delivery]]:
        """Return a message that the party sent or received, with the deliveries that it may know of.

        Raises:
            Refused: `not-found`.
        """
        filed = await self.hub.store.messages.get(key)
        deliveries = await self.hub.store.mailboxes.of_message(key) if filed else ()
        own = [item for item in deliveries if party.id in (item.sender, item.receiver)]
        if filed is None or not own:
            raise Refused(NOT_FOUND, "There is no such message in this mailbox")
        return filed, own

    async def content(self, party: Party, key: MessageKey) -> bytes:
        """Return the very bytes that the sender signed.

        Raises:
            Refused: `not-found`, or `storage-damaged` when the bytes are no longer those.
        """
        filed, _ = await self.message(party, key)
        return await self.hub.blobs.get(filed.digest)

    async def timeline(self, party: Party, key: MessageKey) -> Sequence[Moment]:
        """Tell what happened to a message so far, oldest first: all of it to its sender, its own part to a receiver."""
        filed, deliveries = await self.message(party, key)
        seen = {"", *(item.receiver for item in deliveries)}
        moments = [_event(item) for item in await self.hub.store.evidence.of_message(filed.key)]
        moments += [
            Moment(
                at=change.at,
                what=change.code,
                receiver=change.receiver,
                text=change.text,
                notice=change.notice,
                irregular=change.irregular,
            )
            for change in await self.hub.store.messages.statuses(filed.key)
        ]
        return sorted((item for item in moments if item.receiver in seen), key=lambda item: item.at)

    async def evidence(self, party: Party, key: EvidenceId) -> Sealed:
        """Return a receipt about a message that the party sent or received, or about a submission that was refused.

        Raises:
            Refused: `not-found`.
        """
        statement = await self.hub.store.evidence.get(key)
        if statement is None or not await self._may_read(party, statement):
            raise Refused(NOT_FOUND, "There is no such evidence")
        return await self.hub.seal(key)

    async def _may_read(self, party: Party, statement: Statement) -> bool:
        """Let the sender read all about its message, and a receiver what is about it; a refused one has no receivers."""
        if statement.owner == party.id:
            return True
        receivers = {item.receiver for item in await self.hub.store.mailboxes.of_message(statement.message)}
        return party.id in receivers and statement.receiver in {"", party.id}


def _event(statement: Statement) -> Moment:
    return Moment(at=statement.at, what=statement.event, receiver=statement.receiver, evidence=statement.id)
