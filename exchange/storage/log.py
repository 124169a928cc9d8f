"""The store of the transparency log; see `ports.log.LogShelf`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from envelopes.leaf import ENTRY_BYTES, Links, entry_of
from envelopes.log.growth import Growth, grow
from envelopes.log.tree import Edge
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.model import EvidenceId
from exchange.core.ports.log import Batch, Heard, LogRecord, Place, Sign
from exchange.errors import LOG_ENDED
from exchange.storage.audit import insert_audit
from exchange.storage.schema import EVIDENCE
from exchange.storage.schema_log import LOG_CHECKPOINTS, LOG_ENTRIES, LOG_PENDING, LOG_TILES, LOGS
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused

TILE: Final = 256
_HEIGHT: Final = 8
HEAVY: Final = 64
"""A batch of more entries lets everything else go on meanwhile."""

_L, _P, _N, _T, _C, _E = LOGS.c, LOG_PENDING.c, LOG_ENTRIES.c, LOG_TILES.c, LOG_CHECKPOINTS.c, EVIDENCE.c
_LOGS = select(LOGS).order_by(_L.log)
_OPEN = select(_L.log).where(_L.ended_at.is_(None)).order_by(_L.log.desc()).limit(1)
_END = update(LOGS).where(_L.ended_at.is_(None)).values(ended_at=bindparam("at"))
_BEGIN, _CHECK, _PUT = insert(LOGS), insert(LOG_CHECKPOINTS), insert(LOG_ENTRIES)
_WAITING = (
    select(_P.place, _E.id, _E.leaf, _E.owner, _E.receiver, _E.message)
    .join(EVIDENCE, _E.id == _P.evidence)
    .order_by(_P.place)
    .limit(bindparam("most"))
)
_WAITS = select(_P.place).where(_P.evidence == bindparam("evidence"))
_TAKE = delete(LOG_PENDING).where(_P.place == bindparam("which"))
_HEAD = select(_C.size, _C.note, _C.edge).where(_C.log == bindparam("log")).order_by(_C.size.desc()).limit(1)
_COVERING = (
    select(_C.size, _C.note).where(_C.log == bindparam("log"), _C.size > bindparam("index")).order_by(_C.size).limit(1)
)
_LAST_IN_MAILBOX = (
    select(_N.number, _N.entry)
    .where(_N.log == bindparam("log"), _N.mailbox == bindparam("mailbox"))
    .order_by(_N.number.desc())
    .limit(1)
)
_LAST_OF_MESSAGE = (
    select(_N.entry)
    .where(_N.message == bindparam("message"), _N.log == bindparam("log"), _N.place < bindparam("before"))
    .order_by(_N.place.desc())
    .limit(1)
)
_AT = (
    select(_N.log, _L.key, _N.place, _N.mailbox, _N.number, _N.message)
    .join(LOGS, _L.log == _N.log)
    .where(_N.evidence == bindparam("evidence"))
)
_NUMBERED = select(_N.entry).where(
    _N.log == bindparam("log"), _N.mailbox == bindparam("mailbox"), _N.number == bindparam("number")
)
_ENTRIES = (
    select(_N.entry)
    .where(_N.log == bindparam("log"), _N.place >= bindparam("start"), _N.place < bindparam("end"))
    .order_by(_N.place)
)
_TILE = select(_T.hashes).where(
    _T.log == bindparam("log"), _T.level == bindparam("level"), _T.tile == bindparam("tile")
)
_NEW_TILE = insert(LOG_TILES)
_SET_TILE = (
    update(LOG_TILES)
    .where(_T.log == bindparam("in_log"), _T.level == bindparam("at_level"), _T.tile == bindparam("which"))
    .values(hashes=bindparam("all"))
)
_COUNT = select(func.count()).select_from(LOG_PENDING)


def await_place(session: Session, key: EvidenceId) -> None:
    """Let a statement that is being kept wait for its place in the log."""
    session.rows(_AWAIT, evidence=key)


_AWAIT = insert(LOG_PENDING).values(evidence=bindparam("evidence"))


class LogStore:
    """Keep the transparency log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, record: LogRecord, checkpoint: str, by: Author) -> None:
        """Begin a log with the checkpoint of the empty tree, and end the one before; a log that was begun stays."""

        def unit(session: Session) -> None:
            if record.log in {row[0] for row in session.rows(_LOGS)}:
                return
            at = micros(record.begun_at)
            session.rows(_END, at=at)
            session.rows(_BEGIN, log=record.log, key=record.key, begun_at=at, ended_at=None)
            session.rows(_CHECK, log=record.log, size=0, at=at, note=checkpoint, edge=b"")
            entry = AuditEntry(event=AuditEvent.LOG_BEGUN, actor=by.actor, subject=record.key)
            insert_audit(session, entry, by.at)

        await self._database.transact(unit)

    async def end(self, at: datetime) -> None:
        """End the log that is open, if one is."""
        await self._database.transact(lambda session: session.rows(_END, at=micros(at)))

    async def logs(self) -> Sequence[LogRecord]:
        """List the logs, the first one first."""
        return [_log(row) for row in await self._database.look(lambda session: session.rows(_LOGS))]

    async def sequence(self, log: int, sign: Sign, at: datetime, most: int) -> Batch | None:
        """Give a place to what waits: entries, tiles and checkpoint whole or not at all."""

        ((waiting,),) = await self._database.look(lambda session: session.rows(_COUNT))
        return await self._database.transact(
            lambda session: _sequence(session, log, sign, at, most), heavy=waiting > HEAVY
        )

    def sequence_always(self, log: int, sign: Sign, now: Callable[[], datetime], heard: Heard) -> None:
        """End every transaction by giving a place to what waits, at most so much that nobody waits long for it."""
        self._database.end_with(lambda session: _sequence(session, log, sign, now(), HEAVY), heard)

    async def waits(self, key: EvidenceId) -> bool:
        """Tell whether a piece of evidence waits for its place."""
        return bool(await self._database.look(lambda session: session.rows(_WAITS, evidence=key)))

    async def place(self, key: EvidenceId) -> Place | None:
        """Return where a piece of evidence is in the log, with the smallest checkpoint that covers it."""
        return await self._database.look(lambda session: _place(session, key))

    async def tile(self, log: int, level: int, number: int) -> bytes:
        """Return the hashes that a tile has now."""
        return await self._database.look(lambda session: _tile(session, log, level, number))

    async def entries(self, log: int, start: int, count: int) -> Sequence[bytes]:
        """List entries from an index on."""
        rows = await self._database.read(
            lambda session: session.rows(_ENTRIES, log=log, start=start, end=start + count)
        )
        return [entry for (entry,) in rows]

    async def checkpoint(self, log: int) -> str:
        """Return the newest checkpoint."""
        rows = await self._database.look(lambda session: session.rows(_HEAD, log=log))
        return str(rows[0][1]) if rows else ""

    async def size(self, log: int) -> int:
        """Tell the size of the tree of the newest checkpoint."""
        rows = await self._database.look(lambda session: session.rows(_HEAD, log=log))
        return int(rows[0][0]) if rows else 0


def _sequence(session: Session, log: int, sign: Sign, at: datetime, most: int) -> Batch | None:
    waiting = session.rows(_WAITING, most=most)
    if not waiting:
        return None
    if session.rows(_OPEN) != [(log,)]:
        raise Refused(LOG_ENDED, f"Log {log} is not the one that is open")
    return _append(session, log, waiting, sign, at)


def _append(session: Session, log: int, waiting: Sequence[Row], sign: Sign, at: datetime) -> Batch:
    ((size, _, packed),) = session.rows(_HEAD, log=log)
    entries = []
    for index, (place, key, leaf, owner, receiver, message) in enumerate(waiting, start=size):
        mailbox = receiver or owner
        links = _next_links(session, log, mailbox, message, index)
        entries.append(entry_of(leaf, links))
        session.rows(
            _PUT,
            log=log,
            place=index,
            evidence=key,
            entry=entries[-1],
            mailbox=mailbox,
            number=links.number,
            message=message,
        )
        session.rows(_TAKE, which=place)
    growth = grow(Edge(size, _unpack(packed)), entries)
    _extend_tiles(session, log, size, growth)
    edge = growth.edge
    note = sign(edge.size, edge.root)
    session.rows(_CHECK, log=log, size=edge.size, at=micros(at), note=note, edge=b"".join(edge.roots))
    paths = {EvidenceId(row[1]): growth.path(index) for index, row in enumerate(waiting, start=size)}
    return Batch(size=edge.size, paths=paths)


def _next_links(session: Session, log: int, mailbox: str, message: str, index: int) -> Links:
    last = session.rows(_LAST_IN_MAILBOX, log=log, mailbox=mailbox)
    number, before = last[0] if last else (0, b"")
    return Links(number=number + 1, in_mailbox=before, of_message=_before(session, log, message, index))


def _before(session: Session, log: int, message: str, index: int) -> bytes:
    rows = session.rows(_LAST_OF_MESSAGE, log=log, message=message, before=index)
    return bytes(rows[0][0]) if rows else b""


def _place(session: Session, key: EvidenceId) -> Place | None:
    rows = session.rows(_AT, evidence=key)
    if not rows:
        return None
    log, vkey, index, mailbox, number, message = rows[0]
    before = session.rows(_NUMBERED, log=log, mailbox=mailbox, number=number - 1)
    links = Links(
        number=number,
        in_mailbox=bytes(before[0][0]) if before else b"",
        of_message=_before(session, log, message, index),
    )
    ((size, note),) = session.rows(_COVERING, log=log, index=index)
    return Place(log=log, key=vkey, index=index, links=links, size=size, checkpoint=note)


def _extend_tiles(session: Session, log: int, size: int, growth: Growth) -> None:
    """Write what is new into the tiles, from the lowest level up: full ones for ever, the last of each level for now."""
    level, new = 0, growth.edge.size
    while new:
        height = level * _HEIGHT
        for tile in range(size // TILE, (new - 1) // TILE + 1) if new > size else ():
            known = _tile(session, log, level, tile)
            start = tile * TILE + len(known) // ENTRY_BYTES
            added = b"".join(growth.made[height, place] for place in range(start, min(new, (tile + 1) * TILE)))
            _write_tile(session, log, level, tile, known, added)
        level, size, new = level + 1, size // TILE, new // TILE


def _write_tile(session: Session, log: int, level: int, tile: int, known: bytes, added: bytes) -> None:
    if known:
        session.rows(_SET_TILE, in_log=log, at_level=level, which=tile, all=known + added)
    else:
        session.rows(_NEW_TILE, log=log, level=level, tile=tile, hashes=added)


def _tile(session: Session, log: int, level: int, tile: int) -> bytes:
    rows = session.rows(_TILE, log=log, level=level, tile=tile)
    return bytes(rows[0][0]) if rows else b""


def _unpack(packed: bytes) -> list[bytes]:
    return [packed[at : at + ENTRY_BYTES] for at in range(0, len(packed), ENTRY_BYTES)]


def _log(row: Row) -> LogRecord:
    log, key, begun_at, ended_at = row
    ended = None if ended_at is None else moment(ended_at)
    return LogRecord(log=log, key=key, begun_at=moment(begun_at), ended_at=ended)
