"""The store of a witness, and of the cosignatures that our own checkpoints have; see `ports.witness`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from envelopes.log.checkpoint import Checkpoint
from envelopes.log.witnessing import Seen
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.ports.witness import Cosigned, WitnessedLog
from exchange.storage.audit import insert_audit
from exchange.storage.schema_log import LOG_CHECKPOINTS
from exchange.storage.schema_witness import LOG_COSIGNED, LOG_WITNESSED
from exchange.storage.session import Database, Row, Session, micros, moment

_W, _S, _C = LOG_WITNESSED.c, LOG_COSIGNED.c, LOG_CHECKPOINTS.c
_ALL = select(LOG_WITNESSED).order_by(_W.origin)
_ONE = select(LOG_WITNESSED).where(_W.origin == bindparam("origin"))
_INSERT = insert(LOG_WITNESSED)
_ENTER = (
    update(LOG_WITNESSED)
    .where(_W.origin == bindparam("which"))
    .values(key=bindparam("vkey"), added_at=bindparam("now"), removed_at=None)
)
_LEAVE = (
    update(LOG_WITNESSED)
    .where(_W.origin == bindparam("which"), _W.removed_at.is_(None))
    .values(removed_at=bindparam("now"))
    .returning(_W.key)
)
_ADVANCE = (
    update(LOG_WITNESSED)
    .where(_W.origin == bindparam("which"), _W.key == bindparam("vkey"), _W.removed_at.is_(None))
    .where(_W.size == bindparam("old"), _W.root == bindparam("old_root"))
    .values(size=bindparam("new"), root=bindparam("new_root"), seen_at=bindparam("now"), note=bindparam("text"))
    .returning(_W.size)
)
_COSIGN = insert(LOG_COSIGNED)
_IS_COSIGNED = select(_S.size).where(_S.log == bindparam("log"), _S.size == bindparam("size"))
_COVERED = (
    select(_S.size, _C.note, _S.count, _S.lines)
    .join(LOG_CHECKPOINTS, (_C.log == _S.log) & (_C.size == _S.size))
    .where(_S.log == bindparam("log"), _S.count >= bindparam("needed"))
)
_COVERING = _COVERED.where(_S.size > bindparam("index")).order_by(_S.size).limit(1)
_NEWEST = _COVERED.order_by(_S.size.desc()).limit(1)


class WitnessStore:
    """Keep which logs this hub cosigns, and what was cosigned last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, origin: str, key: str, by: Author) -> None:
        """Cosign a log from now on, or again, or under another key."""

        def unit(session: Session) -> None:
            at = micros(by.at)
            if session.rows(_ONE, origin=origin):
                session.rows(_ENTER, which=origin, vkey=key, now=at)
            else:
                fresh = {"removed_at": None, "size": 0, "root": b"", "seen_at": None, "note": ""}
                session.rows(_INSERT, origin=origin, key=key, added_at=at, **fresh)
            insert_audit(session, AuditEntry(event=AuditEvent.LOG_WITNESSED, actor=by.actor, subject=key), by.at)

        await self._database.transact(unit)

    async def remove(self, origin: str, by: Author) -> bool:
        """Cosign a log no more; false when it was not cosigned."""

        def unit(session: Session) -> bool:
            left = session.rows(_LEAVE, which=origin, now=micros(by.at))
            if left:
                entry = AuditEntry(event=AuditEvent.LOG_UNWITNESSED, actor=by.actor, subject=left[0][0])
                insert_audit(session, entry, by.at)
            return bool(left)

        return await self._database.transact(unit)

    async def list(self) -> Sequence[WitnessedLog]:
        """List all, those that were removed too, by origin."""
        return [_witnessed(row) for row in await self._database.look(lambda session: session.rows(_ALL))]

    async def get(self, origin: str) -> WitnessedLog | None:
        """Return a log that is cosigned."""
        rows = await self._database.look(lambda session: session.rows(_ONE, origin=origin))
        found = _witnessed(rows[0]) if rows else None
        return found if found and found.removed_at is None else None

    async def advance(self, key: str, seen: Seen, checkpoint: Checkpoint, note: str, at: datetime) -> bool:
        """Keep a checkpoint as the last one cosigned, if what was cosigned last is still `seen`; false if not."""
        old = {"which": checkpoint.origin, "vkey": key, "old": seen.size, "old_root": seen.root}
        new = {"new": checkpoint.size, "new_root": checkpoint.root, "now": micros(at), "text": note}
        return bool(await self._database.transact(lambda session: session.rows(_ADVANCE, **old, **new)))


class CosignatureStore:
    """Keep the cosignatures of our own checkpoints; see `ports.witness.CosignatureShelf`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, log: int, size: int, lines: Sequence[str], at: datetime) -> None:
        """Keep the cosignatures of a checkpoint; what was kept for it first stays."""

        def unit(session: Session) -> None:
            if not session.rows(_IS_COSIGNED, log=log, size=size):
                session.rows(_COSIGN, log=log, size=size, at=micros(at), count=len(lines), lines="".join(lines))

        await self._database.transact(unit)

    async def covering(self, log: int, index: int, needed: int) -> Cosigned | None:
        """Return the smallest checkpoint over an entry that has at least so many cosignatures."""
        rows = await self._database.look(lambda session: session.rows(_COVERING, log=log, index=index, needed=needed))
        return _cosigned(rows)

    async def newest(self, log: int, needed: int) -> Cosigned | None:
        """Return the newest checkpoint that has at least so many cosignatures."""
        return _cosigned(await self._database.look(lambda session: session.rows(_NEWEST, log=log, needed=needed)))


def _cosigned(rows: Sequence[Row]) -> Cosigned | None:
    if not rows:
        return None
    size, note, count, lines = rows[0]
    return Cosigned(size=size, note=f"{note}{lines}", count=count)


def _witnessed(row: Row) -> WitnessedLog:
    origin, key, added_at, removed_at, size, root, seen_at, note = row
    return WitnessedLog(
        origin=origin,
        key=key,
        added_at=moment(added_at),
        removed_at=None if removed_at is None else moment(removed_at),
        seen=Seen(size=size, root=bytes(root)),
        seen_at=None if seen_at is None else moment(seen_at),
        note=note,
    )
