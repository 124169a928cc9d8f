"""What the exchange needs of its database on the path of a message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from exchange.core.audit import AuditEntry
from exchange.core.finding import Counts, Search
from exchange.core.model import (
    Delivery,
    DeliveryKey,
    Effect,
    Entry,
    EvidenceId,
    Filed,
    Filing,
    MessageKey,
    PartyId,
    Relation,
    Remark,
    Statement,
    StatusChange,
    Transport,
)


class Messages(Protocol):
    """Keep what was filed."""

    async def recognise(self, sender: PartyId, digest: str) -> Filed | None:
        """Return the message that this sender filed with these very bytes."""
        ...

    async def file(self, filing: Filing) -> Filed:
        """Commit a filing whole; on return it survives a power cut.

        The same sender, id and digest again returns what was filed first and changes nothing.
        The same sender and id with another digest is a `Conflict` (message-id-conflict); a sender who has sent as much as
        it may in a day is to come again `Later` (daily-quota). A signer that is revoked by now is `Refused`.
        Each status change and each question moves the life-cycle of its delivery, in the order of the commits; an answer
        (15, 16) settles every question to that receiver that waits for one.
        """
        ...

    async def get(self, key: MessageKey) -> Filed | None:
        """Return a filed message."""
        ...

    async def find(self, sender: PartyId, message_id: str) -> Filed | None:
        """Return the sender's message with this document id."""
        ...

    async def coded(self, sender: PartyId, code: str, promulgated: str) -> Sequence[Filed]:
        """List at most two letters of the sender with this number/notation, and date of issue (ISO) if one is given."""
        ...

    async def sent(self, sender: PartyId, search: Search) -> Sequence[Filed]:
        """List a sender's messages, newest first; `other` and `state` are of any receiver."""
        ...

    async def archive(self, sender: PartyId, key: MessageKey, at: datetime | None) -> None:
        """Put a sent message into the archive, or with None take it out again."""
        ...

    async def statuses(self, key: MessageKey) -> Sequence[StatusChange]:
        """List the status changes of a letter, oldest first."""
        ...

    async def related(self, key: MessageKey) -> Sequence[Relation]:
        """List what a message refers to, and what refers to it; at most 200."""
        ...

    async def remark(self, remark: Remark) -> bool:
        """Keep a remark; the same id again changes nothing. Tell whether it is new."""
        ...

    async def remarks(self, key: MessageKey) -> Sequence[Remark]:
        """List the remarks about a message, oldest first."""
        ...

    async def inline(self, filed: Filed) -> bytes | None:
        """Return the bytes of a message, checked against its digest; None for those that are kept as a blob.

        `Refused` (storage-damaged) when they are no longer those.
        """
        ...

    async def has_blob(self, digest: str) -> bool:
        """Tell whether any filed message refers to a blob, or any file that a party uploaded."""
        ...


class Mailboxes(Protocol):
    """Keep what waits for whom."""

    async def inbox(self, receiver: PartyId, search: Search, now: datetime) -> Sequence[Entry]:
        """List deliveries, oldest first, from behind the delivery key `search.after`; `other` is the sender."""
        ...

    async def count(self, party: PartyId, now: datetime) -> Counts:
        """Count a party's mailbox."""
        ...

    async def lease(self, receiver: PartyId, name: str, now: datetime, until: datetime, limit: int) -> Sequence[Entry]:
        """Lease the oldest deliveries that are not handed over, held back or under a lease: never the same to two readers.

        `name` is new with each call, and what the reader renews and releases it by.
        """
        ...

    async def renew(self, receiver: PartyId, name: str, now: datetime, until: datetime) -> Sequence[Entry]:
        """Let a lease that has not ended last until another moment; return what it still holds."""
        ...

    async def release(self, receiver: PartyId, name: str) -> int:
        """End a lease now; return how many deliveries it held that were not handed over."""
        ...

    async def fetched(self, delivery: Delivery, by: str, at: datetime) -> None:
        """Record durably who first read the content, and when; later readings change nothing.

        `Refused` (message-quarantined, message-withdrawn) when it is held back.
        """
        ...

    async def report(self, delivery: Delivery, transport: Transport, text: str, at: datetime) -> None:
        """Keep what the receiver's system reports of taking a delivery over; one that is `done` stays so."""
        ...

    async def archive(self, receiver: PartyId, key: DeliveryKey, at: datetime | None) -> None:
        """Put a delivery into the archive, or with None take it out again."""
        ...

    async def get(self, receiver: PartyId, key: DeliveryKey) -> Delivery | None:
        """Return a delivery in this receiver's own mailbox."""
        ...

    async def of_message(self, key: MessageKey) -> Sequence[Delivery]:
        """List the deliveries of a message."""
        ...

    async def hand_over(self, delivery: Delivery, statement: Statement) -> EvidenceId:
        """Record that the receiver has it, with the statement, in one transaction; a repetition returns the first id.

        `Refused` (message-quarantined, message-withdrawn) when it is held back.
        """
        ...


class EvidenceShelf(Protocol):
    """Keep statements and the receipts that were sealed from them."""

    async def get(self, key: EvidenceId) -> Statement | None:
        """Return a statement."""
        ...

    async def add(self, statement: Statement, audit: AuditEntry | None = None) -> None:
        """Keep a statement that belongs to no filing, with its leaf; the same again changes nothing.

        `audit` is written to the audit trail in the same transaction, if the statement is new.
        """
        ...

    async def of_message(self, key: MessageKey) -> Sequence[Statement]:
        """List the statements about a message, oldest first."""
        ...

    async def seal(self, key: EvidenceId, sealed: bytes) -> bytes:
        """Keep the sealed receipt unless there is one already; return the one that is kept."""
        ...

    def keep(self, key: EvidenceId, sealed: bytes) -> None:
        """Keep the sealed receipt soon, unless there is one already; a crash before that leaves the statement to seal.

        Only for receipts whose signature is deterministic: sealed anew, such a one has the very same bytes.
        """
        ...

    async def unsealed(self, limit: int) -> Sequence[EvidenceId]:
        """List statements that nobody sealed yet, oldest first."""
        ...


class Effects(Protocol):
    """Know what senders asked about documents that are out, and what was answered."""

    async def about(self, key: MessageKey) -> Sequence[Effect]:
        """List what was asked about a document, and what it asks about others, oldest first."""
        ...
