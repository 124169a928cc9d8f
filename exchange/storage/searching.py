"""The statements that look through a mailbox: one for each part of it, each built once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, or_, select

from exchange.core.finding import Box, Search
from exchange.core.words import fold, has_marks, normalise_text
from exchange.storage.schema import DELIVERIES, MESSAGES
from exchange.storage.session import micros

_M, _D = MESSAGES.c, DELIVERIES.c
_EVER: Final = 2**62
_ESCAPE: Final = "\\"


def _optional(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return or_(bindparam(name) == "", column == bindparam(name))


_DESCRIBED = and_(
    _optional(_M.kind, "kind"),
    or_(bindparam("business") < 0, _M.business == bindparam("business")),
    _optional(_M.number, "number"),
    _optional(_M.notation, "notation"),
    _optional(_M.message_id, "document_id"),
    _M.searched.like(bindparam("written"), escape=_ESCAPE),
    _M.folded.like(bindparam("folded"), escape=_ESCAPE),
    _M.promulgated >= bindparam("issued_since"),
    or_(bindparam("issued_until") == "", _M.promulgated <= bindparam("issued_until")),
)
_WAITS = and_(_D.handed_over_at.is_(None), _D.held == "")
_LEASED_NOW = and_(_WAITS, _D.leased_until > bindparam("now"))
_BOXES: Final[Mapping[Box, ColumnElement[bool]]] = {
    Box.WAITING: _WAITS,
    Box.LEASED: _LEASED_NOW,
    Box.RECEIVED: and_(_D.handed_over_at.is_not(None), _D.archived_at.is_(None)),
    Box.OPEN: _D.archived_at.is_(None),
    Box.ARCHIVED: _D.archived_at.is_not(None),
    Box.HELD: _D.held != "",
    Box.ALL: _D.receiver == bindparam("party"),
}
_INBOX = (
    select(DELIVERIES, MESSAGES)
    .join(MESSAGES, _M.key == _D.message)
    .where(_D.receiver == bindparam("party"), _optional(_D.sender, "other"), _optional(_D.state, "state"), _DESCRIBED)
    .where(
        or_(
            _D.consigned_at > bindparam("after_at"),
            and_(_D.consigned_at == bindparam("after_at"), _D.key > bindparam("after")),
        )
    )
    .where(_D.consigned_at >= bindparam("since"), _D.consigned_at < bindparam("until"))
    .order_by(_D.consigned_at, _D.key)
    .limit(bindparam("limit"))
)
INBOX: Final[Mapping[Box, Select[Any]]] = {box: _INBOX.where(condition) for box, condition in _BOXES.items()}
_TO_OTHER = exists().where(
    _D.message == _M.key,
    or_(bindparam("other") == "", _D.receiver == bindparam("other")),
    or_(bindparam("state") == "", _D.state == bindparam("state")),
)
_SENT = (
    select(MESSAGES)
    .where(_M.sender == bindparam("party"), _DESCRIBED, _TO_OTHER)
    .where(
        or_(
            _M.submitted_at < bindparam("after_at"),
            and_(_M.submitted_at == bindparam("after_at"), _M.key < bindparam("after")),
        )
    )
    .where(_M.submitted_at >= bindparam("since"), _M.submitted_at < bindparam("until"))
    .order_by(_M.submitted_at.desc(), _M.key.desc())
    .limit(bindparam("limit"))
)
SENT: Final[Mapping[Box, Select[Any]]] = {
    Box.OPEN: _SENT.where(_M.archived_at.is_(None)),
    Box.ARCHIVED: _SENT.where(_M.archived_at.is_not(None)),
    Box.ALL: _SENT,
}
COUNT_INBOX = select(
    func.count(case((_WAITS, 1))),
    func.count(case((_LEASED_NOW, 1))),
    func.count(case((and_(_D.handed_over_at.is_not(None), _D.archived_at.is_(None)), 1))),
    func.count(case((_D.archived_at.is_not(None), 1))),
    func.count(case((_D.held != "", 1))),
).where(_D.receiver == bindparam("party"))
COUNT_SENT = select(func.count()).where(_M.sender == bindparam("party"), _M.kind == "letter")


def arguments(search: Search) -> dict[str, object]:
    """Give the values of the statements' parameters for a search, except for its place in the pages."""
    marked = has_marks(search.text)
    return {
        "kind": search.kind,
        "business": -1 if search.business is None else search.business,
        "other": search.other,
        "number": search.number,
        "notation": search.notation,
        "document_id": search.document_id,
        "state": search.state,
        "written": _pattern(normalise_text(search.text)) if marked else "%",
        "folded": "%" if marked else _pattern(fold(search.text)),
        "since": micros(search.since) if search.since else 0,
        "until": micros(search.until) if search.until else _EVER,
        "issued_since": search.issued_since,
        "issued_until": search.issued_until,
        "after": search.after,
        "limit": search.limit,
    }


def _pattern(part: str) -> str:
    for sign in (_ESCAPE, "%", "_"):
        part = part.replace(sign, _ESCAPE + sign)
    return f"%{part}%"
