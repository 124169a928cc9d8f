"""Examine what the database says is kept: every message's bytes, and with `deep` every digest, signature and receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, exists, select

from envelopes.opened import digest_of, open_signed
from envelopes.receipt import open_receipt
from exchange.config import Home
from exchange.operation.findings import Finding, Severity, rule
from exchange.operation.premises import blob_files, older
from exchange.storage.schema import ATTACHMENTS, CONTENTS, EVIDENCE, FILES, MESSAGES, UPLOADS
from exchange.storage.session import Row, Session, moment
from exchange.verification import examine
from trust_store.certificate import load_many
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.policy import NOT_YET_VALID, Policy
from trust_store.verdict import Outcome

MISSING = rule(
    "blob-missing", Severity.ERROR, "Put the file back from a backup: congvan restore, or copy it by its name"
)
SIZE = rule("blob-size", Severity.ERROR, "Put the file back from a backup; it is never handed out as it is")
CHANGED = rule("blob-changed", Severity.ERROR, "Put the file back from a backup; it is never handed out as it is")
UNVERIFIED = rule("signature-unverified", Severity.ERROR, "Ask who changed the program or the record; keep both")
RECEIPT = rule("receipt-unverified", Severity.ERROR, "Restore the database from a backup; ask who could write to it")
ORPHAN = rule("blob-orphan", Severity.NOTE, "Nothing: the hub removes it; younger than a day it may become a message")
PART = rule("upload-orphan", Severity.NOTE, "Nothing: the hub removes it; the upload that it was part of is over")
ORPHAN_AGE: Final = timedelta(days=1)
_CHUNK: Final = 1 << 20
_M, _E = MESSAGES.c, EVIDENCE.c
_INLINE = select(CONTENTS.c.message).where(CONTENTS.c.sender == _M.sender, CONTENTS.c.message == _M.key)
_MESSAGES = (
    select(_M.key, _M.digest, _M.size, _M.signature_class)
    .where(_M.key > bindparam("behind"), _M.removed_at.is_(None), ~exists(_INLINE))
    .order_by(_M.key)
    .limit(1000)
)
_CONTENTS = (
    select(_M.key, _M.digest, _M.signature_class, CONTENTS.c.data)
    .join(CONTENTS, (CONTENTS.c.sender == _M.sender) & (CONTENTS.c.message == _M.key))
    .where(_M.key > bindparam("behind"), _M.removed_at.is_(None))
    .order_by(_M.key)
    .limit(200)
)
_ATTACHMENTS = (
    select(ATTACHMENTS.c.message, ATTACHMENTS.c.digest, ATTACHMENTS.c.size)
    .join(MESSAGES, _M.key == ATTACHMENTS.c.message)
    .where(_M.removed_at.is_(None))
)
_FILES = select(FILES.c.party, FILES.c.digest, FILES.c.size)
_UPLOADS = select(UPLOADS.c.id)
_RECEIPTS = (
    select(_E.id, _E.at, _E.sealed)
    .where(_E.id > bindparam("behind"), _E.sealed.is_not(None))
    .order_by(_E.id)
    .limit(200)
)


def examine_contents(session: Session, home: Home, *, deep: bool) -> Iterator[Finding]:
    """Look at the bytes of every message and every file, and at bytes that nothing refers to."""
    if deep:
        yield from _examine_inline(session)
    wanted: set[str] = set()
    for row in wanted_blobs(session):
        wanted.add(row[1])
        yield from _examine_blob(home, row, deep=deep)
    before = (datetime.now(UTC) - ORPHAN_AGE).timestamp()
    for path in blob_files(home):
        if path.name not in wanted and (size := older(path, before)) is not None:
            yield ORPHAN.broken(f"Nothing refers to these {size:,} bytes", path.name)
    uploads = {row[0] for row in session.rows(_UPLOADS)}
    for path in sorted(home.parts.glob("*")):
        if path.name not in uploads and (size := older(path, before)) is not None:
            yield PART.broken(f"No upload has these {size:,} bytes", path.name)


def wanted_blobs(session: Session) -> Iterator[Row]:
    """List the files that must be kept as (whose, digest, size, signature class); no class for files beside letters."""
    behind = ""
    while rows := session.rows(_MESSAGES, behind=behind):
        yield from rows
        behind = rows[-1][0]
    for query in (_ATTACHMENTS, _FILES):
        for key, digest, size in session.rows(query):
            yield key, digest, size, None


def examine_receipts(session: Session, home: Home) -> Iterator[Finding]:
    """Verify every receipt as anybody would, at the moment that it states."""
    try:
        evidence = Evidence(anchors=load_many(home.anchor.read_bytes()))
    except (OSError, Refused):
        return
    behind = ""
    while rows := session.rows(_RECEIPTS, behind=behind):
        for key, at, sealed in rows:
            found = examine(sealed, evidence, Policy(), moment(at))
            if found.reason == NOT_YET_VALID.code:
                # A key that came later sealed what one that was retired had not.
                found = examine(sealed, evidence, Policy(), open_receipt(sealed)[1].chain[0].not_before)
            if found.verdict != Outcome.VALID:
                yield RECEIPT.broken(found.text, key)
            elif open_receipt(sealed)[0].id != key:
                yield RECEIPT.broken("It is the receipt of something else", key)
        behind = rows[-1][0]


def digest_file(path: Path) -> str:
    """Digest a file (SHA-256, hex) without holding it in memory."""
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            hashed.update(piece)
    return hashed.hexdigest()


def _examine_blob(home: Home, row: Row, *, deep: bool) -> Iterator[Finding]:
    key, digest, size, signature_class = row
    path = home.blobs / digest[:2] / digest
    try:
        length = path.stat().st_size
        if length != size:
            yield SIZE.broken(f"The file has {length:,} bytes, not {size:,}", f"{key} {digest}")
        elif deep:
            yield from _examine_bytes(path, key, signature_class)
    except FileNotFoundError:
        yield MISSING.broken("The file of this message is not there", f"{key} {digest}")
    except OSError as error:
        yield CHANGED.broken(f"The file cannot be read: {error.strerror}", f"{key} {digest}")


def _examine_inline(session: Session) -> Iterator[Finding]:
    """Look at the bytes that are kept with the records of messages."""
    behind = ""
    while rows := session.rows(_CONTENTS, behind=behind):
        for key, digest, signature_class, data in rows:
            if digest_of(data) != digest:
                yield CHANGED.broken("The bytes in the database are not what was received", f"{key} {digest}")
            else:
                yield from _examine_signature(data, key, signature_class)
        behind = rows[-1][0]


def _examine_bytes(path: Path, key: str, signature_class: str | None) -> Iterator[Finding]:
    if digest_file(path) != path.name:
        yield CHANGED.broken("The file is not what was received", f"{key} {path.name}")
    elif signature_class is not None:
        yield from _examine_signature(path.read_bytes(), key, signature_class)


def _examine_signature(data: bytes, key: str, signature_class: str) -> Iterator[Finding]:
    """Verify a signature anew; whether its certificate was good is in the record of that day."""
    try:
        found = open_signed(data).signature_class
    except Refused as refusal:
        yield UNVERIFIED.broken(refusal.detail, key)
        return
    if found != signature_class:
        yield UNVERIFIED.broken(f"The signature is now {found}; it was {signature_class} when it came in", key)
