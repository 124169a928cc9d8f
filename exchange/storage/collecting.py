"""The statements by which a connected system collects what waits for its parties, and follows what they sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, bindparam, case, func, or_, select

from exchange.core.holding import Held
from exchange.core.model import Delivery, DeliveryKey, Entry, Kind, MessageKey, Transport
from exchange.core.systems import Collect, SystemId
from exchange.storage.rows import DELIVERY_WIDTH, delivery_of, message_of
from exchange.storage.schema import DELIVERIES, MESSAGES
from exchange.storage.schema_access import SYSTEM_PARTIES
from exchange.storage.session import Row, Session, micros

_EVER: Final = 2**62
_M, _D, _P = MESSAGES.c, DELIVERIES.c, SYSTEM_PARTIES.c
_PARTIES = select(_P.party).where(_P.system == bindparam("system"))
_JOINED = select(DELIVERIES, MESSAGES).join(MESSAGES, _M.key == _D.message)
_WAITING = and_(_D.receiver.in_(_PARTIES), _D.handed_over_at.is_(None), _D.held == "", _M.kind == bindparam("kind"))
_SHOWN = or_(_D.held == "", _D.held == Held.SUSPECT.value)
_FAILED = case((_D.transport == Transport.FAIL.value, 1), else_=0)
_OPEN = _JOINED.where(_WAITING).order_by(_FAILED, _D.consigned_at, _D.key)
_WITHIN = (
    _JOINED.where(_D.receiver.in_(_PARTIES), _M.kind == bindparam("kind"), _SHOWN)
    .where(_D.consigned_at >= bindparam("since"), _D.consigned_at < bindparam("until"))
    .order_by(_D.consigned_at, _D.key)
)
_SENT = (
    _JOINED.where(_M.sender.in_(_PARTIES), _M.kind == bindparam("kind"))
    .where(_M.submitted_at >= bindparam("since"), _M.submitted_at < bindparam("until"))
    .order_by(_M.submitted_at.desc(), _M.key, _D.receiver)
)
_OF_MESSAGE = _JOINED.where(_M.key == bindparam("message"), _M.sender.in_(_PARTIES)).order_by(_D.receiver)
_COUNT = select(func.count()).select_from(DELIVERIES.join(MESSAGES, _M.key == _D.message)).where(_WAITING)
_FIND = select(DELIVERIES).where(_D.receiver.in_(_PARTIES), _D.key == bindparam("key"))
_OPEN_PAGE, _WITHIN_PAGE, _SENT_PAGE, _MESSAGE_PAGE = (
    statement.limit(bindparam("limit")).offset(bindparam("offset"))
    for statement in (_OPEN, _WITHIN, _SENT, _OF_MESSAGE)
)


def collect(session: Session, system: SystemId, wanted: Collect) -> Sequence[Entry]:
    """List what waits for the parties of a system, or everything within a time."""
    page = {"system": system, "kind": wanted.kind.value, "limit": wanted.limit, "offset": wanted.offset}
    if wanted.since is None and wanted.until is None:
        return _entries(session.rows(_OPEN_PAGE, **page))
    return _entries(session.rows(_WITHIN_PAGE, **page, **_within(wanted)))


def count(session: Session, system: SystemId, kind: Kind) -> int:
    """Count what waits for the parties of a system."""
    return int(session.rows(_COUNT, system=system, kind=kind.value)[0][0])


def find(session: Session, system: SystemId, key: DeliveryKey) -> Delivery | None:
    """Find a delivery to one of the parties of a system."""
    rows = session.rows(_FIND, system=system, key=key)
    return delivery_of(rows[0]) if rows else None


def sent(session: Session, system: SystemId, wanted: Collect, key: MessageKey | None) -> Sequence[Entry]:
    """List the deliveries of what the parties of a system sent."""
    page = {"system": system, "limit": wanted.limit, "offset": wanted.offset}
    if key is not None:
        return _entries(session.rows(_MESSAGE_PAGE, **page, message=key))
    return _entries(session.rows(_SENT_PAGE, **page, kind=wanted.kind.value, **_within(wanted)))


def _within(wanted: Collect) -> dict[str, int]:
    return {
        "since": micros(wanted.since) if wanted.since else 0,
        "until": micros(wanted.until) if wanted.until else _EVER,
    }


def _entries(rows: Sequence[Row]) -> list[Entry]:
    return [Entry(delivery=delivery_of(row[:DELIVERY_WIDTH]), message=message_of(row[DELIVERY_WIDTH:])) for row in rows]
