"""The store of mailboxes: what waits for whom, who reads it now, and what was handed over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update

from exchange.core.finding import Counts, Search
from exchange.core.holding import refuse_held
from exchange.core.model import Delivery, DeliveryKey, Entry, EvidenceId, MessageKey, PartyId, Statement, Transport
from exchange.storage import searching
from exchange.storage.evidence import insert_statement
from exchange.storage.rows import DELIVERY_WIDTH, delivery_of, message_of
from exchange.storage.schema import DELIVERIES, MESSAGES
from exchange.storage.session import Database, Row, Session, micros

_M, _D = MESSAGES.c, DELIVERIES.c
_DELIVERY = select(DELIVERIES).where(_D.receiver == bindparam("receiver"), _D.key == bindparam("key"))
_OF_MESSAGE = select(DELIVERIES).where(_D.message == bindparam("message")).order_by(_D.receiver)
_FREE = (
    select(_D.key)
    .where(_D.receiver == bindparam("whose"), _D.handed_over_at.is_(None), _D.held == "")
    .where(or_(_D.leased_until.is_(None), _D.leased_until <= bindparam("now")))
    .order_by(_D.consigned_at, _D.key)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_ANY_FREE = (
    select(_D.key)
    .where(_D.receiver == bindparam("whose"), _D.handed_over_at.is_(None), _D.held == "")
    .where(or_(_D.leased_until.is_(None), _D.leased_until <= bindparam("now")))
    .limit(1)
)
_LEASE = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key.in_(_FREE))
    .values(lease=bindparam("name"), leased_until=bindparam("until"))
)
_LEASED = (
    select(DELIVERIES, MESSAGES)
    .join(MESSAGES, _M.key == _D.message)
    .where(_D.receiver == bindparam("whose"), _D.lease == bindparam("name"), _D.handed_over_at.is_(None))
    .order_by(_D.consigned_at, _D.key)
)
_EXTEND = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.lease == bindparam("name"), _D.handed_over_at.is_(None))
    .where(_D.leased_until > bindparam("now"))
    .values(leased_until=bindparam("until"))
)
_RELEASE = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.lease == bindparam("name"), _D.handed_over_at.is_(None))
    .values(lease=None, leased_until=None)
)
_HAND_OVER = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key == bindparam("which"), _D.handed_over_at.is_(None))
    .where(_D.held == "")
    .values(handed_over_at=bindparam("at"), lease=None, leased_until=None)
    .returning(_D.key)
)
_FETCH = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key == bindparam("which"), _D.fetched_at.is_(None))
    .values(fetched_at=bindparam("at"), fetched_by=bindparam("by"))
)
_REPORT = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key == bindparam("which"), _D.transport != Transport.DONE.value)
    .values(transport=bindparam("status"), transport_text=bindparam("text"), transport_at=bindparam("at"))
)
_ARCHIVE = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key == bindparam("which"))
    .values(archived_at=bindparam("at"))
)


class MailboxStore:
    """Keep what waits for whom; see `ports.Mailboxes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def inbox(self, receiver: PartyId, search: Search, now: datetime) -> Sequence[Entry]:
        """List deliveries, oldest first."""

        def unit(session: Session) -> Sequence[Row]:
            anchor = session.rows(_DELIVERY, receiver=receiver, key=search.after) if search.after else ()
            after_at = micros(delivery_of(anchor[0]).consigned_at) if anchor else -1
            values = searching.arguments(search) | {"now": micros(now), "after_at": after_at}
            return session.rows(searching.INBOX[search.box], party=receiver, **values)

        return [_entry(row) for row in await self._database.read(unit)]

    async def count(self, party: PartyId, now: datetime) -> Counts:
        """Count a mailbox."""

        def unit(session: Session) -> Counts:
            counted = session.rows(searching.COUNT_INBOX, party=party, now=micros(now))
            ((waiting, leased, received, archived, held),) = counted
            ((sent,),) = session.rows(searching.COUNT_SENT, party=party)
            return Counts(waiting=waiting, leased=leased, received=received, archived=archived, held=held, sent=sent)

        return await self._database.read(unit)

    async def lease(self, receiver: PartyId, name: str, now: datetime, until: datetime, limit: int) -> Sequence[Entry]:
        """Lease the oldest free deliveries."""
        free = {"whose": receiver, "now": micros(now)}

        def unit(session: Session) -> Sequence[Row]:
            session.rows(_LEASE, **free, name=name, until=micros(until), limit=limit)
            return session.rows(_LEASED, whose=receiver, name=name)

        if not await self._database.look(lambda session: session.rows(_ANY_FREE, **free)):
            return []
        return [_entry(row) for row in await self._database.transact(unit)]

    async def renew(self, receiver: PartyId, name: str, now: datetime, until: datetime) -> Sequence[Entry]:
        """Let a lease that has not ended last until another moment."""

        def unit(session: Session) -> Sequence[Row]:
            session.rows(_EXTEND, whose=receiver, name=name, now=micros(now), until=micros(until))
            held = session.rows(_LEASED, whose=receiver, name=name)
            return [row for row in held if (delivery_of(row[:DELIVERY_WIDTH]).leased_until or now) > now]

        return [_entry(row) for row in await self._database.transact(unit)]

    async def release(self, receiver: PartyId, name: str) -> int:
        """End a lease now."""

        def unit(session: Session) -> int:
            held = len(session.rows(_LEASED, whose=receiver, name=name))
            session.rows(_RELEASE, whose=receiver, name=name)
            return held

        return await self._database.transact(unit)

    async def get(self, receiver: PartyId, key: DeliveryKey) -> Delivery | None:
        """Return a delivery in this receiver's own mailbox."""
        rows = await self._database.look(lambda session: session.rows(_DELIVERY, receiver=receiver, key=key))
        return delivery_of(rows[0]) if rows else None

    async def of_message(self, key: MessageKey) -> Sequence[Delivery]:
        """List the deliveries of a message."""
        rows = await self._database.look(lambda session: session.rows(_OF_MESSAGE, message=key))
        return [delivery_of(row) for row in rows]

    async def fetched(self, delivery: Delivery, by: str, at: datetime) -> None:
        """Record who first read the content, and when; what was held back meanwhile is refused."""
        values = {"whose": delivery.receiver, "which": delivery.key, "by": by, "at": micros(at)}

        def unit(session: Session) -> None:
            _refuse_held(session, delivery)
            session.rows(_FETCH, **values)

        await self._database.transact(unit)

    async def report(self, delivery: Delivery, transport: Transport, text: str, at: datetime) -> None:
        """Keep what the receiver's system reports; one that is `done` stays so."""
        values = {"status": transport.value, "text": text, "at": micros(at)}
        whose = {"whose": delivery.receiver, "which": delivery.key}
        await self._database.transact(lambda session: session.rows(_REPORT, **whose, **values))

    async def archive(self, receiver: PartyId, key: DeliveryKey, at: datetime | None) -> None:
        """Put a delivery into the archive, or take it out again."""
        values = {"whose": receiver, "which": key, "at": None if at is None else micros(at)}
        await self._database.transact(lambda session: session.rows(_ARCHIVE, **values))

    async def hand_over(self, delivery: Delivery, statement: Statement) -> EvidenceId:
        """Record that the receiver has it, with the statement; a repetition changes nothing, what is held back is refused."""

        def unit(session: Session) -> EvidenceId:
            _refuse_held(session, delivery)
            values = {"whose": delivery.receiver, "which": delivery.key, "at": micros(statement.at)}
            if session.rows(_HAND_OVER, **values):
                insert_statement(session, statement)
            return statement.id

        return await self._database.transact(unit)


def _refuse_held(session: Session, delivery: Delivery) -> None:
    """Ask inside the transaction: a key may have been declared compromised since the delivery was looked up."""
    for row in session.rows(_DELIVERY, receiver=delivery.receiver, key=delivery.key):
        refuse_held(delivery_of(row).held)


def _entry(row: Row) -> Entry:
    return Entry(delivery=delivery_of(row[:DELIVERY_WIDTH]), message=message_of(row[DELIVERY_WIDTH:]))
