"""What a party may read: its mailbox, what it sent, and the evidence about both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exchange.core.holding import refuse_held
from exchange.core.hub import Hub, Sealed
from exchange.core.lifecycle import Asked
from exchange.core.model import Delivery, Effect, EvidenceId, Filed, MessageKey, Party, Relation, Statement, Transport
from exchange.core.ports import Inspector
from exchange.core.ports.stamping import Stamper, StampShelf
from exchange.core.ports.witness import WitnessDesk
from exchange.errors import CONTENT_REMOVED, NOT_FOUND
from trust_store.errors import Refused

MAX_THREAD: Final = 100


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
    stamps: StampShelf
    stamper: Stamper
    inspector: Inspector
    witness: WitnessDesk

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

    async def readable(self, party: Party, key: MessageKey) -> tuple[Filed, Sequence[Delivery]]:
        """Return a message as `message` does, if its content is not held back from this party; it never is from its sender.

        Raises:
            Refused: `not-found`, `message-quarantined`, or `message-withdrawn`.
        """
        filed, deliveries = await self.message(party, key)
        for delivery in deliveries if filed.sender != party.id else ():
            refuse_held(delivery.held)
        return filed, deliveries

    async def content(self, party: Party, key: MessageKey, by: str) -> bytes:
        """Return the very bytes that the sender signed; the first reading of a receiver is recorded with `by`, who reads.

        Raises:
            Refused: as `readable`, `content-removed`, or `storage-damaged` when the bytes are no longer those.
        """
        filed, deliveries = await self.readable(party, key)
        if filed.removed_at is not None:
            raise Refused(CONTENT_REMOVED, f"The content was removed on {filed.removed_at:%Y-%m-%d}")
        data = await bytes_of(self.hub, filed)
        for delivery in deliveries:
            if delivery.receiver == party.id and delivery.fetched_at is None:
                await self.hub.store.mailboxes.fetched(delivery, by, self.hub.clock.now())
        return data

    async def effects(self, party: Party, key: MessageKey) -> Sequence[Effect]:
        """List what was asked about a message and what it asks: all of it to the sender, its own part to a receiver.

        Raises:
            Refused: `not-found`.
        """
        await self.message(party, key)
        found = await self.hub.store.effects.about(key)
        return [item for item in found if party.id in (item.sender, item.receiver)]

    async def thread(self, party: Party, key: MessageKey) -> tuple[Sequence[Filed], Sequence[Relation]]:
        """Follow a message to what it refers to and what refers to it, and on; only what the party sent or received.

        Gives at most 100 messages, oldest first, and the relations between them; a relation whose target was not exchanged
        here keeps the name that the sender gave.

        Raises:
            Refused: `not-found`.
        """
        first, _ = await self.message(party, key)
        found, relations, waiting = {first.key: first}, dict[tuple[str, str, str], Relation](), [first.key]
        while waiting and len(found) < MAX_THREAD:
            for item in await self.hub.store.messages.related(waiting.pop()):
                if await self._take_up(party, item, found, waiting):
                    relations[item.message, item.kind, item.target or item.document_id + item.code] = item
        return sorted(found.values(), key=lambda item: item.submitted_at), list(relations.values())

    async def _take_up(
        self, party: Party, relation: Relation, found: dict[MessageKey, Filed], waiting: list[MessageKey]
    ) -> bool:
        """Add the ends of a relation that the party may see; tell whether it may see both."""
        for end in (relation.message, MessageKey(relation.target)):
            if end and end not in found:
                try:
                    found[end], _ = await self.message(party, end)
                except Refused:
                    return False
                waiting.append(end)
        return True

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
        moments += [
            Moment(at=item.at, what=item.what, text=item.text) for item in await self.hub.store.messages.remarks(key)
        ]
        moments += [moment for item in deliveries for moment in _transport(item)]
        moments += [moment for item in await self.hub.store.effects.about(key) for moment in _asked(item, key)]
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


def _asked(effect: Effect, key: MessageKey) -> list[Moment]:
    """Tell of a document that revokes, updates or replaces this one; status codes have lines of their own."""
    if effect.original != key or effect.asked is Asked.RECALL:
        return []
    return [Moment(at=effect.at, what=effect.asked, receiver=effect.receiver, notice=effect.message)]


def _transport(delivery: Delivery) -> list[Moment]:
    """Tell what the receiver's system last reported; that it is done has evidence, and a line of its own."""
    if delivery.transport_at is None or delivery.transport is Transport.DONE:
        return []
    what = f"transport-{delivery.transport}"
    return [Moment(at=delivery.transport_at, what=what, receiver=delivery.receiver, text=delivery.transport_text)]


def _event(statement: Statement) -> Moment:
    return Moment(at=statement.at, what=statement.event, receiver=statement.receiver, evidence=statement.id)


async def bytes_of(hub: Hub, filed: Filed) -> bytes:
    """Return the exact bytes of a message, from beside its record or from their blob.

    Raises:
        Refused: `not-found`, or `storage-damaged` when they are no longer those.
    """
    inline = await hub.store.messages.inline(filed)
    return await hub.blobs.get(filed.digest) if inline is None else inline
