"""The store of evidence: statements with their leaves, and the receipts sealed from them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update

from envelopes.receipt import Event
from exchange.core.audit import AuditEntry
from exchange.core.model import EvidenceId, MessageKey, Statement
from exchange.storage.audit import insert_audit
from exchange.storage.log import await_place
from exchange.storage.schema import EVIDENCE
from exchange.storage.session import Database, Row, Session, micros, moment

_E = EVIDENCE.c
_GET = select(EVIDENCE).where(_E.id == bindparam("id"))
_OF_MESSAGE = select(EVIDENCE).where(_E.message == bindparam("message")).order_by(_E.at)
_UNSEALED = select(_E.id).where(_E.sealed.is_(None)).order_by(_E.at).limit(bindparam("limit"))
_INSERT = insert(EVIDENCE)
_SEAL = update(EVIDENCE).where(_E.id == bindparam("which"), _E.sealed.is_(None)).values(sealed=bindparam("xml"))


def insert_statement(session: Session, statement: Statement, audit: AuditEntry | None = None) -> None:
    """Keep a statement, and audit it, unless the same event was stated before."""
    if not session.rows(_GET, id=statement.id):
        if audit is not None:
            insert_audit(session, audit, statement.at)
        values: dict[str, object] = {column.name: getattr(statement, column.name) for column in EVIDENCE.columns}
        session.rows(_INSERT, **(values | {"at": micros(statement.at)}))
        await_place(session, statement.id)


class EvidenceStore:
    """Keep statements and receipts; see `ports.EvidenceShelf`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: EvidenceId) -> Statement | None:
        """Return a statement."""
        rows = await self._database.look(lambda session: session.rows(_GET, id=key))
        return _statement(rows[0]) if rows else None

    async def add(self, statement: Statement, audit: AuditEntry | None = None) -> None:
        """Keep a statement that belongs to no filing."""
        await self._database.transact(lambda session: insert_statement(session, statement, audit))

    async def of_message(self, key: MessageKey) -> Sequence[Statement]:
        """List the statements about a message, oldest first."""
        rows = await self._database.look(lambda session: session.rows(_OF_MESSAGE, message=key))
        return [_statement(row) for row in rows]

    async def seal(self, key: EvidenceId, sealed: bytes) -> bytes:
        """Keep the sealed receipt unless there is one already; return the one that is kept."""

        def unit(session: Session) -> bytes:
            session.rows(_SEAL, which=key, xml=sealed)
            kept = _statement((session.rows(_GET, id=key))[0]).sealed
            return kept or sealed

        return await self._database.transact(unit)

    def keep(self, key: EvidenceId, sealed: bytes) -> None:
        """Keep the sealed receipt soon, unless there is one already."""
        self._database.post(lambda session: session.rows(_SEAL, which=key, xml=sealed))

    async def unsealed(self, limit: int) -> Sequence[EvidenceId]:
        """List statements that nobody sealed yet, oldest first."""
        rows = await self._database.look(lambda session: session.rows(_UNSEALED, limit=limit))
        return [EvidenceId(row[0]) for row in rows]


def _statement(row: Row) -> Statement:
    values = dict(zip(EVIDENCE.columns.keys(), row, strict=True))
    return Statement(**(values | {"at": moment(values["at"]), "event": Event(values["event"])}))
