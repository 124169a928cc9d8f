"""The store of parties, their codes, certificates and tokens, and of what the hub trusts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from envelopes.signature.classify import SignatureClass
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.errors import CODE_TAKEN
from exchange.storage.schema import (
    CODES,
    PARTIES,
    PARTY_CERTIFICATES,
    REVISIONS,
    REVOCATIONS,
    TOKENS,
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
_HOLDER = select(TOKENS.c.party, TOKENS.c.expires_at).where(TOKENS.c.digest == bindparam("digest"))
_INSERT_TOKEN = insert(TOKENS)

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
        return await self._database.read(lambda session: _party(session, party))

    async def resolve(self, codes: Sequence[str]) -> Sequence[Party | None]:
        """Return, for each code in whatever form, the party that has it."""

        async def unit(session: Session) -> Sequence[Party | None]:
            owners = [await session.rows(_OWNER, code=normalise(code)) for code in codes]
            return [await _party(session, owner[0][0]) if owner else None for owner in owners]

        return await self._database.read(unit)

    async def all(self) -> Sequence[Party]:
        """List the parties by id."""

        async def unit(session: Session) -> Sequence[Party]:
            found = [await _party(session, row[0]) for row in await session.rows(_ALL)]
            return [party for party in found if party is not None]

        return await self._database.read(unit)

    async def holder(self, token_digest: bytes, now: datetime) -> Party | None:
        """Return the party whose unexpired token has this SHA-256."""

        async def unit(session: Session) -> Party | None:
            rows = await session.rows(_HOLDER, digest=token_digest)
            return await _party(session, rows[0][0]) if rows and rows[0][1] > micros(now) else None

        return await self._database.read(unit)

    async def put(self, party: Party) -> None:
        """Register a party, or change it whole except for its certificates and tokens."""

        async def unit(session: Session) -> None:
            await session.rows(_DELETE_PARTY, which=party.id)
            await session.rows(_DELETE_CODES, which=party.id)
            await session.rows(_INSERT_PARTY, **_values(party))
            for code in {normalise(code): code for code in sorted(party.codes)}.items():
                if await session.rows(_OWNER, code=code[0]):
                    raise Refused(CODE_TAKEN, f"{code[1]} belongs to another party")
                await session.rows(_INSERT_CODE, code=code[0], party=party.id, written=code[1])

        await self._database.transact(unit)

    async def add_certificate(self, party: PartyId, certificate: Certificate, now: datetime) -> None:
        """Register a certificate for a party; the same again changes nothing."""

        async def unit(session: Session) -> None:
            if (certificate.fingerprint,) not in await session.rows(_FINGERPRINTS, party=party):
                values = {"fingerprint": certificate.fingerprint, "der": certificate.der, "added_at": micros(now)}
                await session.rows(_INSERT_CERTIFICATE, party=party, **values)

        await self._database.transact(unit)

    async def certificates(self, party: PartyId) -> Sequence[Certificate]:
        """List the certificates registered for a party."""
        rows = await self._database.read(lambda session: session.rows(_CERTIFICATES, party=party))
        return [load(row[0]) for row in rows]

    async def add_token(self, party: PartyId, digest: bytes, label: str, now: datetime, expires: datetime) -> None:
        """Keep the SHA-256 of a party's token."""
        values = {"label": label, "created_at": micros(now), "expires_at": micros(expires)}
        await self._database.transact(lambda session: session.rows(_INSERT_TOKEN, party=party, digest=digest, **values))


class TrustStore:
    """Know the anchors, intermediates and the local revocation list; see `ports.TrustMaterial` and `ports.Registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, Evidence] | None = None

    async def evidence(self) -> Evidence:
        """Return what the judge may rely on, read anew only when an administrator changed it."""
        revision = await self._database.read(_revision)
        if self._known is None or self._known[0] != revision:
            self._known = revision, await self._database.read(_evidence)
        return self._known[1]

    async def trust(self, certificate: Certificate, role: str, now: datetime) -> None:
        """Trust an authority as `anchor` or know it as `intermediate`; the same again changes nothing."""

        async def unit(session: Session) -> None:
            known = await session.rows(_KNOWN, fingerprint=certificate.fingerprint)
            if not known or known[0][0] != role:
                await session.rows(_DELETE_TRUSTED, which=certificate.fingerprint)
                values = {"fingerprint": certificate.fingerprint, "der": certificate.der, "added_at": micros(now)}
                await session.rows(_INSERT_TRUSTED, role=role, **values)
                await _changed(session)

        await self._database.transact(unit)

    async def revoke(self, revocation: Revocation) -> None:
        """Put a certificate on the local revocation list."""

        async def unit(session: Session) -> None:
            await session.rows(_DELETE_REVOCATION, which=revocation.signed_part)
            values = {"signed_part": revocation.signed_part, "at": micros(revocation.at), "why": revocation.why}
            await session.rows(_INSERT_REVOCATION, **values)
            await _changed(session)

        await self._database.transact(unit)


async def _party(session: Session, party: str) -> Party | None:
    rows = await session.rows(_PARTY, id=party)
    if not rows:
        return None
    codes = [row[0] for row in await session.rows(_CODES_OF, party=party)]
    fingerprints = [row[0] for row in await session.rows(_FINGERPRINTS, party=party)]
    return _read(rows[0], frozenset(codes), frozenset(fingerprints))


def _read(row: Row, codes: frozenset[str], fingerprints: frozenset[str]) -> Party:
    key, name, kind, tax_code, status, admits = row
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
    }


async def _revision(session: Session) -> int:
    rows = await session.rows(_REVISION)
    return int(rows[0][0]) if rows else 0


async def _changed(session: Session) -> None:
    if await session.rows(_REVISION):
        await session.rows(_NEXT_REVISION)
    else:
        await session.rows(_INSERT_REVISION, name="trust", value=1)


async def _evidence(session: Session) -> Evidence:
    trusted: dict[str, list[Certificate]] = {"anchor": [], "intermediate": []}
    for role, der in await session.rows(_TRUSTED):
        trusted[role].append(load(der))
    revoked = [
        Revocation(signed_part=signed_part, at=moment(at), why=why)
        for signed_part, at, why in await session.rows(_REVOKED)
    ]
    return Evidence(
        anchors=tuple(trusted["anchor"]), intermediates=tuple(trusted["intermediate"]), revoked=tuple(revoked)
    )
