"""The store of where authorities are asked about revocations, and of the certificates that name these places."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, insert, or_, select, update

from exchange.core.revoking import FORGOTTEN, Datum, Source, Watched
from exchange.storage.schema import PARTY_CERTIFICATES
from exchange.storage.schema_trust import MET_CERTIFICATES, REVOCATION_SOURCES
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.certificate import Certificate, load

_S, _M, _P = REVOCATION_SOURCES.c, MET_CERTIFICATES.c, PARTY_CERTIFICATES.c
_SOURCE = (_S.place == bindparam("place_is"), _S.certificate == bindparam("certificate_is"))
_KNOWN_SOURCE = select(_S.wanted_at).where(*_SOURCE)
_INSERT_SOURCE = insert(REVOCATION_SOURCES)
_WANT = update(REVOCATION_SOURCES).where(*_SOURCE).values(wanted_at=bindparam("wanted"))
_NAMES = (_S.place, _S.certificate, _S.issuer, _S.authority)
_DUE = (
    select(*_NAMES)
    .where(_S.due_at <= bindparam("now"), _S.leased_until <= bindparam("now"), _S.wanted_at > bindparam("wanted"))
    .order_by(_S.due_at)
    .limit(bindparam("limit"))
)
_CLAIM = (
    update(REVOCATION_SOURCES)
    .where(*_SOURCE, _S.due_at <= bindparam("now"), _S.leased_until <= bindparam("now"))
    .values(leased_until=bindparam("until"))
    .returning(_S.failures)
)
_SUCCEED = (
    update(REVOCATION_SOURCES)
    .where(*_SOURCE)
    .values(
        leased_until=0,
        failures=0,
        reason="",
        detail="",
        due_at=bindparam("due"),
        fetched_at=bindparam("at"),
        slot=bindparam("in"),
    )
)
_FAIL = (
    update(REVOCATION_SOURCES)
    .where(*_SOURCE)
    .values(
        leased_until=0,
        failures=_S.failures + 1,
        reason=bindparam("why"),
        detail=bindparam("text"),
        due_at=bindparam("due"),
    )
)
_WATCHED = (
    select(*_NAMES, _S.wanted_at, _S.due_at, _S.fetched_at, _S.slot, _S.failures, _S.reason, _S.detail)
    .where(_S.wanted_at > bindparam("wanted"))
    .order_by(_S.place, _S.certificate)
)
_MEET = select(_M.met_at).where(_M.fingerprint == bindparam("fingerprint"))
_INSERT_MET = insert(MET_CERTIFICATES)
_MET_AGAIN = update(MET_CERTIFICATES).where(_M.fingerprint == bindparam("which")).values(met_at=bindparam("at"))
_MET_AUTHORITIES = select(_M.der).where(_M.authority == 1).order_by(_M.fingerprint)
_MET = select(_M.der).where(_M.fingerprint == bindparam("fingerprint"))
_REGISTERED = select(_P.der).where(_P.fingerprint == bindparam("fingerprint")).limit(1)
_PAGE = (
    select(_P.party, _P.fingerprint, _P.der)
    .where(
        or_(
            _P.party > bindparam("party"),
            and_(_P.party == bindparam("party"), _P.fingerprint > bindparam("fingerprint")),
        ),
        _P.added_at >= bindparam("since"),
    )
    .order_by(_P.party, _P.fingerprint)
    .limit(bindparam("limit"))
)


class SourceStore:
    """Know where authorities are asked; see `ports.Sources`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def want(self, sources: Sequence[Source], now: datetime) -> None:
        """Note that these places are named by something that matters."""

        def unit(session: Session) -> None:
            for source in sources:
                if session.rows(_KNOWN_SOURCE, **_named(source)):
                    session.rows(_WANT, wanted=micros(now), **_named(source))
                else:
                    session.rows(_INSERT_SOURCE, **_new(source, now))

        if sources:
            await self._database.transact(unit)

    async def due(self, now: datetime, limit: int) -> Sequence[Source]:
        """List the sources to ask now, the longest due first."""
        wanted, at = micros(now - FORGOTTEN), micros(now)
        rows = await self._database.read(lambda session: session.rows(_DUE, now=at, wanted=wanted, limit=limit))
        return [_source(row) for row in rows]

    async def claim(self, source: Source, now: datetime, until: datetime) -> int | None:
        """Take it on to ask a source; return how often it failed in a row."""
        values = {"now": micros(now), "until": micros(until), **_named(source)}
        rows = await self._database.transact(lambda session: session.rows(_CLAIM, **values))
        return int(rows[0][0]) if rows else None

    async def succeed(self, source: Source, datum: Datum, now: datetime, due_at: datetime) -> None:
        """Note what a source gave, and when to ask it again."""
        values = {"at": micros(now), "due": micros(due_at), "in": datum.slot, **_named(source)}
        await self._database.transact(lambda session: session.rows(_SUCCEED, **values))

    async def fail(self, source: Source, why: tuple[str, str], now: datetime, due_at: datetime) -> None:
        """Note that a source failed, and when to ask it again."""
        values = {"due": micros(due_at), "why": why[0], "text": why[1], **_named(source)}
        await self._database.transact(lambda session: session.rows(_FAIL, **values))

    async def watched(self, now: datetime) -> Sequence[Watched]:
        """List the sources that somebody named lately, with how it goes, by place."""
        wanted = micros(now - FORGOTTEN)
        return await self._database.read(
            lambda session: [_watched(row) for row in session.rows(_WATCHED, wanted=wanted)]
        )

    async def meet(self, certificates: Sequence[Certificate], now: datetime) -> None:
        """Note certificates that were met in messages."""

        def unit(session: Session) -> None:
            for each in certificates:
                if session.rows(_MEET, fingerprint=each.fingerprint):
                    session.rows(_MET_AGAIN, which=each.fingerprint, at=micros(now))
                else:
                    values = {"fingerprint": each.fingerprint, "der": each.der, "authority": int(each.is_authority)}
                    session.rows(_INSERT_MET, met_at=micros(now), **values)

        if certificates:
            await self._database.transact(unit)

    async def authorities(self) -> Sequence[Certificate]:
        """Return the authorities that were met in messages."""
        return await self._database.read(lambda session: [load(row[0]) for row in session.rows(_MET_AUTHORITIES)])

    async def certificate(self, fingerprint: str) -> Certificate | None:
        """Return a certificate that was met in a message or is registered for a party."""

        def unit(session: Session) -> Certificate | None:
            for statement in (_MET, _REGISTERED):
                for row in session.rows(statement, fingerprint=fingerprint):
                    return load(row[0])
            return None

        return await self._database.look(unit)

    async def registered(
        self, behind: tuple[str, str], limit: int, since: datetime
    ) -> Sequence[tuple[str, str, Certificate]]:
        """List certificates of parties that were registered since a moment, from behind a party and a fingerprint."""
        values = {"party": behind[0], "fingerprint": behind[1], "limit": limit, "since": micros(since)}
        return await self._database.read(
            lambda session: [(row[0], row[1], load(row[2])) for row in session.rows(_PAGE, **values)]
        )


def failing_sources(session: Session, now: datetime, failures: int) -> Sequence[Watched]:
    """List the sources that somebody named lately and that failed so often in a row."""
    rows = session.rows(_WATCHED, wanted=micros(now - FORGOTTEN))
    return [each for each in map(_watched, rows) if each.failures >= failures]


def _named(source: Source) -> dict[str, object]:
    return {"place_is": source.place, "certificate_is": source.certificate}


def _new(source: Source, now: datetime) -> dict[str, object]:
    named = {
        "place": source.place,
        "certificate": source.certificate,
        "issuer": source.issuer,
        "authority": source.authority,
    }
    state = {"leased_until": 0, "fetched_at": None, "slot": "", "failures": 0, "reason": "", "detail": ""}
    return {**named, **state, "wanted_at": micros(now), "due_at": micros(now)}


def _source(row: Row) -> Source:
    place, certificate, issuer, authority = row[:4]
    return Source(place=place, certificate=certificate, issuer=issuer, authority=authority)


def _watched(row: Row) -> Watched:
    """Read a row of a source with how it goes."""
    wanted_at, due_at, fetched_at, slot, failures, reason, detail = row[4:]
    return Watched(
        source=_source(row),
        wanted_at=moment(wanted_at),
        due_at=moment(due_at),
        fetched_at=None if fetched_at is None else moment(fetched_at),
        slot=slot,
        failures=failures,
        reason=reason,
        detail=detail,
    )
