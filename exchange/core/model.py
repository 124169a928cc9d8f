"""The values that the exchange works with. Times are in UTC; keys are derived from what they name, and stay so."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from envelopes.edxml import StatusCode
from envelopes.receipt import Actor, Event
from envelopes.signature.classify import SignatureClass
from exchange.core.forecast import Term
from exchange.core.holding import Held
from exchange.core.lifecycle import Asked, State
from exchange.core.particulars import Alias, CodeScheme, Contact
from trust_store.identity import Identity, PartyKind

PartyId = NewType("PartyId", str)
"""The primary identification code of a party: an agency's code, an enterprise's tax code."""
MessageKey = NewType("MessageKey", str)
DeliveryKey = NewType("DeliveryKey", str)
EvidenceId = NewType("EvidenceId", str)

VALID_ONLY = frozenset({SignatureClass.VALID})


class PartyStatus(StrEnum):
    """Say whether a party may take part."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Describe a registered party. `codes` are all its identification codes; `admits` the signatures it may send.

    `schemes` has those of its codes whose scheme is known, each with it; every other further code is of `other`.
    `revision` of the directory changed it last, at `changed_at` if that is known; neither counts when parties are compared.
    """

    id: PartyId
    name: str
    kind: PartyKind
    codes: frozenset[str]
    tax_code: str | None = None
    fingerprints: frozenset[str] = frozenset()
    status: PartyStatus = PartyStatus.ACTIVE
    admits: frozenset[SignatureClass] = VALID_ONLY
    schemes: frozenset[tuple[str, CodeScheme]] = frozenset()
    parent: PartyId | None = None
    contacts: tuple[Contact, ...] = ()
    revision: int = field(default=0, compare=False)
    changed_at: datetime | None = field(default=None, compare=False)

    @property
    def identity(self) -> Identity:
        """Give what the trust store compares a certificate with."""
        return Identity(kind=self.kind, codes=self.codes, tax_code=self.tax_code, fingerprints=self.fingerprints)

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """Give the codes besides the primary one, with their schemes, in order."""
        known = dict(self.schemes)
        further = sorted(self.codes - {self.id})
        return tuple(Alias(code=code, scheme=known.get(code, CodeScheme.OTHER)) for code in further)

    @property
    def actor(self) -> Actor:
        """Name the party in a receipt."""
        return Actor(code=self.id, name=self.name)


class Transport(StrEnum):
    """Say how far a receiver's system has come with taking a message over; this is not a business status."""

    NONE = ""
    PROCESSING = "processing"
    FAIL = "fail"
    DONE = "done"


class Kind(StrEnum):
    """Tell documents from notices about documents."""

    LETTER = "letter"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Describe a message that the hub has taken on: what was sent, by whom, and the verdict at that moment.

    `digest` is SHA-256 (hex) of the exact bytes, and names their blob. `number` and `notation` are the document's code.
    `removed_at` says since when retention keeps the evidence only. `certificate` signed it (SHA-256); empty if none did.
    """

    key: MessageKey
    sender: PartyId
    message_id: str
    digest: str
    size: int
    kind: Kind
    business: int
    subject: str
    number: str
    notation: str
    promulgated: str
    submitted_at: datetime
    signature_class: SignatureClass
    verdict: str
    receipt: EvidenceId
    archived_at: datetime | None = None
    removed_at: datetime | None = None
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Describe one message in one receiver's mailbox.

    `status` is the last business status code, empty before any; `state` is where the life-cycle stands (see `lifecycle`).
    `lease` names the reader's lease that ends at `leased_until`; `fetched_by` the credentials that first read the content.
    `transport` is what a receiver's connected system last reported, with its own words.
    """

    key: DeliveryKey
    receiver: PartyId
    message: MessageKey
    sender: PartyId
    consigned_at: datetime
    handed_over_at: datetime | None = None
    leased_until: datetime | None = None
    status: str = ""
    state: State = State.SENT
    lease: str | None = None
    fetched_at: datetime | None = None
    fetched_by: str | None = None
    archived_at: datetime | None = None
    transport: Transport = Transport.NONE
    transport_text: str = ""
    transport_at: datetime | None = None
    held: Held = Held.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Hold evidence before and after it is sealed: `text` is the unsigned receipt, `sealed` the signed one.

    `salt` and `leaf` are what the transparency log commits to. `receiver` is empty for events about the submission.
    """

    id: EvidenceId
    owner: PartyId
    message: MessageKey
    event: Event
    receiver: str
    at: datetime
    text: bytes
    salt: bytes
    leaf: bytes
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """Record that a receiver (or the sender, for 13) gave a document a business status; `irregular` flags odd orders.

    The store decides `irregular` when it commits, because only then is the order known.
    """

    original: MessageKey
    sender: PartyId
    receiver: PartyId
    code: StatusCode
    text: str
    at: datetime
    notice: MessageKey
    irregular: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Record that a sender asked something about a document that is out, at one receiver, and what came of it.

    `message` is the document or notice that asks. `fetched_at`, `fetched_by` and `handed_over_at` say how far the receiver
    had come with the document at that moment; `answer` is 15 or 16.
    """

    original: MessageKey
    sender: PartyId
    receiver: PartyId
    message: MessageKey
    asked: Asked
    at: datetime
    fetched_at: datetime | None = None
    fetched_by: str | None = None
    handed_over_at: datetime | None = None
    answer: str = ""
    answered_at: datetime | None = None


class RelationKind(StrEnum):
    """Say how a document refers to an earlier one."""

    REPLY = "reply"
    REVOKE = "revoke"
    UPDATE = "update"
    REPLACE = "replace"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Record that a message refers to another, named as its sender wrote it; `target` is empty if that one is not here."""

    sender: PartyId
    message: MessageKey
    kind: RelationKind
    target: str
    organ: str
    document_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Record something about a message that both its sides should know, such as a second one under its id."""

    sender: PartyId
    message: MessageKey
    id: str
    at: datetime
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Hold one line of a mailbox: the delivery with the message that it delivers."""

    delivery: Delivery
    message: Filed


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Record a file beside a message, the `ordinal`th: name and type as declared, digest (SHA-256, hex) as signed."""

    sender: PartyId
    message: MessageKey
    ordinal: int
    content_id: str
    name: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """Hold everything that one submission commits, in one transaction or not at all.

    `inline` are the message's bytes, unless they are kept as a blob. `signer` is the certificate that was judged.
    """

    message: Filed
    deliveries: tuple[Delivery, ...]
    statements: tuple[Statement, ...]
    change: StatusChange | None = None
    effects: tuple[Effect, ...] = ()
    relations: tuple[Relation, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    inline: bytes | None = None
    signer: Term | None = None


def derive(*parts: str) -> str:
    """Derive a short name (26 characters of base32, 130 bits of SHA-256) that the same parts always give."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest[:20]).decode()[:26].lower()


def message_key(sender: PartyId, message_id: str) -> MessageKey:
    """Name a message by its sender and the sender's own document id."""
    return MessageKey(derive("message", sender, message_id))


def delivery_key(message: MessageKey, receiver: PartyId) -> DeliveryKey:
    """Name the delivery of a message to one receiver."""
    return DeliveryKey(derive("delivery", message, receiver))


def evidence_id(event: Event, message: str, receiver: str = "") -> EvidenceId:
    """Name the one piece of evidence that an event about a message (and a receiver) can have."""
    return EvidenceId(derive("evidence", event, message, receiver))
