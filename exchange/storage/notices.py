"""The store of notices and of the mail that carries them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, or_, select, update

from exchange.core.audit import Author
from exchange.core.model import PartyId
from exchange.core.notices import Addresses, Mail, Notice, NoticeId, NoticeKind, Wording
from exchange.storage.parties import read_party
from exchange.storage.schema_notices import MAILS, NOTICES
from exchange.storage.session import Database, Row, Session, micros, moment

WAITING, SENT, FAILED = "waiting", "sent", "failed"
_EVER: Final = 2**62
_N, _M = NOTICES.c, MAILS.c
_WIDTH = len(NOTICES.columns)
_KNOWN = select(_N.id).where(_N.party == bindparam("party"), _N.id == bindparam("id"))
_WARNED = (
    select(_N.id)
    .where(_N.party == bindparam("party"), _N.subject == bindparam("subject"), _N.kind == bindparam("kind"))
    .where(_N.stage <= bindparam("stage"))
    .limit(1)
)
_INSERT, _INSERT_MAIL = insert(NOTICES), insert(MAILS)
_ONE = select(NOTICES).where(_N.party == bindparam("party"), _N.id == bindparam("id"))
_PAGE = (
    select(NOTICES)
    .where(_N.party == bindparam("party"), or_(bindparam("unread") == 0, _N.read_at.is_(None)))
    .where(or_(_N.at < bindparam("at"), (_N.at == bindparam("at")) & (_N.id < bindparam("after"))))
    .order_by(_N.at.desc(), _N.id.desc())
    .limit(bindparam("limit"))
)
_READ = (
    update(NOTICES)
    .where(_N.party == bindparam("whose"), _N.id == bindparam("which"), _N.read_at.is_(None))
    .values(read_at=bindparam("when"), read_by=bindparam("by"))
)
_DUE = (
    select(_M.address, func.min(_M.next_at))
    .where(_M.state == WAITING, _M.next_at <= bindparam("now"))
    .group_by(_M.address)
    .order_by(func.min(_M.next_at), _M.address)
    .limit(bindparam("limit"))
)
_OF_ADDRESS = (
    select(NOTICES, _M.tries)
    .join(MAILS, (_M.party == _N.party) & (_M.notice == _N.id))
    .where(_M.state == WAITING, _M.next_at <= bindparam("now"), _M.address == bindparam("address"))
    .order_by(_N.at, _N.id)
    .limit(bindparam("most"))
)
_SET = (
    update(MAILS)
    .where(_M.party == bindparam("whose"), _M.notice == bindparam("which"), _M.address == bindparam("to"))
    .where(_M.state == WAITING)
    .values(state=bindparam("new"), tries=bindparam("count"), next_at=bindparam("then"), error=bindparam("why"))
)
_STATES = select(_M.state, func.count()).where(_M.state != SENT).group_by(_M.state)
MANY: Final = 100
"""How many notices go in one mail; the next mail has the next ones."""


def insert_notices(session: Session, notices: Iterable[Notice], addresses: Addresses) -> int:
    """Keep notices that are new, with a mail to each address, in the transaction of what they tell of."""
    added = 0
    for notice in notices:
        if not _is_told(session, notice):
            session.rows(_INSERT, **_values(notice))
            for address in _addresses(session, notice.party, addresses):
                _queue(session, notice, address)
            added += 1
    return added


def count_mails(session: Session) -> Mapping[str, int]:
    """Count the mails that wait, and those that were given up."""
    return {str(state): int(count) for state, count in session.rows(_STATES)}


class NoticeStore:
    """Keep notices; see `ports.Notices`."""

    def __init__(self, database: Database, addresses: Addresses) -> None:
        self._database, self._addresses = database, addresses

    async def add(self, notices: Sequence[Notice]) -> int:
        """Keep notices that are new; return how many were."""
        if not notices or not await self._database.read(lambda session: _any_new(session, notices)):
            return 0
        return await self._database.transact(
            lambda session: insert_notices(session, notices, self._addresses), heavy=True
        )

    async def page(self, party: PartyId, *, unread: bool, after: NoticeId | None, limit: int) -> Sequence[Notice]:
        """List the notices to a party, newest first."""

        def unit(session: Session) -> Sequence[Row]:
            anchor = session.rows(_ONE, party=party, id=after) if after else ()
            at = micros(_notice(anchor[0]).at) if anchor else _EVER
            return session.rows(_PAGE, party=party, unread=int(unread), at=at, after=after or "", limit=limit)

        return [_notice(row) for row in await self._database.read(unit)]

    async def read(self, party: PartyId, key: NoticeId, by: Author) -> Notice | None:
        """Mark a notice as read."""

        def unit(session: Session) -> Sequence[Row]:
            session.rows(_READ, whose=party, which=key, when=micros(by.at), by=by.actor)
            return session.rows(_ONE, party=party, id=key)

        rows = await self._database.transact(unit)
        return _notice(rows[0]) if rows else None

    async def claim(self, now: datetime, until: datetime, limit: int) -> Sequence[Mail]:
        """Take the mail that is due."""
        due = {"now": micros(now), "limit": limit}
        if not await self._database.look(lambda session: session.rows(_DUE, **(due | {"limit": 1}))):
            return []

        def unit(session: Session) -> Sequence[Mail]:
            found = [_mail(session, address, due["now"]) for address, _ in session.rows(_DUE, **due)]
            for mail in found:
                _settle(session, mail, state=WAITING, tries=mail.tries, then=until, error="")
            return found

        return await self._database.transact(unit, heavy=True)

    async def settle(self, mail: Mail, error: str, again: datetime | None) -> None:
        """Record what came of a mail."""
        state = SENT if not error else FAILED if again is None else WAITING

        def unit(session: Session) -> None:
            _settle(session, mail, state=state, tries=mail.tries + 1, then=again, error=error)

        await self._database.transact(unit, heavy=True)


def _any_new(session: Session, notices: Sequence[Notice]) -> bool:
    return not all(_is_told(session, notice) for notice in notices)


def _is_told(session: Session, notice: Notice) -> bool:
    if session.rows(_KNOWN, party=notice.party, id=notice.id):
        return True
    if notice.kind is not NoticeKind.CERTIFICATE_ENDING:
        return False
    values: dict[str, Any] = {"kind": notice.kind.value, "stage": notice.stage}
    return bool(session.rows(_WARNED, party=notice.party, subject=notice.subject, **values))


def _addresses(session: Session, party: PartyId, addresses: Addresses) -> Sequence[str]:
    if not addresses.enabled:
        return ()
    if party == addresses.hub:
        return addresses.administrators
    found = read_party(session, party)
    return list(dict.fromkeys(contact.email for contact in found.contacts if contact.email)) if found else ()


def _queue(session: Session, notice: Notice, address: str) -> None:
    values: dict[str, object] = {"state": WAITING, "tries": 0, "next_at": micros(notice.at), "error": ""}
    session.rows(_INSERT_MAIL, party=notice.party, notice=notice.id, address=address, **values)


def _mail(session: Session, address: str, now: int) -> Mail:
    rows = session.rows(_OF_ADDRESS, now=now, address=address, most=MANY)
    return Mail(
        address=address,
        notices=tuple(_notice(row[:_WIDTH]) for row in rows),
        tries=max(int(row[_WIDTH]) for row in rows),
    )


def _settle(session: Session, mail: Mail, *, state: str, tries: int, then: datetime | None, error: str) -> None:
    values = {"new": state, "count": tries, "then": micros(then) if then else 0, "why": error}
    session.many(_SET, [{"whose": each.party, "which": each.id, "to": mail.address, **values} for each in mail.notices])


def _notice(row: Row) -> Notice:
    party, key, kind, subject, stage, at, title_vi, title_en, text_vi, text_en, read_at, read_by = row
    return Notice(
        party=party,
        id=key,
        kind=NoticeKind(kind),
        subject=subject,
        stage=stage,
        at=moment(at),
        title=Wording(vi=title_vi, en=title_en),
        text=Wording(vi=text_vi, en=text_en),
        read_at=None if read_at is None else moment(read_at),
        read_by=read_by,
    )


def _values(notice: Notice) -> dict[str, object]:
    return {
        "party": notice.party,
        "id": notice.id,
        "kind": notice.kind.value,
        "subject": notice.subject,
        "stage": notice.stage,
        "at": micros(notice.at),
        "title_vi": notice.title.vi,
        "title_en": notice.title.en,
        "text_vi": notice.text.vi,
        "text_en": notice.text.en,
        "read_at": None,
        "read_by": "",
    }
