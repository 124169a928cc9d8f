"""Notices: what the hub tells a party or its own administrators, once each, in Vietnamese and English."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from exchange.core.model import PartyId, derive

NoticeId = NewType("NoticeId", str)


class NoticeKind(StrEnum):
    """Say what a notice is about."""

    CERTIFICATE_ENDING = "certificate-ending"
    KEY_COMPROMISED = "key-compromised"
    MESSAGE_RELEASED = "message-released"
    MESSAGE_WITHDRAWN = "message-withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Hold a text in both languages."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Tell a party something; `party` is the hub's own code for its administrators.

    `subject` is the SHA-256 of a certificate or the key of a message. `stage` is, of an ending certificate, the number of
    days that the warning belongs to, 0 when it has ended; of other notices 0.
    """

    party: PartyId
    id: NoticeId
    kind: NoticeKind
    subject: str
    at: datetime
    title: Wording
    text: Wording
    stage: int = 0
    read_at: datetime | None = None
    read_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Say who gets notices by mail: nobody while `enabled` is false, the contacts of parties, and the administrators.

    `hub` is the code of the hub's own people.
    """

    hub: str
    administrators: tuple[str, ...] = ()
    enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Hold what is to be sent to one address: all its notices that wait, oldest first, and how often it was tried."""

    address: str
    notices: tuple[Notice, ...]
    tries: int


def notice_id(kind: NoticeKind, subject: str, occasion: str, party: str) -> NoticeId:
    """Name the one notice of an occasion to a party, so that it is told once."""
    return NoticeId(derive("notice", kind, subject, occasion, party))
