"""The store of parties, their codes, certificates, and of what the hub trusts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from envelopes.signature.classify import SignatureClass
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.errors import CODE_TAKEN, NOT_FOUND
from exchange.storage.audit import insert_audit
from exchange.storage.schema import (
    CODES,
    PARTIES,
    PARTY_CERTIFICATES,
    REVISIONS,
    REVOCATIONS,
    TRUST_CERTIFICATES,
)
from exchange.storage.session import Database, Row, Session, micros, moment
from trust_store.certificate import Certificate, load
from trust_store.errors import Refused
from trust_store.evidence import Evidence, Revocation
from trust_store.identity import PartyKind, normalise

_PARTY = select(PARTIES).where(PARTIES.c.id == bindparam("id"))
_ALL = select(PARTIES.c.id).order_by(PARTIES.c.id)
_INSERT_PARTY = insert(PARTIES)
_DELETE_PARTY = delete(PARTIES).where(PARTIES.c.id == bindparam("which"))
_CODES_OF = select(CODES.c.written).where(CODES.c.party == bindparam("party"))
_OWNER = select(CODES.c.party).where(CODES.c.code == bindparam("code"))
_INSERT_CODE = insert(CODES)
_DELETE_CODES = delete(CODES).where(CODES.c.party == bindparam("which"))
_FINGERPRINTS = select(PARTY_CERTIFICATES.c.fingerprint).where(PARTY_CERTIFICATES.c.party == bindparam("party"))
_CERTIFICATES = select(PARTY_CERTIFICATES.c.der).where(PARTY_CERTIFICATES.c.party == bindparam("party"))
_INSERT_CERTIFICATE = insert(PARTY_CERTIFICATES)
_DELETE_CERTIFICATE = delete(PARTY_CERTIFICATES).where(
    PARTY_CERTIFICATES.c.party == bindparam("whose"), PARTY_CERTIFICATES.c.fingerprint == bindparam("which")
)
_CERTIFIED = select(PARTY_CERTIFICATES.c.party).where(PARTY_CERTIFICATES.c.fingerprint == bindparam("fingerprint"))

_TRUSTED = select(TRUST_CERTIFICATES.c.role, TRUST_CERTIFICATES.c.der).order_by(TRUST_CERTIFICATES.c.fingerprint)
_KNOWN = select(TRUST_CERTIFICATES.c.role).where(TRUST_CERTIFICATES.c.fingerprint == bindparam("fingerprint"))
_INSERT_TRUSTED = insert(TRUST_CERTIFICATES)
_DELETE_TRUSTED = delete(TRUST_CERTIFICATES).where(TRUST_CERTIFICATES.c.fingerprint == bindparam("which"))
_REVOKED = select(REVOCATIONS.c.signed_part, REVOCATIONS.c.at, REVOCATIONS.c.why)
_DELETE_REVOCATION = delete(REVOCATIONS).where(REVOCATIONS.c.signed_part == bindparam("which"))
_INSERT_REVOCATION = insert(REVOCATIONS)
_REVISION = select(REVISIONS.c.value).where(REVISIONS.c.name == "trust")
_INSERT_REVISION = insert(REVISIONS)
_NEXT_REVISION = update(REVISIONS).where(REVISIONS.c.name == "trust").values(value=REVISIONS.c.value + 1)


class DirectoryStore:
    """Know the parties; see `ports.Directory` and `ports.Registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, party: PartyId) -> Party | None:
        """Return a party."""
        return await self._database.read(lambda session: read_party(session, party))

    async def resolve(self, codes: Sequence[str]) -> Sequence[Party | None]:
        """Return, for each code in whatever form, the party that has it."""

        def unit(session: Session) -> Sequence[Party | None]:
            owners = [session.rows(_OWNER, code=normalise(code)) for code in codes]
            return [read_party(session, owner[0][0]) if owner else None for owner in owners]

        return await self._database.look(unit)

    async def all(self) -> Sequence[Party]:
        """List the parties by id."""

        def unit(session: Session) -> Sequence[Party]:
            found = [read_party(session, row[0]) for row in session.rows(_ALL)]
            return [party for party in found if party is not None]

        return await self._database.read(unit)

    async def certificate_holder(self, fingerprint: str) -> Party | None:
        """Return the one party that a certificate with this SHA-256 (hex) is registered for."""

        def unit(session: Session) -> Party | None:
            rows = session.rows(_CERTIFIED, fingerprint=fingerprint)
            return read_party(session, rows[0][0]) if len(rows) == 1 else None

        return await self._database.look(unit)

    async def put(self, party: Party, by: Author | None = None) -> None:
        """Register a party, or change it whole except for its certificates and tokens."""

        def unit(session: Session) -> None:
            for event in _events(read_party(session, party.id), party):
                _note(session, event, party.id, party.name, by)
            session.rows(_DELETE_PARTY, which=party.id)
            session.rows(_DELETE_CODES, which=party.id)
            session.rows(_INSERT_PARTY, **_values(party))
            for code in {normalise(code): code for code in sorted(party.codes)}.items():
                if session.rows(_OWNER, code=code[0]):
                    raise Refused(CODE_TAKEN, f"{code[1]} belongs to another party")
                session.rows(_INSERT_CODE, code=code[0], party=party.id, written=code[1], scheme="")

        await self._database.transact(unit)

    async def add_certificate(
        self, party: PartyId, certificate: Certificate, now: datetime, by: Author | None = None
    ) -> None:
        """Register a certificate for a party; the same again changes nothing."""

        def unit(session: Session) -> None:
            if (certificate.fingerprint,) not in session.rows(_FINGERPRINTS, party=party):
                values = {"fingerprint": certificate.fingerprint, "der": certificate.der, "added_at": micros(now)}
                session.rows(_INSERT_CERTIFICATE, party=party, **values)
                _note(session, AuditEvent.CERTIFICATE_REGISTERED, party, _named(certificate), by)

        await self._database.transact(unit)

    async def remove_certificate(self, party: PartyId, fingerprint: str, by: Author) -> None:
        """Let a certificate no longer speak for a party."""

        def unit(session: Session) -> None:
            if (fingerprint,) not in session.rows(_FINGERPRINTS, party=party):
                raise Refused(NOT_FOUND, "There is no such certificate of this party")
            session.rows(_DELETE_CERTIFICATE, whose=party, which=fingerprint)
            _note(session, AuditEvent.CERTIFICATE_REMOVED, party, fingerprint, by)

        await self._database.transact(unit)

    async def certificates(self, party: PartyId) -> Sequence[Certificate]:
        """List the certificates registered for a party."""
        rows = await self._database.read(lambda session: session.rows(_CERTIFICATES, party=party))
        return [load(row[0]) for row in rows]


class TrustStore:
    """Know the anchors, intermediates and the local revocation list; see `ports.TrustMaterial` and `ports.Registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, Evidence] | None = None

    async def evidence(self) -> Evidence:
        """Return what the judge may rely on, read anew only when an administrator changed it."""
        revision = await self._database.look(_revision)
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
                session.rows(_INSERT_TRUSTED, role=role, **values)
                _note(session, AuditEvent.AUTHORITY_TRUSTED, role, _named(certificate), by)
                _changed(session)

        await self._database.transact(unit)

    async def revoke(self, revocation: Revocation, by: Author | None = None) -> None:
        """Put a certificate on the local revocation list."""

        def unit(session: Session) -> None:
            session.rows(_DELETE_REVOCATION, which=revocation.signed_part)
            values = {"signed_part": revocation.signed_part, "at": micros(revocation.at), "why": revocation.why}
            session.rows(_INSERT_REVOCATION, **values)
            detail = f"from {revocation.at:%Y-%m-%d %H:%M} UTC: {revocation.why}"
            _note(session, AuditEvent.CERTIFICATE_REVOKED, f"signed part {revocation.signed_part}", detail, by)
            _changed(session)

        await self._database.transact(unit)


def read_party(session: Session, party: str) -> Party | None:
    """Read a party in a unit of work."""
    rows = session.rows(_PARTY, id=party)
    if not rows:
        return None
    codes = [row[0] for row in session.rows(_CODES_OF, party=party)]
    fingerprints = [row[0] for row in session.rows(_FINGERPRINTS, party=party)]
    return _read(rows[0], frozenset(codes), frozenset(fingerprints))


def _read(row: Row, codes: frozenset[str], fingerprints: frozenset[str]) -> Party:
    key, name, kind, tax_code, status, admits, _parent, _contacts = row
    return Party(
        id=PartyId(key),
        name=name,
        kind=PartyKind(kind),
        codes=codes,
        tax_code=tax_code,
        fingerprints=fingerprints,
        status=PartyStatus(status),
        admits=frozenset(SignatureClass(item) for item in json.loads(admits)),
    )


def _values(party: Party) -> dict[str, object]:
    return {
        "id": party.id,
        "name": party.name,
        "kind": party.kind.value,
        "tax_code": party.tax_code,
        "status": party.status.value,
        "admits": json.dumps(sorted(party.admits)),
        "parent": None,
        "contacts": "{}",
    }


def _events(old: Party | None, new: Party) -> Sequence[AuditEvent]:
    """Say what a change of a party is."""
    if old is None:
        return [AuditEvent.PARTY_REGISTERED]
    events = []
    if old.status is not new.status:
        suspends = new.status is PartyStatus.SUSPENDED
        events.append(AuditEvent.PARTY_SUSPENDED if suspends else AuditEvent.PARTY_RESUMED)
    if replace(old, status=new.status, fingerprints=new.fingerprints) != new:
        events.append(AuditEvent.PARTY_CHANGED)
    return events


def _note(session: Session, event: AuditEvent, subject: str, detail: str, by: Author | None) -> None:
    if by is not None:
        insert_audit(session, AuditEntry(event=event, actor=by.actor, subject=subject, detail=detail), by.at)


def _named(certificate: Certificate) -> str:
    return f"{certificate.fingerprint} {certificate.subject}"


def _revision(session: Session) -> int:
    rows = session.rows(_REVISION)
    return int(rows[0][0]) if rows else 0


def _changed(session: Session) -> None:
    if session.rows(_REVISION):
        session.rows(_NEXT_REVISION)
    else:
        session.rows(_INSERT_REVISION, name="trust", value=1)


def _evidence(session: Session) -> Evidence:
    trusted: dict[str, list[Certificate]] = {"anchor": [], "intermediate": []}
    for role, der in session.rows(_TRUSTED):
        trusted[role].append(load(der))
    revoked = [
        Revocation(signed_part=signed_part, at=moment(at), why=why) for signed_part, at, why in session.rows(_REVOKED)
    ]
    return Evidence(
        anchors=tuple(trusted["anchor"]), intermediates=tuple(trusted["intermediate"]), revoked=tuple(revoked)
    )
