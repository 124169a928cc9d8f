"""A key was lost: revoke its certificate, hold back what it signed since, and tell everyone concerned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exchange.core.holding import Held
from exchange.core.model import MessageKey, PartyId
from exchange.core.notices import Notice, NoticeKind, Wording, notice_id
from exchange.core.wording import (
    compromised_text,
    compromised_title,
    decided_text,
    released_title,
    withdrawn_title,
)

REMARK: Final = "message-quarantined"
"""What the timeline says; also the mark by which a message is held back once and never again."""
RELEASED: Final = "message-released"
WITHDRAWN: Final = "message-withdrawn"
MAX_WHY: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Declare the key of a certificate (SHA-256) compromised since a moment; `party` if one declares it of its own."""

    certificate: str
    since: datetime
    why: str
    party: PartyId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Name a delivery that is concerned, with what its receiver and an administrator need to recognise it."""

    message: MessageKey
    message_id: str
    sender: PartyId
    receiver: PartyId
    number: str
    notation: str
    subject: str
    digest: str
    certificate: str
    submitted_at: datetime
    fetched_at: datetime | None
    handed_over_at: datetime | None
    held: Held

    @property
    def document(self) -> str:
        """Name the document as people do."""
        code = "/".join(filter(None, (self.number, self.notation)))
        return " ".join(filter(None, (code, self.subject))) or self.message_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromise:
    """Say what a declaration does, or would do.

    `parties` are those that the certificate speaks or spoke for. `held` are deliveries that are held back by it, `handed`
    those that had been handed over. `revoked_at` is since when the certificate was revoked before, if it was.
    """

    certificate: str
    signed_part: str
    subject: str
    parties: tuple[PartyId, ...]
    since: datetime
    why: str
    revoked_at: datetime | None
    held: tuple[Affected, ...]
    handed: tuple[Affected, ...]

    @property
    def is_news(self) -> bool:
        """Tell whether anything changes by it."""
        revoked = self.revoked_at is not None and self.revoked_at <= self.since
        return not revoked or bool(self.held or self.handed)

    @property
    def concerned(self) -> frozenset[PartyId]:
        """Give the parties that are told: holders, senders and receivers."""
        return frozenset(
            (*self.parties, *(party for each in (*self.held, *self.handed) for party in (each.sender, each.receiver)))
        )


def tell_compromised(found: Compromise, at: datetime, hub: PartyId) -> Iterator[Notice]:
    """Write the notices of a declaration: to the holder, each receiver about its own documents, and the administrators."""
    for party in sorted({*found.concerned, hub}):
        everything = party == hub or party in found.parties
        held = [each.document for each in found.held if everything or party in (each.receiver, each.sender)]
        handed = [each.document for each in found.handed if everything or party in (each.receiver, each.sender)]
        yield Notice(
            party=party,
            id=notice_id(NoticeKind.KEY_COMPROMISED, found.signed_part, at.isoformat(), party),
            kind=NoticeKind.KEY_COMPROMISED,
            subject=found.certificate,
            at=at,
            title=compromised_title(found.subject),
            text=compromised_text(found.subject, found.since, found.why, held, handed),
        )


def tell_released(found: Sequence[Affected], why: str, at: datetime, hub: PartyId) -> Iterator[Notice]:
    """Write the notices that a message is no longer held back."""
    return _tell_decided(NoticeKind.MESSAGE_RELEASED, released_title(found[0].document), found, why, at, hub)


def tell_withdrawn(found: Sequence[Affected], why: str, at: datetime, hub: PartyId) -> Iterator[Notice]:
    """Write the notices that a message was withdrawn."""
    return _tell_decided(NoticeKind.MESSAGE_WITHDRAWN, withdrawn_title(found[0].document), found, why, at, hub)


def _tell_decided(
    kind: NoticeKind, title: Wording, found: Sequence[Affected], why: str, at: datetime, hub: PartyId
) -> Iterator[Notice]:
    first = found[0]
    for party in sorted({first.sender, hub, *(each.receiver for each in found)}):
        yield Notice(
            party=party,
            id=notice_id(kind, first.message, at.isoformat(), party),
            kind=kind,
            subject=first.message,
            at=at,
            title=title,
            text=decided_text(first.document, first.sender, why),
        )
