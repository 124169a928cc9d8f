"""The store of tokens, of which it knows the SHA-256 alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from exchange.core.access import PARTY_SCOPES, Scope, Token, describe_scopes
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.model import Party, PartyId
from exchange.core.ports.access import MOST, TOO_MANY
from exchange.errors import NOT_FOUND
from exchange.storage.audit import insert_audit
from exchange.storage.parties import read_party
from exchange.storage.revisions import advance, revisions_of
from exchange.storage.schema import TOKENS
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.errors import Refused

_NAME, _DIRECTORY = "tokens", "directory"
_REMEMBERED = 10_000
_T = TOKENS.c
_SHOWN = (_T.id, _T.party, _T.label, _T.scopes, _T.created_at, _T.expires_at, _T.revoked_at, _T.lifetime, _T.person)
_LIVE = (_T.expires_at > bindparam("now"), _T.revoked_at.is_(None))
_BY_DIGEST = select(*_SHOWN).where(_T.digest == bindparam("digest"))
_BY_ID = select(*_SHOWN).where(_T.id == bindparam("id")).order_by(_T.created_at)
_OF_PARTY = select(*_SHOWN).where(_T.party == bindparam("party")).order_by(_T.created_at, _T.id)
_LIVE_OF_PARTY = select(_T.id).where(_T.party == bindparam("party"), *_LIVE).limit(MOST + 1)
_INSERT = insert(TOKENS)
_END = (
    update(TOKENS)
    .where(_T.party == bindparam("whose"), _T.id == bindparam("which"))
    .values(expires_at=bindparam("end"))
)
_REVOKE = (
    update(TOKENS)
    .where(_T.party == bindparam("whose"), _T.id == bindparam("which"))
    .values(revoked_at=bindparam("end"))
)


class TokenStore:
    """Keep tokens; see `ports.Tokens`.

    Every request shows one, so those that were shown are remembered with their parties until a token or a party changes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revisions = (0, 0)
        self._known: dict[bytes, tuple[Token, Party | None]] = {}

    async def holder(self, digest: bytes, now: datetime) -> tuple[Token, Party | None] | None:
        """Return a token that is in force, by its SHA-256, and its party if one is registered."""

        found = await self._database.look(lambda session: self._look(session, digest))
        return found if found and found[0].revoked_at is None and found[0].expires_at > now else None

    def _look(self, session: Session, digest: bytes) -> tuple[Token, Party | None] | None:
        """Find a token, in memory if neither tokens nor parties were changed since it was read."""
        revisions = revisions_of(session, _NAME, _DIRECTORY)
        if revisions != self._revisions or len(self._known) >= _REMEMBERED:
            self._revisions, self._known = revisions, {}
        if digest not in self._known:
            rows = session.rows(_BY_DIGEST, digest=digest)
            if not rows:
                return None
            self._known[digest] = _token(rows[0]), read_party(session, rows[0][1])
        return self._known[digest]

    async def all(self, party: PartyId) -> Sequence[Token]:
        """List the tokens of a party, oldest first."""
        rows = await self._database.read(lambda session: session.rows(_OF_PARTY, party=party))
        return [_token(row) for row in rows]

    async def find(self, token: str) -> Token:
        """Return a token by its id."""
        return await self._database.read(lambda session: _find(session, token))

    async def add(self, token: Token, digest: bytes, by: Author) -> None:
        """Keep a new token."""

        def unit(session: Session) -> None:
            _insert(session, token, digest, by)
            detail = f"{token.label}: {describe_scopes(token.scopes)}, until {token.expires_at:%Y-%m-%d %H:%M} UTC"
            _note(session, AuditEvent.TOKEN_CREATED, token, detail, by)

        await self._database.transact(unit)

    async def rotate(self, old: Token, new: Token, digest: bytes, until: datetime, by: Author) -> Token:
        """Keep a new token, and let the old one end soon."""

        def unit(session: Session) -> Token:
            found = _find(session, old.id)
            if found.revoked_at is not None or found.expires_at <= by.at:
                raise Refused(NOT_FOUND, f"The token {old.id} has ended")
            end = min(until, found.expires_at)
            _insert(session, new, digest, by)
            session.rows(_END, whose=found.party, which=found.id, end=micros(end))
            detail = f"{new.label}: replaced by {new.id}, ends {end:%Y-%m-%d %H:%M} UTC"
            _note(session, AuditEvent.TOKEN_ROTATED, found, detail, by)
            return _find(session, found.id)

        return await self._database.transact(unit)

    async def revoke(self, token: str, by: Author) -> Token:
        """End a token now."""

        def unit(session: Session) -> Token:
            found = _find(session, token)
            if found.revoked_at is None:
                session.rows(_REVOKE, whose=found.party, which=found.id, end=micros(by.at))
                _note(session, AuditEvent.TOKEN_REVOKED, found, found.label, by)
            return _find(session, token)

        return await self._database.transact(unit)


def _insert(session: Session, token: Token, digest: bytes, by: Author) -> None:
    if len(session.rows(_LIVE_OF_PARTY, party=token.party, now=micros(by.at))) >= MOST:
        raise Refused(TOO_MANY, f"{token.party} has {MOST} tokens")
    values = {"label": token.label, "scopes": describe_scopes(token.scopes), "id": token.id, "revoked_at": None}
    values["person"] = token.person
    times = {"created_at": micros(token.created_at), "expires_at": micros(token.expires_at)}
    lifetime = None if token.lifetime is None else token.lifetime // timedelta(microseconds=1)
    session.rows(_INSERT, party=token.party, digest=digest, lifetime=lifetime, **values, **times)


def _note(session: Session, event: AuditEvent, token: Token, detail: str, by: Author) -> None:
    """Audit a change, and let every process forget what it remembers of tokens."""
    advance(session, _NAME)
    subject = f"{token.party} token {token.id}"
    insert_audit(session, AuditEntry(event=event, actor=by.actor, subject=subject, detail=detail), by.at)


def _find(session: Session, token: str) -> Token:
    rows = session.rows(_BY_ID, id=token)
    if not rows:
        raise Refused(NOT_FOUND, "There is no such token")
    return _token(rows[0])


def _token(row: Row) -> Token:
    """Read a row; a token without stated scopes is older than scopes, and opens what a party does."""
    key, party, label, scopes, created, expires, revoked, lifetime, person = row
    return Token(
        id=key,
        party=PartyId(party),
        label=label,
        scopes=frozenset(Scope(item) for item in scopes.split()) or PARTY_SCOPES,
        created_at=moment(created),
        expires_at=moment(expires),
        revoked_at=moment(revoked) if revoked is not None else None,
        lifetime=timedelta(microseconds=lifetime) if lifetime is not None else None,
        person=person,
    )
