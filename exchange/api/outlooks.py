"""What the API sends about certificates that end, notices, and what is held back since a key was lost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from exchange.core.quarantine import MAX_WHY


class OutlookView(msgspec.Struct, frozen=True, kw_only=True):
    """When a certificate ends and what to do.

    `role` is party, anchor, intermediate, hub, hub-authority, client-authority or tls; `standing` in-force, covered or ended.
    `days` are whole ones, negative after the end; `successor` is in force already and ends later.
    """

    owner: str
    role: str
    certificate: str
    subject: str
    not_before: datetime
    not_after: datetime
    days: int
    standing: str
    successor: str
    advice: str


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the hub tells, in Vietnamese and English.

    `subject` is the SHA-256 of a certificate or a message; `stage`, of an ending certificate, the days of the warning.
    """

    id: str
    kind: str
    subject: str
    stage: int
    at: datetime
    title_vi: str
    title_en: str
    text_vi: str
    text_en: str
    read_at: datetime | None
    read_by: str


class CompromiseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Declare a key compromised: since when, and why, as everyone concerned will read it."""

    since: datetime
    why: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_WHY})]


class DecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say why something is decided, as everyone concerned will read it."""

    why: Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_WHY})]


class HeldView(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is concerned; `held` is quarantined, suspect, withdrawn or empty, as it was found."""

    message: str
    message_id: str
    sender: str
    receiver: str
    number: str
    notation: str
    subject: str
    digest: str
    certificate: str
    submitted_at: datetime
    fetched_at: datetime | None
    handed_over_at: datetime | None
    held: str


class CompromiseView(msgspec.Struct, frozen=True, kw_only=True):
    """What a declaration did, or with `dry-run` would do: what is held back, and what had been handed over before.

    `revoked_at` is since when the certificate was revoked before. The lists have 200 at most; the counts are complete.
    """

    certificate: str
    subject: str
    parties: list[str]
    since: datetime
    revoked_at: datetime | None
    written: bool
    held: int
    handed_over: int
    held_list: list[HeldView]
    handed_over_list: list[HeldView]
