"""The store of what the hub trusts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from exchange.core.audit import AuditEvent, Author
from exchange.core.revoking import Kind
from exchange.storage.authorities import read_terms
from exchange.storage.parties import named, note
from exchange.storage.revisions import advance, revisions_of
from exchange.storage.revocation import BYTES, CURRENT
from exchange.storage.revocation import NAME as SAID
from exchange.storage.schema import REVOCATIONS, TRUST_CERTIFICATES
from exchange.storage.session import Database, Session, micros, moment
from trust_store.certificate import Certificate, load
from trust_store.evidence import Evidence, Revocation, Terms
from trust_store.revocation.answers import OcspAnswer, load_answer
from trust_store.revocation.lists import RevocationList, load_list
from trust_store.revocation.memory import Standings

_NAME = "trust"
_Said = RevocationList | OcspAnswer
_T = TRUST_CERTIFICATES.c
_TRUSTED = select(_T.role, _T.terms, _T.der).order_by(_T.fingerprint)
_KNOWN = select(TRUST_CERTIFICATES.c.role).where(TRUST_CERTIFICATES.c.fingerprint == bindparam("fingerprint"))
_INSERT_TRUSTED = insert(TRUST_CERTIFICATES)
_DELETE_TRUSTED = delete(TRUST_CERTIFICATES).where(TRUST_CERTIFICATES.c.fingerprint == bindparam("which"))
_REVOKED = select(REVOCATIONS.c.signed_part, REVOCATIONS.c.at, REVOCATIONS.c.why)
_DELETE_REVOCATION = delete(REVOCATIONS).where(REVOCATIONS.c.signed_part == bindparam("which"))
_INSERT_REVOCATION = insert(REVOCATIONS)


class TrustStore:
    """Know the anchors, intermediates and what is said of revocations; see `ports.TrustMaterial` and `ports.Registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[tuple[int, int], Evidence] | None = None
        self._said: dict[str, _Said] = {}
        self._one = asyncio.Lock()

    async def evidence(self) -> Evidence:
        """Return what the judge may rely on, read anew only when it was changed; of lists and answers, the new ones only."""
        revisions = await self._database.look(lambda session: revisions_of(session, _NAME, SAID))
        if self._known is not None and self._known[0] == revisions:
            return self._known[1]
        async with self._one:
            return await self._read(revisions)

    async def _read(self, revisions: tuple[int, int]) -> Evidence:
        """Read what changed; of many who ask at once, the first one reads for all."""
        known = self._known
        if known is not None and known[0] == revisions:
            return known[1]
        if known is None or known[0][0] != revisions[0]:
            evidence = await self._database.read(_evidence)
        else:
            evidence = known[1]
        self._said = await self._database.read(lambda session: _read_said(session, self._said))
        found = _with(evidence, self._said.values())
        self._known = revisions, found
        return found

    async def trust(self, certificate: Certificate, role: str, now: datetime, by: Author | None = None) -> None:
        """Trust an authority as `anchor` or know it as `intermediate`; the same again changes nothing."""

        def unit(session: Session) -> None:
            known = session.rows(_KNOWN, fingerprint=certificate.fingerprint)
            if not known or known[0][0] != role:
                session.rows(_DELETE_TRUSTED, which=certificate.fingerprint)
                values = {"fingerprint": certificate.fingerprint, "der": certificate.der, "added_at": micros(now)}
                session.rows(_INSERT_TRUSTED, role=role, terms="", **values)
                note(session, AuditEvent.AUTHORITY_TRUSTED, role, named(certificate), by)
                advance(session, _NAME)

        await self._database.transact(unit)

    async def revoke(self, revocation: Revocation, by: Author | None = None) -> None:
        """Put a certificate on the local revocation list."""

        def unit(session: Session) -> None:
            session.rows(_DELETE_REVOCATION, which=revocation.signed_part)
            values = {"signed_part": revocation.signed_part, "at": micros(revocation.at), "why": revocation.why}
            session.rows(_INSERT_REVOCATION, **values)
            detail = f"from {revocation.at:%Y-%m-%d %H:%M} UTC: {revocation.why}"
            note(session, AuditEvent.CERTIFICATE_REVOKED, f"signed part {revocation.signed_part}", detail, by)
            advance(session, _NAME)

        await self._database.transact(unit)


def _read_said(session: Session, known: Mapping[str, _Said]) -> dict[str, _Said]:
    """Read what authorities say, except for what is known already, whose bytes cannot have changed."""
    said: dict[str, _Said] = {}
    for digest, kind, _ in session.rows(CURRENT):
        if digest in known:
            said[digest] = known[digest]
        else:
            der = session.rows(BYTES, digest=digest)[0][0]
            said[digest] = load_answer(der) if kind == Kind.ANSWER else load_list(der)
    return said


def _with(evidence: Evidence, said: Iterable[_Said]) -> Evidence:
    """Put in what authorities say now; paths do not depend on it and stay known, what followed from it is forgotten."""
    lists = tuple(each for each in said if isinstance(each, RevocationList))
    answers = tuple(each for each in said if isinstance(each, OcspAnswer))
    return replace(evidence, lists=lists, answers=answers, standings=Standings())


def _evidence(session: Session) -> Evidence:
    trusted: dict[str, list[Certificate]] = {"anchor": [], "intermediate": []}
    terms: dict[str, Terms] = {}
    for role, written, der in session.rows(_TRUSTED):
        certificate = load(der)
        trusted[role].append(certificate)
        if written:
            terms[certificate.fingerprint] = read_terms(written)
    revoked = [
        Revocation(signed_part=signed_part, at=moment(at), why=why) for signed_part, at, why in session.rows(_REVOKED)
    ]
    return Evidence(
        anchors=tuple(trusted["anchor"]),
        intermediates=tuple(trusted["intermediate"]),
        terms=terms,
        revoked=tuple(revoked),
    )
