"""The audit trail: what happened to the hub itself, in rows of which each commits to all before it.

The digest of a row is SHA-256 over `congvan-audit-1`, the number and the moment (microseconds since 1970 in UTC) as eight
bytes each, event, actor, subject and detail in UTF-8, each behind its length in eight bytes, and the digest of the row
before; numbers are big-endian. docs/reference/audit-events.md says the same, for whoever recomputes it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from envelopes import opened
from envelopes.signature import reasons as signatures
from exchange.errors import CONFLICT
from trust_store import certificate, identity, judge, paths, policy
from trust_store.errors import Reason, Refused, reason, shorten

BROKEN = reason(
    "audit-broken",
    "The audit trail was changed",
    "Keep the file as it is, compare it with a backup and with exports, and find out who could write to it",
)
SHORTENED = reason(
    "audit-shortened",
    "The audit trail does not hold a row that it held before",
    "Compare it with a backup and with exports; rows at its end were removed or written anew",
)
GENESIS: Final = bytes(32)
"""What the first row has as the digest of the row before."""
MAX_TEXT: Final = 1000
_TAG: Final = b"congvan-audit-1"


class AuditEvent(StrEnum):
    """Name what is audited; each with a sentence that docs/reference/audit-events.md repeats."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> AuditEvent:
        """Make a member of its name and its sentence."""
        member = str.__new__(cls, value)
        member._value_, member.sentence = value, sentence
        return member

    HUB_FOUNDED = "hub-founded", "The trail began: a hub was founded, or brought to a version that keeps a trail."
    SETTINGS_CHANGED = "settings-changed", "The hub was opened with other settings than the last time."
    TIME_AUTHORITIES_SILENT = (
        "time-authorities-silent",
        "Receipts wait for a time-stamp for longer than the setting allows: no authority gives one.",
    )
    TIME_AUTHORITIES_BACK = "time-authorities-back", "No receipt waits too long for a time-stamp any more."
    LOG_BEGUN = (
        "log-begun",
        "A transparency log was begun, with this verifier key; the one before got no entry any more.",
    )
    LOG_WITNESSED = "log-witnessed", "This hub cosigns the checkpoints of another log, under this key, from now on."
    LOG_UNWITNESSED = "log-unwitnessed", "This hub cosigns the checkpoints of another log no more."
    LOG_SPLIT = (
        "log-split",
        "A log that this hub cosigns showed a checkpoint that contradicts what was cosigned; nothing was cosigned.",
    )
    HUB_KEY_ADDED = "hub-key-added", "A key of the hub itself was made known, and from when it signs."
    HUB_KEY_RETIRED = "hub-key-retired", "A key of the hub itself signs nothing more."
    PARTY_REGISTERED = "party-registered", "A party was registered."
    PARTY_CHANGED = "party-changed", "What is known of a party was changed."
    PARTY_SUSPENDED = "party-suspended", "A party was suspended: it can neither send nor receive."
    PARTY_RESUMED = "party-resumed", "A suspended party may take part again."
    DIRECTORY_IMPORTED = "directory-imported", "Many parties were registered or changed at once, from a table."
    GROUP_CHANGED = "group-changed", "A group of parties was made or changed."
    GROUP_REMOVED = "group-removed", "A group of parties was removed."
    RULE_CHANGED = "rule-changed", "A rule on who may write to whom was made or changed."
    RULE_REMOVED = "rule-removed", "A rule on who may write to whom was removed."
    CERTIFICATE_REGISTERED = "certificate-registered", "A certificate was registered for a party."
    CERTIFICATE_REMOVED = "certificate-removed", "A certificate no longer speaks for a party."
    CERTIFICATE_REVOKED = "certificate-revoked", "A certificate was put on the local revocation list."
    KEY_COMPROMISED = (
        "key-compromised",
        "A key was declared compromised: revoked, and what it signed since is held back.",
    )
    MESSAGE_RELEASED = "message-released", "A message that was held back goes on."
    MESSAGE_WITHDRAWN = "message-withdrawn", "A message that was held back is never handed out."
    REVOCATION_IMPORTED = "revocation-imported", "A revocation list was imported by hand."
    GRACE_BEGAN = "revocation-grace-began", "What is known of an authority's revocations is overdue; it still decides."
    GRACE_ENDED = (
        "revocation-grace-ended",
        "What is known of an authority's revocations is fresh again, or decides no more.",
    )
    CERTIFICATE_ISSUED = "certificate-issued", "The hub's authority issued a certificate for an approved application."
    CERTIFICATE_ENDED = "certificate-ended", "A party let one of its certificates go: it is not believed from then on."
    APPLICATION_MADE = "application-made", "Somebody applied for a certificate in the name of a party."
    APPLICATION_APPROVED = "application-approved", "One person approved an application for a certificate."
    APPLICATION_REFUSED = "application-refused", "An application for a certificate was refused."
    APPLICATION_WITHDRAWN = "application-withdrawn", "A party withdrew its application for a certificate."
    CODE_GIVEN = "enrolment-code-given", "A party was given a one-time code to enrol with."
    CODE_REVOKED = "enrolment-code-revoked", "A one-time code was revoked."
    AUTHORITY_TRUSTED = "authority-trusted", "An authority was trusted, or made known as an intermediate."
    AUTHORITY_REMOVED = "authority-removed", "An authority is neither trusted nor known any more."
    TOKEN_CREATED = "token-created", "A token was created."
    TOKEN_ROTATED = "token-rotated", "A token was replaced by a new one and ends soon."
    TOKEN_REVOKED = "token-revoked", "A token was revoked."
    SYSTEM_CONNECTED = "system-connected", "A document management system was connected, with its first secret."
    SYSTEM_CHANGED = "system-changed", "What a connected system is, may send or speaks for was changed."
    SYSTEM_ROTATED = "system-rotated", "A connected system was given a new secret; the one before ends soon."
    SYSTEM_SUSPENDED = "system-suspended", "A connected system was suspended: it can neither send nor collect."
    SYSTEM_RESUMED = "system-resumed", "A suspended system may speak again."
    AUTHENTICATION_FAILED = "authentication-failed", "Somebody showed a credential that is not good."
    PERMISSION_REFUSED = "permission-refused", "Somebody who is known asked for what they may not do."
    MESSAGE_ID_CONFLICT = "message-id-conflict", "A party used a document id again for other bytes."
    SUBMISSION_REJECTED = "submission-rejected", "A submission was refused for its signature or its certificate."
    BACKUP_MADE = "backup-made", "A backup was made."
    RESTORED = "restored", "The hub was restored from a backup."
    RETENTION_REMOVED = "retention-removed", "Content that was kept long enough was removed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Say who changes something, and when; a store writes its row of the trail from this, with the change itself."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Hold what is to be written: `actor` did `event` to `subject`; `detail` says how or why."""

    event: AuditEvent
    actor: str
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Hold a row of the trail; `at` is in microseconds since 1970 in UTC, which is what its digest is made of."""

    number: int
    at: int
    event: str
    actor: str
    subject: str
    detail: str
    previous: bytes
    digest: bytes


def chain(entry: AuditEntry, at: int, last: tuple[int, bytes] | None) -> AuditRecord:
    """Make the row that follows the last one, given by its number and its digest."""
    number, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    actor, subject, detail = (_clean(text) for text in (entry.actor, entry.subject, entry.detail))
    texts = (entry.event.value, actor, subject, detail)
    return AuditRecord(
        number=number,
        at=at,
        event=entry.event.value,
        actor=actor,
        subject=subject,
        detail=detail,
        previous=previous,
        digest=digest_of(number, at, texts, previous),
    )


def digest_of(number: int, at: int, texts: tuple[str, str, str, str], previous: bytes) -> bytes:
    """Digest a row: number, moment, (event, actor, subject, detail), and the digest of the row before."""
    hashed = hashlib.sha256(_TAG)
    for value in (number, at):
        hashed.update(value.to_bytes(8, "big", signed=True))
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    hashed.update(previous)
    return hashed.digest()


def check(record: AuditRecord, last: tuple[int, bytes] | None) -> None:
    """Hold a row to the one before it.

    Raises:
        Refused: `audit-broken`; `where` names the first row that is wrong.
    """
    number, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
    place = f"row {number}"
    if record.number != number:
        raise Refused(BROKEN, f"Row {number} is missing: row {record.number} comes instead", where=place)
    if record.previous != previous:
        raise Refused(BROKEN, "The row does not follow the one before it", where=place)
    texts = (record.event, record.actor, record.subject, record.detail)
    if record.digest != digest_of(record.number, record.at, texts, record.previous):
        raise Refused(BROKEN, "The row is not what was written", where=place)


def event_of(refusal: Refused) -> AuditEvent | None:
    """Say whether, and as what, a refused submission is audited."""
    if refusal.reason is CONFLICT:
        return AuditEvent.MESSAGE_ID_CONFLICT
    return AuditEvent.SUBMISSION_REJECTED if refusal.reason.code in _TRUST else None


def _clean(text: str) -> str:
    """Keep a text to one line and to what every database and terminal can hold."""
    if text.isprintable():
        return shorten(text, MAX_TEXT)
    return shorten("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text), MAX_TEXT)


_TRUST: Final = frozenset(
    value.code
    for module in (certificate, identity, judge, paths, policy, signatures, opened)
    for value in vars(module).values()
    if isinstance(value, Reason)
)
