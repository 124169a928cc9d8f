"""The store of authorities with their terms; see `ports.Authorities`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from exchange.core.audit import AuditEvent, Author
from exchange.core.authorities import Authority, Change, Role, describe_terms
from exchange.core.model import PartyId
from exchange.storage.parties import named, note
from exchange.storage.revisions import advance
from exchange.storage.schema import PARTY_CERTIFICATES, TRUST_CERTIFICATES
from exchange.storage.session import Database, Session, micros, moment
from trust_store.certificate import Certificate, load
from trust_store.evidence import USUAL, Asking, Terms
from trust_store.identity import PartyKind
from trust_store.policy import Use

_T = TRUST_CERTIFICATES.c
_ALL = select(_T.role, _T.terms, _T.der)
_ONE = select(_T.role, _T.terms).where(_T.fingerprint == bindparam("fingerprint"))
_INSERT = insert(TRUST_CERTIFICATES)
_DELETE = delete(TRUST_CERTIFICATES).where(_T.fingerprint == bindparam("which"))
_REGISTERED = select(PARTY_CERTIFICATES.c.party, PARTY_CERTIFICATES.c.der).order_by(PARTY_CERTIFICATES.c.party)


class AuthorityStore:
    """Keep the authorities."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Authority]:
        """List the authorities, anchors first, each kind by name."""
        rows = await self._database.read(lambda session: session.rows(_ALL))
        found = [
            Authority(certificate=load(der), role=Role(role), terms=read_terms(terms)) for role, terms, der in rows
        ]
        return sorted(found, key=lambda each: (each.role, each.certificate.subject, each.certificate.fingerprint))

    async def apply(self, changes: Sequence[Change], by: Author) -> None:
        """Make all changes or none; what is as it should be already changes nothing."""

        def unit(session: Session) -> None:
            for change in changes:
                _apply(session, change, by)

        await self._database.transact(unit)

    async def registered(self) -> Sequence[tuple[PartyId, Certificate]]:
        """List the certificates that are registered for parties, with whose they are."""
        rows = await self._database.read(lambda session: session.rows(_REGISTERED))
        return [(PartyId(party), load(der)) for party, der in rows]


def read_terms(written: str) -> Terms:
    """Read terms from their column; nothing written means as usual."""
    if not written:
        return USUAL
    read = json.loads(written)
    return Terms(
        kinds=frozenset(PartyKind(each) for each in read["kinds"]),
        uses=frozenset(Use(each) for each in read["uses"]),
        asking=Asking(read["asking"]),
        since=_moment(read["since"]),
        until=_moment(read["until"]),
    )


def _write_terms(terms: Terms) -> str:
    if terms == USUAL:
        return ""
    written = {
        "kinds": sorted(terms.kinds),
        "uses": sorted(terms.uses),
        "asking": terms.asking,
        "since": None if terms.since is None else micros(terms.since),
        "until": None if terms.until is None else micros(terms.until),
    }
    return json.dumps(written)


def _apply(session: Session, change: Change, by: Author) -> None:
    certificate, terms = change.certificate, _write_terms(change.terms)
    known = session.rows(_ONE, fingerprint=certificate.fingerprint)
    wanted = [] if change.role is None else [(change.role, terms)]
    if [tuple(row) for row in known] == wanted:
        return
    session.rows(_DELETE, which=certificate.fingerprint)
    if change.role is None:
        note(session, AuditEvent.AUTHORITY_REMOVED, str(known[0][0]), named(certificate), by)
    else:
        values = {"fingerprint": certificate.fingerprint, "der": certificate.der, "added_at": micros(by.at)}
        session.rows(_INSERT, role=change.role, terms=terms, **values)
        detail = f"{named(certificate)}; {describe_terms(change.terms)}"
        note(session, AuditEvent.AUTHORITY_TRUSTED, change.role, detail, by)
    advance(session, "trust")


def _moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)
