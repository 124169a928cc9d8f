"""The store of what authorities said of revocations, and of how fresh it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, literal_column, select, update

from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.revoking import OLDER, Datum, Kept, Kind, Standing, State
from exchange.storage.audit import insert_audit
from exchange.storage.revisions import advance
from exchange.storage.schema import EVIDENCE
from exchange.storage.schema_trust import REVOCATION_DATA, REVOCATION_STANDINGS
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused

NAME: Final = "revocation"
"""Under this name the changes of what is current are counted."""
_D, _T = REVOCATION_DATA.c, REVOCATION_STANDINGS.c
_META = (_D.digest, _D.kind, _D.slot, _D.authority, _D.number, _D.this_update, _D.next_update, _D.source, _D.fetched_at)
_SUPERSEDED = (_D.superseded_by, _D.superseded_at)
CURRENT = select(_D.digest, _D.kind, _D.this_update).where(_D.superseded_at.is_(None)).order_by(_D.digest)
"""What a judge needs: digest, kind and age of each list and answer that nothing has replaced."""
BYTES = select(_D.der).where(_D.digest == bindparam("digest"))
_CURRENT = select(*_META, *_SUPERSEDED).where(_D.superseded_at.is_(None)).order_by(_D.authority, _D.slot)
_GET = select(*_META, *_SUPERSEDED, _D.der).where(_D.digest == bindparam("digest"))
_IN_SLOT = select(*_META, *_SUPERSEDED).where(_D.slot == bindparam("slot"), _D.superseded_at.is_(None))
_INSERT = insert(REVOCATION_DATA)
_SUPERSEDE = (
    update(REVOCATION_DATA)
    .where(_D.slot == bindparam("which"), _D.superseded_at.is_(None))
    .values(superseded_by=bindparam("by"), superseded_at=bindparam("at"), stood=bindparam("has_stood"))
)
_FORGET = delete(REVOCATION_DATA).where(_D.superseded_at < bindparam("before"), _D.stood == 0).returning(_D.digest)
_RETIRE = (
    update(REVOCATION_DATA)
    .where(_D.kind == Kind.ANSWER.value, _D.superseded_at.is_(None), _D.next_update < bindparam("before"))
    .values(superseded_at=bindparam("at"), stood=1)
    .returning(_D.digest)
)
_LATEST = select(EVIDENCE.c.at).order_by(literal_column("evidence.rowid").desc()).limit(1)
_STANDINGS = select(_T.authority, _T.state)
_SINCE = select(_T.authority, _T.state, _T.since).order_by(_T.authority)
_INSERT_STANDING = insert(REVOCATION_STANDINGS)
_DELETE_STANDING = delete(REVOCATION_STANDINGS).where(_T.authority == bindparam("which"))


class RevocationStore:
    """Keep what authorities said of revocations; see `ports.RevocationData`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, datum: Datum, source: str, now: datetime, by: Author | None = None) -> bool:
        """Keep a list or an answer; tell whether it is news."""
        return await self._database.transact(
            lambda session: _keep(session, datum, source, now, by), heavy=len(datum.der) > 65536
        )

    async def current(self) -> Sequence[Kept]:
        """List what nothing newer has replaced, without the bytes, by authority."""
        return await self._database.read(lambda session: [_kept(row) for row in session.rows(_CURRENT)])

    async def get(self, digest: str) -> Kept | None:
        """Return a list or an answer with its bytes."""
        rows = await self._database.read(lambda session: session.rows(_GET, digest=digest))
        return _kept(rows[0]) if rows else None

    async def note_standings(self, standings: Sequence[Standing], now: datetime) -> None:
        """Note how authorities stand, and audit where a grace period began or ended."""

        present = {each.authority: each for each in standings}
        states = {name: each.state for name, each in present.items()}
        if await self._database.read(_known_states) == states:
            return

        def unit(session: Session) -> None:
            known = _known_states(session)
            for name in known.keys() - present.keys():
                session.rows(_DELETE_STANDING, which=name)
            for name, standing in present.items():
                if known.get(name) is not standing.state:
                    _note(session, standing, known.get(name, State.FRESH), now)

        await self._database.transact(unit)

    async def forget(self, before: datetime, now: datetime) -> int:
        """Forget what was replaced before a moment while nothing was attested, and let go of old answers."""

        def unit(session: Session) -> int:
            if session.rows(_RETIRE, before=micros(before), at=micros(now)):
                advance(session, NAME)
            return len(session.rows(_FORGET, before=micros(before)))

        return await self._database.transact(unit, heavy=True)


def known_standings(session: Session) -> Sequence[tuple[str, str, int]]:
    """List how authorities stood when it was last noted: name, state, and since when."""
    return [(row[0], row[1], row[2]) for row in session.rows(_SINCE)]


def _known_states(session: Session) -> dict[str, State]:
    return {name: State(state) for name, state in session.rows(_STANDINGS)}


def _keep(session: Session, datum: Datum, source: str, now: datetime, by: Author | None) -> bool:
    if session.rows(_GET, digest=datum.digest):
        return False
    for known in (_kept(row) for row in session.rows(_IN_SLOT, slot=datum.slot)):
        if not datum.replaces(known.datum):
            text = f"Known is one of {known.datum.this_update:%Y-%m-%d %H:%M:%S} UTC, this is of"
            raise Refused(
                OLDER, f"{text} {datum.this_update:%Y-%m-%d %H:%M:%S}, or as new with other bytes", where=source
            )
        latest = session.rows(_LATEST)
        stood = bool(latest) and latest[0][0] >= micros(known.fetched_at)
        session.rows(_SUPERSEDE, which=datum.slot, by=datum.digest, at=micros(now), has_stood=int(stood))
    session.rows(_INSERT, **_values(datum, source, now))
    if by is not None:
        detail = f"{datum.kind} of {datum.this_update:%Y-%m-%d %H:%M} UTC, SHA-256 {datum.digest}"
        entry = AuditEntry(event=AuditEvent.REVOCATION_IMPORTED, actor=by.actor, subject=datum.authority, detail=detail)
        insert_audit(session, entry, by.at)
    advance(session, NAME)
    return True


def _note(session: Session, standing: Standing, before: State, now: datetime) -> None:
    session.rows(_DELETE_STANDING, which=standing.authority)
    session.rows(_INSERT_STANDING, authority=standing.authority, state=standing.state.value, since=micros(now))
    if standing.state is not before:
        begins = standing.state is State.GRACE
        event = AuditEvent.GRACE_BEGAN if begins else AuditEvent.GRACE_ENDED
        detail = (
            f"the next update was due {standing.fresh_until:%Y-%m-%d %H:%M} UTC, the grace period ends"
            f" {standing.stale_at:%Y-%m-%d %H:%M} UTC"
            if begins
            else "what is known is fresh again"
            if standing.state is State.FRESH
            else "it is over: signers whom this authority vouches for are refused"
        )
        insert_audit(session, AuditEntry(event=event, actor="hub", subject=standing.authority, detail=detail), now)


def _values(datum: Datum, source: str, now: datetime) -> dict[str, object]:
    return {
        "digest": datum.digest,
        "kind": datum.kind.value,
        "slot": datum.slot,
        "authority": datum.authority,
        "number": str(datum.number),
        "this_update": micros(datum.this_update),
        "next_update": None if datum.next_update is None else micros(datum.next_update),
        "source": source,
        "fetched_at": micros(now),
        "superseded_by": None,
        "superseded_at": None,
        "stood": 0,
        "der": datum.der,
    }


def _kept(row: Row) -> Kept:
    digest, kind, slot, authority, number, this_update, next_update, source, fetched_at, by, at, *der = row
    datum = Datum(
        digest=digest,
        kind=Kind(kind),
        slot=slot,
        authority=authority,
        number=int(number),
        this_update=moment(this_update),
        next_update=None if next_update is None else moment(next_update),
        der=der[0] if der else b"",
    )
    superseded_at = None if at is None else moment(at)
    return Kept(
        datum=datum, source=source, fetched_at=moment(fetched_at), superseded_by=by or "", superseded_at=superseded_at
    )
