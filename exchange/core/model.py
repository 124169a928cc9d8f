"""The values that the exchange works with: parties, filed messages, deliveries, statements of evidence.

Times are timezone-aware UTC. Keys are derived from what they name, so a retry derives the same ones.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from envelopes.receipt import Actor, Event
from envelopes.signature.classify import SignatureClass
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
    """Describe a registered party. `codes` are all its identification codes; `admits` the signatures it may send."""

    id: PartyId
    name: str
    kind: PartyKind
    codes: frozenset[str]
    tax_code: str | None = None
    fingerprints: frozenset[str] = frozenset()
    status: PartyStatus = PartyStatus.ACTIVE
    admits: frozenset[SignatureClass] = VALID_ONLY

    @property
    def identity(self) -> Identity:
        """Give what the trust store compares a certificate with."""
        return Identity(kind=self.kind, codes=self.codes, tax_code=self.tax_code, fingerprints=self.fingerprints)

    @property
    def actor(self) -> Actor:
        """Name the party in a receipt."""
        return Actor(code=self.id, name=self.name)


class Kind(StrEnum):
    """Tell documents from notices about documents."""

    LETTER = "letter"
    STATUS = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Describe a message that the hub has taken on: what was sent, by whom, and the verdict at that moment.

    `digest` is SHA-256 (hex) of the exact bytes, and names their blob. `number` and `notation` are the document's code.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Describe one message in one receiver's mailbox. `status` is the last business status code; empty before any."""

    key: DeliveryKey
    receiver: PartyId
    message: MessageKey
    sender: PartyId
    consigned_at: datetime
    handed_over_at: datetime | None = None
    leased_until: datetime | None = None
    status: str = ""


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
    """Record that a receiver (or the sender, for 13) gave a document a business status; `irregular` flags odd orders."""

    original: MessageKey
    sender: PartyId
    receiver: PartyId
    code: str
    text: str
    at: datetime
    notice: MessageKey
    irregular: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """Hold everything that one submission commits, in one transaction or not at all."""

    message: Filed
    deliveries: tuple[Delivery, ...]
    statements: tuple[Statement, ...]
    change: StatusChange | None = None


def derive(*parts: str) -> str:
    """Derive a short name (26 characters of base32, 130 bits of SHA-256) that the same parts always give."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest).decode()[:26].lower()


def message_key(sender: PartyId, message_id: str) -> MessageKey:
    """Name a message by its sender and the sender's own document id."""
    return MessageKey(derive("message", sender, message_id))


def delivery_key(message: MessageKey, receiver: PartyId) -> DeliveryKey:
    """Name the delivery of a message to one receiver."""
    return DeliveryKey(derive("delivery", message, receiver))


def evidence_id(event: Event, message: str, receiver: str = "") -> EvidenceId:
    """Name the one piece of evidence that an event about a message (and a receiver) can have."""
    return EvidenceId(derive("evidence", event, message, receiver))
