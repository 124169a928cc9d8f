"""What the exchange needs from outside. Each docstring is the contract that `tests/contract` holds every backend to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar

from exchange.core.model import (
    Delivery,
    DeliveryKey,
    EvidenceId,
    Filed,
    Filing,
    MessageKey,
    Party,
    PartyId,
    Statement,
    StatusChange,
)
from trust_store.certificate import Certificate
from trust_store.evidence import Evidence, Revocation

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """Tell the time."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        ...


class Entropy(Protocol):
    """Give bytes that nobody can guess."""

    def draw(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...


class Workers(Protocol):
    """Do heavy work without holding up the event loop."""

    async def run(self, weight: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work`; `weight` is the size of what it works on, in bytes, and decides where it runs."""
        ...


class Progress(Protocol):
    """Hear which numbered step of a path was passed: for tracing, and for tests that crash there."""

    def passed(self, step: str) -> None:
        """Note a step such as `submit.4-keep`."""
        ...


class Blobs(Protocol):
    """Keep bytes under their SHA-256 (hex)."""

    async def put(self, digest: str, data: bytes) -> None:
        """Keep the bytes; on return they survive a power cut. Putting the same again changes nothing."""
        ...

    async def get(self, digest: str) -> bytes:
        """Return the bytes, checked against the digest; `Refused` (not-found, storage-damaged) otherwise."""
        ...

    async def before(self, moment: datetime) -> Sequence[str]:
        """List the digests that were last put before a moment."""
        ...

    async def discard(self, digest: str, before: datetime) -> bool:
        """Forget the bytes unless they were put again since `before`; tell whether they are gone by this."""
        ...


class Messages(Protocol):
    """Keep what was filed."""

    async def recognise(self, sender: PartyId, digest: str) -> Filed | None:
        """Return the message that this sender filed with these very bytes."""
        ...

    async def file(self, filing: Filing) -> Filed:
        """Commit a filing whole; on return it survives a power cut.

        The same sender, id and digest again returns what was filed first and changes nothing.
        The same sender and id with another digest is `Refused` (message-id-conflict).
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

    async def sent(self, sender: PartyId, before: datetime | None, limit: int) -> Sequence[Filed]:
        """List a sender's letters, newest first, those filed before a moment."""
        ...

    async def statuses(self, key: MessageKey) -> Sequence[StatusChange]:
        """List the status changes of a letter, oldest first."""
        ...

    async def has_blob(self, digest: str) -> bool:
        """Tell whether any filed message refers to a blob."""
        ...


class Mailboxes(Protocol):
    """Keep what waits for whom."""

    async def inbox(self, receiver: PartyId, *, waiting: bool, after: str, limit: int) -> Sequence[Delivery]:
        """List deliveries, oldest first, from behind the delivery key `after`; `waiting`: only those not handed over."""
        ...

    async def lease(self, receiver: PartyId, now: datetime, until: datetime, limit: int) -> Sequence[Delivery]:
        """Lease the oldest deliveries that are neither handed over nor under a lease: never the same to two readers."""
        ...

    async def get(self, receiver: PartyId, key: DeliveryKey) -> Delivery | None:
        """Return a delivery in this receiver's own mailbox."""
        ...

    async def of_message(self, key: MessageKey) -> Sequence[Delivery]:
        """List the deliveries of a message."""
        ...

    async def hand_over(self, delivery: Delivery, statement: Statement) -> EvidenceId:
        """Record that the receiver has it, with the statement, in one transaction; a repetition returns the first id."""
        ...


class EvidenceShelf(Protocol):
    """Keep statements and the receipts that were sealed from them."""

    async def get(self, key: EvidenceId) -> Statement | None:
        """Return a statement."""
        ...

    async def add(self, statement: Statement) -> None:
        """Keep a statement that belongs to no filing, with its leaf; the same again changes nothing."""
        ...

    async def of_message(self, key: MessageKey) -> Sequence[Statement]:
        """List the statements about a message, oldest first."""
        ...

    async def seal(self, key: EvidenceId, sealed: bytes) -> bytes:
        """Keep the sealed receipt unless there is one already; return the one that is kept."""
        ...

    async def unsealed(self, limit: int) -> Sequence[EvidenceId]:
        """List statements that nobody sealed yet, oldest first."""
        ...


class Directory(Protocol):
    """Know the parties."""

    async def get(self, party: PartyId) -> Party | None:
        """Return a party."""
        ...

    async def resolve(self, codes: Sequence[str]) -> Sequence[Party | None]:
        """Return, for each code in whatever form, the party that has it."""
        ...

    async def all(self) -> Sequence[Party]:
        """List the parties by id."""
        ...

    async def holder(self, token_digest: bytes, now: datetime) -> Party | None:
        """Return the party whose unexpired token has this SHA-256."""
        ...


class TrustMaterial(Protocol):
    """Know the anchors, intermediates and the local revocation list."""

    async def evidence(self) -> Evidence:
        """Return what the judge may rely on now; a change by an administrator shows at the next call."""
        ...


class Registry(Protocol):
    """Change what the directory knows; for administrators."""

    async def put(self, party: Party) -> None:
        """Register a party or change it whole; `Refused` (code-taken) when a code is another party's."""
        ...

    async def add_certificate(self, party: PartyId, certificate: Certificate, now: datetime) -> None:
        """Register a certificate for a party; the same again changes nothing."""
        ...

    async def certificates(self, party: PartyId) -> Sequence[Certificate]:
        """List the certificates registered for a party."""
        ...

    async def add_token(self, party: PartyId, digest: bytes, label: str, now: datetime, expires: datetime) -> None:
        """Keep the SHA-256 of a party's token."""
        ...


class TrustRegistry(Protocol):
    """Change what the judge relies on; for administrators."""

    async def trust(self, certificate: Certificate, role: str, now: datetime) -> None:
        """Trust an authority as `anchor` or know it as `intermediate`; the same again changes nothing."""
        ...

    async def revoke(self, revocation: Revocation) -> None:
        """Put a certificate on the local revocation list."""
        ...


class Bell(Protocol):
    """Wake readers; only a hint, the mailbox is the truth."""

    def ring(self, receiver: PartyId) -> None:
        """Wake everybody who listens for this receiver."""
        ...

    def listen(self, receiver: PartyId) -> AbstractContextManager[Listener]:
        """Start to listen: a ring from now on is not missed."""
        ...


class Listener(Protocol):
    """Wait for a ring."""

    async def wait(self, seconds: float) -> None:
        """Return at the first ring since listening began, or when the time is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Group the ports that one database implements."""

    messages: Messages
    mailboxes: Mailboxes
    evidence: EvidenceShelf
    directory: Directory
    trust: TrustMaterial
