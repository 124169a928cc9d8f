"""The store of what was stamped; see `ports.stamping.StampShelf`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, exists, func, insert, select

from envelopes.signature.lasting import Level
from exchange.core.audit import AuditEntry
from exchange.core.model import EvidenceId, MessageKey
from exchange.core.ports.stamping import Batch, Raised
from exchange.storage.audit import insert_audit
from exchange.storage.schema import EVIDENCE
from exchange.storage.schema_time import RAISED, STAMP_BATCHES, STAMP_MEMBERS
from exchange.storage.session import Database, Session, micros, moment

_E, _B, _M, _R = EVIDENCE.c, STAMP_BATCHES.c, STAMP_MEMBERS.c, RAISED.c
_LATE: Final = timedelta(minutes=5)
"""By how much an event may come into the store after later ones; what is older than that was looked at."""
_IN_NONE = ~exists().where(_M.evidence == _E.id)
_WAITS = (_E.at > bindparam("after"), _E.sealed.is_not(None), _IN_NONE)
_UNSTAMPED = (
    select(_E.id, _E.at, _E.sealed)
    .where(*_WAITS, _E.at <= bindparam("before"))
    .order_by(_E.at)
    .limit(bindparam("limit"))
)
_OLDEST = select(_E.at).where(*_WAITS).order_by(_E.at).limit(1)
_REACHED = select(func.max(_B.until))
_HAS = select(_M.batch, _M.place).where(_M.evidence == bindparam("evidence"))
_BATCH = select(_B.id, _B.at, _B.until, _B.token).where(_B.id == bindparam("id"))
_MEMBERS = select(_M.evidence, _M.leaf).where(_M.batch == bindparam("batch")).order_by(_M.place)
_ADD_BATCH, _ADD_MEMBER, _ADD_RAISED = insert(STAMP_BATCHES), insert(STAMP_MEMBERS), insert(RAISED)
_RAISED = select(RAISED).where(_R.message == bindparam("message"))
_FORGET = delete(RAISED).where(_R.message == bindparam("which"))


class StampStore:
    """Keep batches of stamped receipts, and what was put beside messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unstamped(self, before: datetime, limit: int) -> Sequence[tuple[EvidenceId, datetime, bytes]]:
        """List sealed receipts of events before a moment that are in no batch, oldest first."""

        def unit(session: Session) -> Sequence[tuple[EvidenceId, datetime, bytes]]:
            rows = session.rows(_UNSTAMPED, after=_reached(session), before=micros(before), limit=limit)
            return [(EvidenceId(key), moment(at), sealed) for key, at, sealed in rows]

        return await self._database.read(unit)

    async def add(self, batch: Batch) -> None:
        """Keep a batch whole; a receipt that another batch has meanwhile stays in that one.

        Its leaf stays in this batch too, without a name, so that the paths of the others lead to the root.
        """

        def unit(session: Session) -> None:
            session.rows(_ADD_BATCH, id=batch.id, at=micros(batch.at), until=micros(batch.until), token=batch.token)
            taken = {key for key, _ in batch.members if session.rows(_HAS, evidence=key)}
            session.many(
                _ADD_MEMBER,
                (
                    {"batch": batch.id, "place": place, "evidence": _name(key, batch, taken), "leaf": leaf}
                    for place, (key, leaf) in enumerate(batch.members)
                ),
            )

        await self._database.transact(unit, heavy=True)

    async def batch_of(self, key: EvidenceId) -> tuple[int, Batch] | None:
        """Return the place of a receipt in its batch, and the batch."""

        def unit(session: Session) -> tuple[int, Batch] | None:
            found = session.rows(_HAS, evidence=key)
            if not found:
                return None
            name, place = found[0]
            members = tuple((EvidenceId(one), leaf) for one, leaf in session.rows(_MEMBERS, batch=name))
            ((_, at, until, token),) = session.rows(_BATCH, id=name)
            return place, Batch(id=name, at=moment(at), until=moment(until), members=members, token=token)

        return await self._database.read(unit)

    async def waiting_since(self) -> datetime | None:
        """Tell when the oldest event happened whose sealed receipt is in no batch."""
        return await self._database.read(oldest_unstamped)

    async def raised(self, key: MessageKey) -> Raised | None:
        """Return what was put beside a message, at its highest level."""
        rows = await self._database.look(lambda session: session.rows(_RAISED, message=key))
        if not rows:
            return None
        message, level, properties, at, renew_by = rows[0]
        return Raised(
            message=MessageKey(message),
            level=Level(level),
            properties=properties,
            at=moment(at),
            renew_by=moment(renew_by),
        )

    async def keep(self, raised: Raised) -> None:
        """Keep what was put beside a message, in place of what was there."""

        def unit(session: Session) -> None:
            session.rows(_FORGET, which=raised.message)
            session.rows(
                _ADD_RAISED,
                message=raised.message,
                level=raised.level,
                properties=raised.properties,
                at=micros(raised.at),
                renew_by=micros(raised.renew_by),
            )

        await self._database.transact(unit)

    async def note(self, entry: AuditEntry, at: datetime) -> None:
        """Audit that the authorities fell silent, or answer again."""
        await self._database.transact(lambda session: insert_audit(session, entry, at))


def oldest_unstamped(session: Session) -> datetime | None:
    """Tell when the oldest event happened whose sealed receipt is in no batch."""
    rows = session.rows(_OLDEST, after=_reached(session))
    return moment(rows[0][0]) if rows else None


def _reached(session: Session) -> int:
    """Tell up to where all was looked at: a little before the last event of the batches, or the beginning."""
    ((reached,),) = session.rows(_REACHED)
    return 0 if reached is None else int(reached) - int(_LATE.total_seconds() * 1_000_000)


def _name(key: EvidenceId, batch: Batch, taken: set[EvidenceId]) -> str:
    return f"{batch.id} {key}" if key in taken else key
