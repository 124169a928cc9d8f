"""The store of what is held back because a key was lost; each decision is one transaction, with whom it tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, insert, select, update

from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.holding import Held
from exchange.core.model import MessageKey, PartyId, Remark, Statement
from exchange.core.notices import Addresses, Notice
from exchange.core.quarantine import (
    RELEASED,
    REMARK,
    WITHDRAWN,
    Affected,
    Compromise,
    Declaration,
    tell_compromised,
    tell_released,
    tell_withdrawn,
)
from exchange.errors import NOT_FOUND
from exchange.storage.audit import insert_audit
from exchange.storage.evidence import insert_statement
from exchange.storage.notices import insert_notices
from exchange.storage.revisions import advance
from exchange.storage.rows import remark_values
from exchange.storage.schema import DELIVERIES, MESSAGES, REMARKS, REVOCATIONS
from exchange.storage.schema_notices import TERMS
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused

_M, _D, _T, _R, _K = MESSAGES.c, DELIVERIES.c, TERMS.c, REVOCATIONS.c, REMARKS.c
_NAMED = select(_T.signed_part, _T.subject, _T.party).where(_T.fingerprint == bindparam("fingerprint"))
_SAME = select(_T.fingerprint, _T.party).where(_T.signed_part == bindparam("part"))
_REVOKED = select(_R.at).where(_R.signed_part == bindparam("part"))
_DELETE_REVOCATION = delete(REVOCATIONS).where(_R.signed_part == bindparam("which"))
_INSERT_REVOCATION, _INSERT_REMARK = insert(REVOCATIONS), insert(REMARKS)
_COLUMNS = (
    *(_M.key, _M.message_id, _M.sender, _D.receiver, _M.number, _M.notation, _M.subject, _M.digest, _M.certificate),
    *(_M.submitted_at, _D.fetched_at, _D.handed_over_at, _D.held),
)
_JOINED = select(*_COLUMNS).join(DELIVERIES, _D.message == _M.key)
_DECIDED = exists(select(_K.id).where(_K.sender == _M.sender, _K.message == _M.key, _K.id == REMARK))
_SIGNED = (
    _JOINED.where(_M.certificate == bindparam("certificate"), _M.submitted_at >= bindparam("since"), ~_DECIDED)
    .where(_D.held == "")
    .order_by(_M.submitted_at, _M.key, _D.receiver)
)
_OF_MESSAGE = _JOINED.where(_M.key == bindparam("message"), _D.held != "").order_by(_D.receiver)
_HELD_KEYS = (
    select(_D.message)
    .where(_D.held != "", _D.held == Held.QUARANTINED.value, _D.message > bindparam("after"))
    .distinct()
    .order_by(_D.message)
    .limit(bindparam("limit"))
)
_PAGE = (
    _JOINED.where(_D.held != "", _D.held == Held.QUARANTINED.value, _M.key.in_(_HELD_KEYS))
    .order_by(_M.key, _D.receiver)
)  # fmt: skip
_HOLD = (
    update(DELIVERIES)
    .where(_D.receiver == bindparam("whose"), _D.message == bindparam("which"))
    .values(held=bindparam("mark"), lease=None, leased_until=None)
)


class QuarantineStore:
    """Hold messages back, and let them go; see `ports.Quarantine`."""

    def __init__(self, database: Database, addresses: Addresses) -> None:
        self._database, self._addresses = database, addresses

    async def preview(self, wanted: Declaration) -> Compromise:
        """Tell what a declaration would do."""
        return await self._database.read(lambda session: _survey(session, wanted))

    async def declare(self, wanted: Declaration, by: Author) -> Compromise:
        """Do it, whole or not at all."""

        def unit(session: Session) -> Compromise:
            found = _survey(session, wanted)
            if found.is_news:
                _revoke(session, found)
                _mark(session, found, by.at)
                text = f"since {found.since:%Y-%m-%d %H:%M} UTC; {len(found.held)} held back, "
                detail = f"{text}{len(found.handed)} handed over before: {found.why}"
                _audit(session, AuditEvent.KEY_COMPROMISED, f"{found.certificate} {found.subject}", detail, by)
                self._tell(session, tell_compromised(found, by.at, PartyId(self._addresses.hub)))
            return found

        return await self._database.transact(unit, heavy=True)

    async def page(self, after: MessageKey | None, limit: int) -> Sequence[Affected]:
        """List deliveries that are quarantined."""
        rows = await self._database.read(lambda session: session.rows(_PAGE, after=after or "", limit=limit))
        return [_affected(row) for row in rows]

    async def release(self, message: MessageKey, why: str, by: Author) -> Sequence[Affected]:
        """Let a message go on."""

        def unit(session: Session) -> Sequence[Affected]:
            found = _held(session, message, {Held.QUARANTINED, Held.SUSPECT})
            _decide(session, found, Held.NONE, RELEASED, why, by.at)
            _audit(session, AuditEvent.MESSAGE_RELEASED, message, why, by)
            self._tell(session, tell_released(found, why, by.at, PartyId(self._addresses.hub)))
            return found

        return await self._database.transact(unit, heavy=True)

    async def withdraw(
        self, message: MessageKey, why: str, by: Author, statements: Mapping[PartyId, Statement]
    ) -> Sequence[Affected]:
        """Never hand a message out."""

        def unit(session: Session) -> Sequence[Affected]:
            found = _held(session, message, {Held.QUARANTINED})
            _decide(session, found, Held.WITHDRAWN, WITHDRAWN, why, by.at)
            for each in found:
                insert_statement(session, statements[each.receiver])
            _audit(session, AuditEvent.MESSAGE_WITHDRAWN, message, why, by)
            told = [*found, *_with(session, message, Held.SUSPECT)]
            self._tell(session, tell_withdrawn(told, why, by.at, PartyId(self._addresses.hub)))
            return found

        return await self._database.transact(unit, heavy=True)

    def _tell(self, session: Session, notices: Iterable[Notice]) -> None:
        insert_notices(session, notices, self._addresses)


def _survey(session: Session, wanted: Declaration) -> Compromise:
    """Look at what a declaration concerns; a certificate is written in several ways, and all of them are meant."""
    named = session.rows(_NAMED, fingerprint=wanted.certificate)
    if not named or (wanted.party is not None and wanted.party not in {row[2] for row in named}):
        raise Refused(NOT_FOUND, "There is no such certificate of a party")
    part, subject, _ = named[0]
    same = session.rows(_SAME, part=part)
    revoked = session.rows(_REVOKED, part=part)
    affected = [
        _affected(row)
        for fingerprint in sorted({row[0] for row in same})
        for row in session.rows(_SIGNED, certificate=fingerprint, since=micros(wanted.since))
    ]
    return Compromise(
        certificate=wanted.certificate,
        signed_part=part,
        subject=subject,
        parties=tuple(sorted({PartyId(row[1]) for row in same})),
        since=wanted.since,
        why=wanted.why,
        revoked_at=moment(revoked[0][0]) if revoked else None,
        held=tuple(each for each in affected if each.handed_over_at is None),
        handed=tuple(each for each in affected if each.handed_over_at is not None),
    )


def _revoke(session: Session, found: Compromise) -> None:
    """Put the certificate on the local revocation list, from the earlier of two moments."""
    if found.revoked_at is None or found.revoked_at > found.since:
        session.rows(_DELETE_REVOCATION, which=found.signed_part)
        session.rows(_INSERT_REVOCATION, signed_part=found.signed_part, at=micros(found.since), why=found.why)
        advance(session, "trust")


def _mark(session: Session, found: Compromise, at: datetime) -> None:
    """Hold back, or mark, each delivery; each message gets one line in its timeline."""
    _hold(session, found.held, Held.QUARANTINED)
    _hold(session, found.handed, Held.SUSPECT)
    text = f"The key that signed it was declared compromised since {found.since:%Y-%m-%d %H:%M} UTC: {found.why}"
    session.many(_INSERT_REMARK, _remarks((*found.held, *found.handed), REMARK, text, at))


def _decide(session: Session, found: Sequence[Affected], held: Held, what: str, why: str, at: datetime) -> None:
    _hold(session, found, held)
    session.many(_INSERT_REMARK, _remarks(found, what, why, at))


def _hold(session: Session, found: Iterable[Affected], held: Held) -> None:
    values = [{"whose": each.receiver, "which": each.message, "mark": held.value} for each in found]
    if values:
        session.many(_HOLD, values)


def _remarks(found: Sequence[Affected], what: str, text: str, at: datetime) -> Iterator[dict[str, object]]:
    for sender, message in dict.fromkeys((each.sender, each.message) for each in found):
        yield remark_values(Remark(sender=sender, message=message, id=what, at=at, what=what, text=text))


def _held(session: Session, message: MessageKey, marks: set[Held]) -> Sequence[Affected]:
    found = [each for mark in sorted(marks) for each in _with(session, message, mark)]
    if not found:
        raise Refused(NOT_FOUND, "There is no such message in quarantine")
    return found


def _with(session: Session, message: MessageKey, mark: Held) -> list[Affected]:
    return [each for each in map(_affected, session.rows(_OF_MESSAGE, message=message)) if each.held is mark]


def _audit(session: Session, event: AuditEvent, subject: str, detail: str, by: Author) -> None:
    insert_audit(session, AuditEntry(event=event, actor=by.actor, subject=subject, detail=detail), by.at)


def _affected(row: Row) -> Affected:
    *names, submitted_at, fetched_at, handed_over_at, held = row
    key, message_id, sender, receiver, number, notation, subject, digest, certificate = names
    return Affected(
        message=key,
        message_id=message_id,
        sender=sender,
        receiver=receiver,
        number=number,
        notation=notation,
        subject=subject,
        digest=digest,
        certificate=certificate,
        submitted_at=moment(submitted_at),
        fetched_at=_moment(fetched_at),
        handed_over_at=_moment(handed_over_at),
        held=Held(held),
    )


def _moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)
