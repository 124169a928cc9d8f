"""What a party may ask its mailbox for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Box(StrEnum):
    """Name a part of a mailbox."""

    WAITING = "waiting"
    LEASED = "leased"
    RECEIVED = "received"
    OPEN = "open"
    ARCHIVED = "archived"
    HELD = "held"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Say which lines of a mailbox are wanted; empty fields do not matter.

    `box`: `waiting` is neither acknowledged (leased or not) nor held, `leased` under a lease now, `received` acknowledged and
    not archived, `open` all that is not archived, `held` what is held back or marked as suspect. `number`, `notation` and
    `document_id` match whole; `text` matches a part of the subject: with diacritics exactly those, without them any. `since`
    and `until` bound the moment of consignment (or submission), `issued_since` and `issued_until` the date of issue (ISO).
    `after` is the key of the last line of the page before.
    """

    box: Box = Box.ALL
    kind: str = ""
    business: int | None = None
    other: str = ""
    number: str = ""
    notation: str = ""
    document_id: str = ""
    state: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    issued_since: str = ""
    issued_until: str = ""
    after: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Count a mailbox: deliveries that wait, those under a lease among them, acknowledged, archived, held; letters sent."""

    waiting: int
    leased: int
    received: int
    archived: int
    held: int
    sent: int
