"""The store of filed messages: written whole in one unit, recognised, found and listed."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ClauseElement, bindparam, insert, literal, or_, select, update

from envelopes.opened import digest_of
from exchange.core.finding import Box, Search
from exchange.core.lifecycle import ANSWERS, advance, event_of
from exchange.core.model import (
    Effect,
    Filed,
    Filing,
    MessageKey,
    PartyId,
    Relation,
    Remark,
    StatusChange,
)
from exchange.core.quota import Daily
from exchange.errors import DAMAGED, Conflict
from exchange.storage import searching
from exchange.storage.effects import answer, ask
from exchange.storage.evidence import insert_statement
from exchange.storage.rows import (
    delivery_of,
    delivery_values,
    message_of,
    message_values,
    relation_of,
    relation_values,
    remark_of,
    remark_values,
    status_of,
    status_values,
)
from exchange.storage.schema import CONTENTS, DELIVERIES, MESSAGES, RELATIONS, REMARKS, STATUSES
from exchange.storage.session import Database, Row, Session, micros
from exchange.storage.terms import admit_signer
from exchange.storage.uploads import has_file, insert_attachments
from exchange.storage.usage import count_letter
from trust_store.errors import Refused

_M, _D, _S, _R, _K = MESSAGES.c, DELIVERIES.c, STATUSES.c, RELATIONS.c, REMARKS.c
_EVER = 2**62
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
_REFERS = select(_M.key).where(_M.digest == bindparam("digest"), _M.removed_at.is_(None)).limit(1)
_STATE_OF = select(DELIVERIES).where(_D.receiver == bindparam("receiver"), _D.message == bindparam("message"))
_SET_STATE = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.message == bindparam("original"))
    .values(status=bindparam("code"), state=bindparam("next"))
)
_ARCHIVE = (
    update(MESSAGES)
    .where(_M.sender == bindparam("whose"), _M.key == bindparam("which"))
    .values(archived_at=bindparam("at"))
)
_STATUSES = select(STATUSES).where(_S.original == bindparam("original")).order_by(_S.at)
_RELATED = select(RELATIONS).where(or_(_R.message == bindparam("key"), _R.target == bindparam("key"))).limit(200)
_REMARKS = select(REMARKS).where(_K.message == bindparam("message")).order_by(_K.at)
_REMARKED = select(_K.id).where(
    _K.sender == bindparam("sender"), _K.message == bindparam("message"), _K.id == bindparam("id")
)
_INSERT_MESSAGE, _INSERT_DELIVERY, _INSERT_STATUS = insert(MESSAGES), insert(DELIVERIES), insert(STATUSES)
_INSERT_RELATION, _INSERT_REMARK, _INSERT_CONTENT = insert(RELATIONS), insert(REMARKS), insert(CONTENTS)
_CONTENT = select(CONTENTS.c.data).where(
    CONTENTS.c.sender == bindparam("sender"), CONTENTS.c.message == bindparam("message")
)

MANY = 20
"""A letter to more receivers takes so many statements that others have to go on meanwhile."""


class MessageStore:
    """Keep what was filed; see `ports.Messages`."""

    def __init__(self, database: Database, daily: Daily) -> None:
        self._database, self._daily = database, daily

    async def recognise(self, sender: PartyId, digest: str) -> Filed | None:
        """Return the message that this sender filed with these very bytes."""
        return await self._one(_BY_DIGEST, sender=sender, digest=digest)

    async def file(self, filing: Filing) -> Filed:
        """Commit a filing whole, or return what was filed before under its id."""
        heavy = len(filing.deliveries) > MANY
        return await self._database.transact(lambda session: _file(session, filing, self._daily), heavy=heavy)

    async def get(self, key: MessageKey) -> Filed | None:
        """Return a filed message."""
        return await self._one(_BY_KEY, key=key)

    async def find(self, sender: PartyId, message_id: str) -> Filed | None:
        """Return the sender's message with this document id."""
        return await self._one(_BY_ID, sender=sender, message_id=message_id)

    async def coded(self, sender: PartyId, code: str, promulgated: str) -> Sequence[Filed]:
        """List at most two letters of the sender with this number/notation, and date of issue if one is given."""
        rows = await self._rows(_BY_CODE, sender=sender, code=code, promulgated=promulgated)
        return [message_of(row) for row in rows]

    async def sent(self, sender: PartyId, search: Search) -> Sequence[Filed]:
        """List a sender's messages, newest first."""

        def unit(session: Session) -> Sequence[Row]:
            anchor = session.rows(_BY_KEY, key=search.after) if search.after else ()
            after_at = micros(message_of(anchor[0]).submitted_at) if anchor else _EVER
            box = search.box if search.box in searching.SENT else Box.ALL
            return session.rows(searching.SENT[box], party=sender, after_at=after_at, **searching.arguments(search))

        return [message_of(row) for row in await self._database.read(unit)]

    async def archive(self, sender: PartyId, key: MessageKey, at: datetime | None) -> None:
        """Put a sent message into the archive, or take it out again."""
        values = {"whose": sender, "which": key, "at": None if at is None else micros(at)}
        await self._database.transact(lambda session: session.rows(_ARCHIVE, **values))

    async def statuses(self, key: MessageKey) -> Sequence[StatusChange]:
        """List the status changes of a letter, oldest first."""
        return [status_of(row) for row in await self._rows(_STATUSES, original=key)]

    async def related(self, key: MessageKey) -> Sequence[Relation]:
        """List what a message refers to and what refers to it."""
        return [relation_of(row) for row in await self._rows(_RELATED, key=key)]

    async def remark(self, remark: Remark) -> bool:
        """Keep a remark; the same again changes nothing. Tell whether it is new."""

        def unit(session: Session) -> bool:
            if session.rows(_REMARKED, sender=remark.sender, message=remark.message, id=remark.id):
                return False
            session.rows(_INSERT_REMARK, **remark_values(remark))
            return True

        return await self._database.transact(unit)

    async def remarks(self, key: MessageKey) -> Sequence[Remark]:
        """List the remarks about a message, oldest first."""
        return [remark_of(row) for row in await self._rows(_REMARKS, message=key)]

    async def inline(self, filed: Filed) -> bytes | None:
        """Return the bytes of a message that are kept with its record."""
        rows = await self._rows(_CONTENT, sender=filed.sender, message=filed.key)
        if not rows:
            return None
        data: bytes = rows[0][0]
        if not hmac.compare_digest(digest_of(data), filed.digest):
            raise Refused(DAMAGED, f"The stored bytes of {filed.key} have changed")
        return data

    async def has_blob(self, digest: str) -> bool:
        """Tell whether any filed message refers to a blob, or any file that a party uploaded."""
        return await self._database.read(
            lambda session: bool(session.rows(_REFERS, digest=digest)) or has_file(session, digest)
        )

    async def _one(self, statement: ClauseElement, **values: object) -> Filed | None:
        rows = await self._rows(statement, **values)
        return message_of(rows[0]) if rows else None

    async def _rows(self, statement: ClauseElement, **values: object) -> Sequence[Row]:
        return await self._database.look(lambda session: session.rows(statement, **values))


def _file(session: Session, filing: Filing, daily: Daily) -> Filed:
    message = filing.message
    known = session.rows(_BY_ID, sender=message.sender, message_id=message.message_id)
    if known:
        return _same(message_of(known[0]), message)
    _admit(session, filing, daily)
    session.rows(_INSERT_MESSAGE, **message_values(message))
    if filing.inline is not None:
        session.rows(_INSERT_CONTENT, sender=message.sender, message=message.key, data=filing.inline)
    for delivery in filing.deliveries:
        session.rows(_INSERT_DELIVERY, **delivery_values(delivery))
    for statement in filing.statements:
        insert_statement(session, statement)
    for ordinal, relation in enumerate(filing.relations, start=1):
        session.rows(_INSERT_RELATION, **relation_values(relation, ordinal))
    insert_attachments(session, filing.attachments)
    for effect in filing.effects:
        _ask(session, effect)
    if filing.change is not None:
        _change(session, filing.change)
    return message


def _admit(session: Session, filing: Filing, daily: Daily) -> None:
    count_letter(session, filing, daily)
    if filing.signer is not None:
        admit_signer(session, filing.signer, filing.message.submitted_at)


def _same(known: Filed, message: Filed) -> Filed:
    if known.digest != message.digest:
        when = f"{known.submitted_at:%Y-%m-%d %H:%M}"
        raise Conflict(f"{message.message_id} was sent on {when} UTC with other bytes", known.key)
    return known


def _ask(session: Session, effect: Effect) -> None:
    """Record what is asked of one receiver, how far that receiver had come, and that its document now waits for an answer."""
    delivery = delivery_of(session.rows(_STATE_OF, receiver=effect.receiver, message=effect.original)[0])
    ask(session, effect, delivery)
    following, _ = advance(delivery.state, effect.asked)
    session.rows(_SET_STATE, whose=effect.receiver, original=effect.original, code=delivery.status, next=following)


def _change(session: Session, change: StatusChange) -> None:
    """Record a status code; an answer (15, 16) also settles what was asked of this receiver."""
    event = event_of(change.code)
    rows = session.rows(_STATE_OF, receiver=change.receiver, message=change.original)
    following, irregular = advance(delivery_of(rows[0]).state, event)
    if change.code in ANSWERS:
        settled = answer(session, change)
        irregular = irregular and not settled
        for other in settled - {change.original}:
            for row in session.rows(_STATE_OF, receiver=change.receiver, message=other):
                moved, _ = advance(delivery_of(row).state, event)
                session.rows(_SET_STATE, whose=change.receiver, original=other, code=change.code, next=moved)
    values = status_values(change) | {"irregular": int(irregular)}
    session.rows(_INSERT_STATUS, **values)
    session.rows(_SET_STATE, whose=change.receiver, original=change.original, code=change.code, next=following)
