"""The store of filed messages, their deliveries and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ClauseElement, and_, bindparam, insert, literal, or_, select, update

from envelopes.signature.classify import SignatureClass
from exchange.core.model import (
    Delivery,
    DeliveryKey,
    EvidenceId,
    Filed,
    Filing,
    Kind,
    MessageKey,
    PartyId,
    Statement,
    StatusChange,
)
from exchange.errors import CONFLICT
from exchange.storage.evidence import insert_statement
from exchange.storage.schema import DELIVERIES, MESSAGES, STATUSES
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused

_M, _D, _S = MESSAGES.c, DELIVERIES.c, STATUSES.c
_BY_KEY = select(MESSAGES).where(_M.key == bindparam("key"))
_BY_ID = select(MESSAGES).where(_M.sender == bindparam("sender"), _M.message_id == bindparam("message_id"))
_BY_DIGEST = select(MESSAGES).where(_M.sender == bindparam("sender"), _M.digest == bindparam("digest"))
_BY_CODE = (
    select(MESSAGES)
    .where(_M.sender == bindparam("sender"), _M.kind == "letter")
    .where((_M.number + literal("/") + _M.notation) == bindparam("code"), _M.number != "", _M.notation != "")
    .where(or_(bindparam("promulgated") == "", _M.promulgated == bindparam("promulgated")))
    .limit(2)
)
_SENT = (
    select(MESSAGES)
    .where(_M.sender == bindparam("sender"), _M.kind == "letter", _M.submitted_at < bindparam("before"))
    .order_by(_M.submitted_at.desc())
    .limit(bindparam("limit"))
)
_REFERS = select(_M.key).where(_M.digest == bindparam("digest")).limit(1)
_INSERT_MESSAGE = insert(MESSAGES)
_INSERT_DELIVERY = insert(DELIVERIES)
_INSERT_STATUS = insert(STATUSES)
_SET_STATUS = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.message == bindparam("original"))
    .values(status=bindparam("code"))
)
_STATUSES = select(STATUSES).where(_S.original == bindparam("original")).order_by(_S.at)

_DELIVERY = select(DELIVERIES).where(_D.receiver == bindparam("receiver"), _D.key == bindparam("key"))
_DELIVERIES_OF = select(DELIVERIES).where(_D.message == bindparam("message")).order_by(_D.receiver)
_BEHIND = or_(
    _D.consigned_at > bindparam("since"),
    and_(_D.consigned_at == bindparam("since"), _D.key > bindparam("after")),
)
_INBOX = (
    select(DELIVERIES)
    .where(_D.receiver == bindparam("receiver"), _BEHIND)
    .order_by(_D.consigned_at, _D.key)
    .limit(bindparam("limit"))
)
_WAITING = _INBOX.where(_D.handed_over_at.is_(None))
_FREE = (
    select(_D.key)
    .where(_D.receiver == bindparam("receiver"), _D.handed_over_at.is_(None))
    .where(or_(_D.leased_until.is_(None), _D.leased_until <= bindparam("now")))
    .order_by(_D.consigned_at, _D.key)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key == bindparam("which"))
    .values(leased_until=bindparam("until"))
)
_HAND_OVER = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.key == bindparam("which"))
    .values(handed_over_at=bindparam("at"), leased_until=None)
)


class MessageStore:
    """Keep what was filed; see `ports.Messages`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recognise(self, sender: PartyId, digest: str) -> Filed | None:
        """Return the message that this sender filed with these very bytes."""
        return await self._one(_BY_DIGEST, sender=sender, digest=digest)

    async def file(self, filing: Filing) -> Filed:
        """Commit a filing whole, or return what was filed before under its id."""

        async def unit(session: Session) -> Filed:
            message = filing.message
            known = await session.rows(_BY_ID, sender=message.sender, message_id=message.message_id)
            if known:
                return _same(_filed(known[0]), message)
            await session.rows(_INSERT_MESSAGE, **_values(message))
            for delivery in filing.deliveries:
                await session.rows(_INSERT_DELIVERY, **_delivery_values(delivery))
            for statement in filing.statements:
                await insert_statement(session, statement)
            if filing.change is not None:
                await _change(session, filing.change)
            return message

        return await self._database.transact(unit)

    async def get(self, key: MessageKey) -> Filed | None:
        """Return a filed message."""
        return await self._one(_BY_KEY, key=key)

    async def find(self, sender: PartyId, message_id: str) -> Filed | None:
        """Return the sender's message with this document id."""
        return await self._one(_BY_ID, sender=sender, message_id=message_id)

    async def coded(self, sender: PartyId, code: str, promulgated: str) -> Sequence[Filed]:
        """List at most two letters of the sender with this number/notation, and date of issue if one is given."""
        rows = await self._rows(_BY_CODE, sender=sender, code=code, promulgated=promulgated)
        return [_filed(row) for row in rows]

    async def sent(self, sender: PartyId, before: datetime | None, limit: int) -> Sequence[Filed]:
        """List a sender's letters, newest first."""
        until = micros(before) if before else 2**62
        return [_filed(row) for row in await self._rows(_SENT, sender=sender, before=until, limit=limit)]

    async def statuses(self, key: MessageKey) -> Sequence[StatusChange]:
        """List the status changes of a letter, oldest first."""
        return [_status(row) for row in await self._rows(_STATUSES, original=key)]

    async def has_blob(self, digest: str) -> bool:
        """Tell whether any filed message refers to a blob."""
        return bool(await self._rows(_REFERS, digest=digest))

    async def _one(self, statement: ClauseElement, **values: object) -> Filed | None:
        rows = await self._rows(statement, **values)
        return _filed(rows[0]) if rows else None

    async def _rows(self, statement: ClauseElement, **values: object) -> Sequence[Row]:
        return await self._database.read(lambda session: session.rows(statement, **values))


class MailboxStore:
    """Keep what waits for whom; see `ports.Mailboxes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def inbox(self, receiver: PartyId, *, waiting: bool, after: str, limit: int) -> Sequence[Delivery]:
        """List deliveries, oldest first, from behind the delivery key `after`."""

        async def unit(session: Session) -> Sequence[Row]:
            anchor = await session.rows(_DELIVERY, receiver=receiver, key=after) if after else ()
            since = micros(_delivery(anchor[0]).consigned_at) if anchor else 0
            statement = _WAITING if waiting else _INBOX
            return await session.rows(statement, receiver=receiver, since=since, after=after, limit=limit)

        return [_delivery(row) for row in await self._database.read(unit)]

    async def lease(self, receiver: PartyId, now: datetime, until: datetime, limit: int) -> Sequence[Delivery]:
        """Lease the oldest free deliveries."""

        async def unit(session: Session) -> Sequence[Delivery]:
            leased = []
            for (key,) in await session.rows(_FREE, receiver=receiver, now=micros(now), limit=limit):
                await session.rows(_LEASE, whose=receiver, which=key, until=micros(until))
                leased.append(_delivery((await session.rows(_DELIVERY, receiver=receiver, key=key))[0]))
            return leased

        return await self._database.transact(unit)

    async def get(self, receiver: PartyId, key: DeliveryKey) -> Delivery | None:
        """Return a delivery in this receiver's own mailbox."""
        rows = await self._database.read(lambda session: session.rows(_DELIVERY, receiver=receiver, key=key))
        return _delivery(rows[0]) if rows else None

    async def of_message(self, key: MessageKey) -> Sequence[Delivery]:
        """List the deliveries of a message."""
        rows = await self._database.read(lambda session: session.rows(_DELIVERIES_OF, message=key))
        return [_delivery(row) for row in rows]

    async def hand_over(self, delivery: Delivery, statement: Statement) -> EvidenceId:
        """Record that the receiver has it, with the statement; a repetition changes nothing."""

        async def unit(session: Session) -> EvidenceId:
            rows = await session.rows(_DELIVERY, receiver=delivery.receiver, key=delivery.key)
            if _delivery(rows[0]).handed_over_at is None:
                at = micros(statement.at)
                await session.rows(_HAND_OVER, whose=delivery.receiver, which=delivery.key, at=at)
                await insert_statement(session, statement)
            return statement.id

        return await self._database.transact(unit)


def _same(known: Filed, message: Filed) -> Filed:
    if known.digest != message.digest:
        raise Refused(
            CONFLICT, f"{message.message_id} was sent on {known.submitted_at:%Y-%m-%d %H:%M} UTC with other bytes"
        )
    return known


async def _change(session: Session, change: StatusChange) -> None:
    await session.rows(
        _INSERT_STATUS,
        sender=change.sender,
        original=change.original,
        notice=change.notice,
        receiver=change.receiver,
        code=change.code,
        text=change.text,
        at=micros(change.at),
        irregular=int(change.irregular),
    )
    await session.rows(_SET_STATUS, whose=change.receiver, original=change.original, code=change.code)


def _values(message: Filed) -> dict[str, object]:
    values: dict[str, object] = {column.name: getattr(message, column.name) for column in MESSAGES.columns}
    return values | {"submitted_at": micros(message.submitted_at)}


def _filed(row: Row) -> Filed:
    values = dict(zip(MESSAGES.columns.keys(), row, strict=True))
    values["submitted_at"] = moment(values["submitted_at"])
    values["kind"] = Kind(values["kind"])
    values["signature_class"] = SignatureClass(values["signature_class"])
    return Filed(**values)


def _delivery_values(delivery: Delivery) -> dict[str, object]:
    values: dict[str, object] = {column.name: getattr(delivery, column.name) for column in DELIVERIES.columns}
    return values | {"consigned_at": micros(delivery.consigned_at)}


def _delivery(row: Row) -> Delivery:
    values = dict(zip(DELIVERIES.columns.keys(), row, strict=True))
    for name in ("consigned_at", "handed_over_at", "leased_until"):
        values[name] = moment(values[name]) if values[name] is not None else None
    return Delivery(**values)


def _status(row: Row) -> StatusChange:
    values = dict(zip(STATUSES.columns.keys(), row, strict=True))
    return StatusChange(**(values | {"at": moment(values["at"]), "irregular": bool(values["irregular"])}))
