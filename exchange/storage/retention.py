"""The store of what retention removes: which content is old, and which bytes nothing refers to any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, exists, insert, or_, select, update

from exchange.core.audit import AuditEntry, AuditEvent
from exchange.core.holding import Held
from exchange.core.model import Filed, Remark
from exchange.storage.audit import insert_audit
from exchange.storage.rows import message_of, remark_values
from exchange.storage.schema import ATTACHMENTS, CONTENTS, DELIVERIES, FILES, MESSAGES, REMARKS
from exchange.storage.session import Database, Session, micros

REMOVED = "content-removed"
_M, _D, _A = MESSAGES.c, DELIVERIES.c, ATTACHMENTS.c
_OF_MESSAGE = select(_D.key).where(_D.message == _M.key)
_OPEN = and_(_D.handed_over_at.is_(None), _D.held != Held.WITHDRAWN.value)
_EXPIRED = (
    select(MESSAGES)
    .where(_M.removed_at.is_(None), _M.submitted_at < bindparam("before"))
    .where(exists(_OF_MESSAGE))
    .where(~exists(_OF_MESSAGE.where(or_(_OPEN, _D.handed_over_at >= bindparam("before")))))
    .order_by(_M.submitted_at)
    .limit(bindparam("limit"))
)
_REMOVE = (
    update(MESSAGES).where(_M.key == bindparam("which"), _M.removed_at.is_(None)).values(removed_at=bindparam("at"))
)
_EMPTY = delete(CONTENTS).where(CONTENTS.c.sender == bindparam("whose"), CONTENTS.c.message == bindparam("which"))
_REMARKED = select(REMARKS.c.id).where(
    REMARKS.c.sender == bindparam("sender"),
    REMARKS.c.message == bindparam("message"),
    REMARKS.c.id == bindparam("id"),
)
_INSERT_REMARK = insert(REMARKS)
_ATTACHED = select(_A.digest).where(_A.message == bindparam("message")).distinct()
_KEPT_MESSAGE = select(_M.key).where(_M.digest == bindparam("digest"), _M.removed_at.is_(None)).limit(1)
_KEPT_FILE = select(FILES.c.party).where(FILES.c.digest == bindparam("digest")).limit(1)
_KEPT_ATTACHMENT = (
    select(_A.message)
    .join(MESSAGES, _M.key == _A.message)
    .where(_A.digest == bindparam("digest"), _M.removed_at.is_(None))
    .limit(1)
)


class RetentionStore:
    """Know which content is old, and record that it is removed; see `core.retention.Retention`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def expired(self, before: datetime, limit: int) -> Sequence[Filed]:
        """List messages with content whose every receiver acknowledged before a moment, oldest first."""
        rows = await self._database.read(lambda session: session.rows(_EXPIRED, before=micros(before), limit=limit))
        return [message_of(row) for row in rows]

    async def remove(self, filed: Filed, at: datetime) -> Sequence[str]:
        """Record the removal; return the digests that nothing kept refers to now."""

        def unit(session: Session) -> Sequence[str]:
            session.rows(_REMOVE, which=filed.key, at=micros(at))
            session.rows(_EMPTY, whose=filed.sender, which=filed.key)
            if not session.rows(_REMARKED, sender=filed.sender, message=filed.key, id=REMOVED):
                session.rows(_INSERT_REMARK, **remark_values(_remark(filed, at)))
                insert_audit(session, _entry(filed), at)
            digests = [filed.digest, *(row[0] for row in session.rows(_ATTACHED, message=filed.key))]
            return [digest for digest in dict.fromkeys(digests) if not _is_kept(session, digest)]

        return await self._database.transact(unit)


def _remark(filed: Filed, at: datetime) -> Remark:
    text = "The hub keeps the evidence; the content is removed as its retention says"
    return Remark(sender=filed.sender, message=filed.key, id=REMOVED, at=at, what=REMOVED, text=text)


def _entry(filed: Filed) -> AuditEntry:
    detail = f"{filed.size} bytes, SHA-256 {filed.digest}"
    return AuditEntry(event=AuditEvent.RETENTION_REMOVED, actor="hub", subject=filed.key, detail=detail)


def _is_kept(session: Session, digest: str) -> bool:
    return any(session.rows(query, digest=digest) for query in (_KEPT_MESSAGE, _KEPT_FILE, _KEPT_ATTACHMENT))
