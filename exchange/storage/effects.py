"""What senders ask about documents that are out, and what each receiver answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, insert, or_, select, update

from exchange.core.model import Delivery, Effect, MessageKey, StatusChange
from exchange.storage.rows import effect_of, effect_values
from exchange.storage.schema import EFFECTS
from exchange.storage.session import Database, Session, micros

_E = EFFECTS.c
_INSERT = insert(EFFECTS)
_OPEN = select(EFFECTS).where(
    _E.receiver == bindparam("receiver"),
    _E.answer == "",
    or_(_E.original == bindparam("about"), _E.message == bindparam("about")),
)
_ANSWER = (
    update(EFFECTS)
    .where(_E.sender == bindparam("whose"), _E.original == bindparam("which"))
    .where(_E.receiver == bindparam("by"), _E.answer == "")
    .values(answer=bindparam("code"), answered_at=bindparam("when"))
)
_ABOUT = (
    select(EFFECTS)
    .where(or_(_E.original == bindparam("key"), _E.message == bindparam("key")))
    .order_by(_E.at, _E.receiver)
)


def ask(session: Session, effect: Effect, delivery: Delivery) -> None:
    """Record what is asked of one receiver, with how far that receiver had come."""
    known = replace(
        effect,
        fetched_at=delivery.fetched_at,
        fetched_by=delivery.fetched_by,
        handed_over_at=delivery.handed_over_at,
    )
    session.rows(_INSERT, **effect_values(known))


def answer(session: Session, change: StatusChange) -> set[MessageKey]:
    """Settle all that waits for this receiver's answer, whether it names the document or the one that asks.

    Returns the documents that were asked about and the ones that asked.
    """
    waiting = [effect_of(row) for row in session.rows(_OPEN, receiver=change.receiver, about=change.original)]
    settled: set[MessageKey] = set()
    for effect in waiting:
        session.rows(
            _ANSWER,
            whose=effect.sender,
            which=effect.original,
            by=effect.receiver,
            code=change.code,
            when=micros(change.at),
        )
        settled |= {effect.original, effect.message}
    return settled


class EffectStore:
    """Read what was asked and answered; see `ports.Effects`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def about(self, key: MessageKey) -> Sequence[Effect]:
        """List what was asked about a document, and what it asks about others."""
        rows = await self._database.look(lambda session: session.rows(_ABOUT, key=key))
        return [effect_of(row) for row in rows]
