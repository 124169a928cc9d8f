"""The store of the audit trail. A row is chained to the last one inside the transaction that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from exchange.core.audit import BROKEN, GENESIS, SHORTENED, AuditEntry, AuditRecord, chain, check
from exchange.storage.schema import AUDIT
from exchange.storage.session import Database, Row, Session, micros
from trust_store.errors import Refused

_A = AUDIT.c
_LAST = select(_A.number, _A.digest).order_by(_A.number.desc()).limit(1)
_LAST_OF = select(_A.subject, _A.detail).where(_A.event == bindparam("event")).order_by(_A.number.desc()).limit(1)
_PAGE = select(AUDIT).where(_A.number > bindparam("behind")).order_by(_A.number).limit(bindparam("limit"))
_INSERT = insert(AUDIT)
_COLUMNS = tuple(AUDIT.columns.keys())
_KINDS = (int, int, str, str, str, str, bytes, bytes)
_LARGEST, _STRIDE = 2**63 - 1, 1000


def insert_audit(session: Session, entry: AuditEntry, at: datetime) -> AuditRecord:
    """Write a row of the trail in the transaction of the change that it tells of."""
    record = chain(entry, micros(at), _last(session))
    session.rows(_INSERT, **_values(record))
    return record


def insert_audits(session: Session, entries: Iterable[AuditEntry], at: datetime) -> None:
    """Write rows of the trail, in their order, in the transaction of the change that they tell of."""
    session.many(_INSERT, map(_values, _chained(entries, at, _last(session))))


def _chained(entries: Iterable[AuditEntry], at: datetime, last: tuple[int, bytes] | None) -> Iterator[AuditRecord]:
    for entry in entries:
        record = chain(entry, micros(at), last)
        last = record.number, record.digest
        yield record


def _last(session: Session) -> tuple[int, bytes] | None:
    rows = session.rows(_LAST)
    return (rows[0][0], rows[0][1]) if rows else None


def _values(record: AuditRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in _COLUMNS}


class AuditStore:
    """Keep the audit trail; see `ports.AuditTrail`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: AuditEntry, at: datetime) -> AuditRecord:
        """Write a row in a transaction of its own."""
        return await self._database.transact(lambda session: insert_audit(session, entry, at))

    async def append_news(self, entry: AuditEntry, at: datetime) -> None:
        """Write a row unless the last one of the same event has the same subject and detail."""

        def unit(session: Session) -> None:
            if (entry.subject, entry.detail) not in [tuple(row) for row in session.rows(_LAST_OF, event=entry.event)]:
                insert_audit(session, entry, at)

        await self._database.transact(unit)

    async def page(self, after: int, limit: int) -> Sequence[AuditRecord]:
        """List rows, oldest first, from behind a number."""
        behind = min(max(after, -_LARGEST), _LARGEST)
        try:
            rows = await self._database.read(lambda session: session.rows(_PAGE, behind=behind, limit=limit))
        except sqlite3.DatabaseError as error:
            raise Refused(BROKEN, f"What follows cannot be read: {error}", where=f"row {max(behind, 0) + 1}") from None
        return [record_of(row) for row in rows]

    async def verify(self, expect: bytes | None = None) -> tuple[int, bytes]:
        """Recompute the whole chain, some rows at a time."""
        last: tuple[int, bytes] | None = None
        seen = expect in (None, GENESIS)
        behind = -_LARGEST
        while found := await self.page(behind, _STRIDE):
            for record in found:
                check(record, last)
                last = record.number, record.digest
                seen = seen or record.digest == expect
            behind = found[-1].number
        if not seen:
            raise Refused(SHORTENED, f"No row has the digest {(expect or b'').hex()}")
        return last or (0, GENESIS)


def record_of(row: Row) -> AuditRecord:
    """Read a row; one that nobody but a forger can have written is refused."""
    if any(type(value) is not kind for value, kind in zip(row, _KINDS, strict=True)):
        raise Refused(BROKEN, "The row holds values of other kinds than were written", where=f"row {row[0]}")
    return AuditRecord(**dict(zip(_COLUMNS, row, strict=True)))
