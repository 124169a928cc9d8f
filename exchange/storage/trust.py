"""The store of what the hub trusts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from exchange.core.audit import AuditEvent, Author
from exchange.storage.authorities import read_terms
from exchange.storage.parties import named, note
from exchange.storage.revisions import advance, revision_of
from exchange.storage.schema import REVOCATIONS, TRUST_CERTIFICATES
from exchange.storage.session import Database, Session, micros, moment
from trust_store.certificate import Certificate, load
from trust_store.evidence import Evidence, Revocation, Terms

_NAME = "trust"
_T = TRUST_CERTIFICATES.c
_TRUSTED = select(_T.role, _T.terms, _T.der).order_by(_T.fingerprint)
_KNOWN = select(TRUST_CERTIFICATES.c.role).where(TRUST_CERTIFICATES.c.fingerprint == bindparam("fingerprint"))
_INSERT_TRUSTED = insert(TRUST_CERTIFICATES)
_DELETE_TRUSTED = delete(TRUST_CERTIFICATES).where(TRUST_CERTIFICATES.c.fingerprint == bindparam("which"))
_REVOKED = select(REVOCATIONS.c.signed_part, REVOCATIONS.c.at, REVOCATIONS.c.why)
_DELETE_REVOCATION = delete(REVOCATIONS).where(REVOCATIONS.c.signed_part == bindparam("which"))
_INSERT_REVOCATION = insert(REVOCATIONS)


class TrustStore:
    """Know the anchors, intermediates and the local revocation list; see `ports.TrustMaterial` and `ports.Registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, Evidence] | None = None

    async def evidence(self) -> Evidence:
        """Return what the judge may rely on, read anew only when an administrator changed it."""
        revision = await self._database.look(lambda session: revision_of(session, _NAME))
        if self._known is None or self._known[0] != revision:
            self._known = revision, await self._database.read(_evidence)
        return self._known[1]

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
