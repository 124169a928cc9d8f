"""The store of parties, their codes and certificates, of groups, and of the rules on who may write to whom.

Reads come from one snapshot in memory. Whether it is still right is one look-up of a revision, which every change, by any
process, counts up in its own transaction; if not, what the changes since were about is read anew, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, func, select

from exchange.bulk import LARGE, building
from exchange.core.audit import AuditEvent, Author
from exchange.core.groups import Group
from exchange.core.model import Party, PartyId
from exchange.core.rules import Rule
from exchange.core.snapshot import Snapshot
from exchange.errors import DIRECTORY_MOVED, NOT_FOUND
from exchange.storage.certified import erase_certificate, write_certificate
from exchange.storage.enlisting import MANY, Stamp, known_among, write_parties
from exchange.storage.grouping import erase_group, erase_rule, read_groups, read_rules, write_group, write_rule
from exchange.storage.parties import (
    fingerprints_of,
    note,
    read_parties,
    read_party,
)
from exchange.storage.revisions import advance, changed_since, revision_of
from exchange.storage.schema import PARTIES, PARTY_CERTIFICATES
from exchange.storage.session import Database, Session
from exchange.storage.systems import SUBJECT as _SYSTEMS
from exchange.storage.systems import read_systems
from trust_store.certificate import Certificate, load
from trust_store.errors import Refused

_NAME = "directory"
_CERTIFICATES = select(PARTY_CERTIFICATES.c.der).where(PARTY_CERTIFICATES.c.party == bindparam("party"))
_GROUPS, _RULES, _ALL = "/groups", "/rules", "/all"
"""What a change is about, besides parties by their ids; no code of a party has a slash."""
_COUNT = select(func.count()).select_from(PARTIES)
_Change = Callable[[Session], Sequence[str]]
"""A change in its transaction; it says what it is about."""


class DirectoryStore:
    """Know the parties; see `ports.Directory` and `ports.Registry`. `own` is the hub's own code, which no party may have."""

    def __init__(self, database: Database, own: str = "") -> None:
        self._database, self._own = database, own
        self._known: Snapshot | None = None
        self._reading = asyncio.Lock()

    async def snapshot(self) -> Snapshot:
        """Return the directory as it is now, read anew only when it was changed; one reads for all who wait."""
        if self._known is None or self._known.revision != await self._revision():
            async with self._reading:
                if self._known is None or self._known.revision != await self._revision():
                    known = self._known
                    self._known = await self._database.read(lambda session: _read(session, known))
        return self._known

    async def get(self, party: PartyId) -> Party | None:
        """Return a party."""
        return (await self.snapshot()).parties.get(party)

    async def resolve(self, codes: Sequence[str]) -> Sequence[Party | None]:
        """Return, for each code in whatever form, the party that has it."""
        snapshot = await self.snapshot()
        return [snapshot.resolve(code) for code in codes]

    async def all(self) -> Sequence[Party]:
        """List the parties by id."""
        snapshot = await self.snapshot()
        return [snapshot.parties[key] for key in snapshot.order]

    async def certificate_holder(self, fingerprint: str) -> Party | None:
        """Return the one party that a certificate with this SHA-256 (hex) is registered for."""
        return (await self.snapshot()).holder(fingerprint)

    async def put(self, party: Party, by: Author | None = None, revision: int | None = None) -> None:
        """Register a party, or change it whole except for its certificates and tokens."""

        def unit(session: Session) -> Sequence[str]:
            self._write(session, [party], known_among(session, [party]), by)
            return [party.id]

        await self._change(unit, revision)

    async def put_all(self, parties: Sequence[Party], revision: int, by: Author) -> None:
        """Register or change many parties, all or none, if nothing was changed since the revision."""

        def unit(session: Session) -> Sequence[str]:
            known = known_among(session, parties)
            old = sum(party.id in known for party in parties)
            detail = f"{len(parties) - old} registered, {old} changed"
            note(session, AuditEvent.DIRECTORY_IMPORTED, f"{len(parties)} parties", detail, by)
            self._write(session, parties, known, by)
            return [party.id for party in parties] if len(parties) < MANY else [_ALL]

        await self._change(unit, revision, heavy=True)

    async def add_certificate(
        self, party: PartyId, certificate: Certificate, now: datetime, by: Author | None = None
    ) -> None:
        """Register a certificate for a party; the same again changes nothing."""

        def unit(session: Session) -> Sequence[str]:
            write_certificate(session, party, certificate, now, by)
            return [party]

        await self._change(unit)

    async def remove_certificate(self, party: PartyId, fingerprint: str, by: Author) -> None:
        """Let a certificate no longer speak for a party."""

        def unit(session: Session) -> Sequence[str]:
            if fingerprint not in fingerprints_of(session, party):
                raise Refused(NOT_FOUND, "There is no such certificate of this party")
            erase_certificate(session, party, fingerprint)
            note(session, AuditEvent.CERTIFICATE_REMOVED, party, fingerprint, by)
            return [party]

        await self._change(unit)

    async def certificates(self, party: PartyId) -> Sequence[Certificate]:
        """List the certificates registered for a party."""
        rows = await self._database.read(lambda session: session.rows(_CERTIFICATES, party=party))
        return [load(row[0]) for row in rows]

    async def put_group(self, group: Group, by: Author, revision: int | None = None) -> None:
        """Make a group or change it whole."""

        def unit(session: Session) -> Sequence[str]:
            write_group(session, group, self._own, by)
            return [_GROUPS]

        await self._change(unit, revision, heavy=True)

    async def remove_group(self, code: str, by: Author) -> None:
        """Remove a group, named by the one form of its code."""

        def unit(session: Session) -> Sequence[str]:
            erase_group(session, code, by)
            return [_GROUPS]

        await self._change(unit)

    async def put_rule(self, rule: Rule, by: Author, revision: int | None = None) -> None:
        """Put a rule at its position, in place of the one there if there is one."""

        def unit(session: Session) -> Sequence[str]:
            write_rule(session, rule, by)
            return [_RULES]

        await self._change(unit, revision)

    async def remove_rule(self, position: int, by: Author) -> None:
        """Remove the rule at a position."""

        def unit(session: Session) -> Sequence[str]:
            erase_rule(session, position, by)
            return [_RULES]

        await self._change(unit)

    def _write(
        self, session: Session, parties: Sequence[Party], known: Mapping[PartyId, Party], by: Author | None
    ) -> None:
        stamp = Stamp(by=by, revision=revision_of(session, _NAME) + 1)
        write_parties(session, parties, known, self._own, stamp)

    async def _revision(self) -> int:
        return await self._database.look(lambda session: revision_of(session, _NAME))

    async def _change(self, change: _Change, revision: int | None = None, *, heavy: bool = False) -> None:
        """Do a change, if the directory still has the revision that it was decided on."""

        def unit(session: Session) -> None:
            if revision is not None and revision_of(session, _NAME) != revision:
                raise Refused(DIRECTORY_MOVED)
            advance(session, _NAME, change(session))

        await self._database.transact(unit, heavy=heavy)


def _read(session: Session, known: Snapshot | None) -> Snapshot:
    """Bring what is known up to one revision: what was committed between two statements makes it begin anew."""
    while True:
        revision = revision_of(session, _NAME)
        found = _follow(session, known) if known else _read_all(session)
        if revision_of(session, _NAME) == revision:
            return replace(found, revision=revision)


def _read_all(session: Session) -> Snapshot:
    large = session.rows(_COUNT)[0][0] >= LARGE
    with building() if large else contextlib.nullcontext():
        parties, owners, holders = read_parties(session)
        groups, rules = read_groups(session), read_rules(session)
        found = Snapshot(
            parties=parties, order=tuple(parties), owners=owners, holders=holders, groups=groups, rules=rules
        )
        return found.with_systems(read_systems(session))


def _follow(session: Session, known: Snapshot) -> Snapshot:
    """Read what changed since what is known."""
    about = changed_since(session, _NAME, known.revision)
    if about is None or _ALL in about:
        return _read_all(session)
    found = (read_party(session, each) for each in about if each not in {_GROUPS, _RULES, _SYSTEMS})
    parties = [party for party in found if party is not None]
    told = known.with_systems(read_systems(session)) if _SYSTEMS in about else known
    return replace(
        told.with_parties(parties) if parties else told,
        groups=read_groups(session) if _GROUPS in about else known.groups,
        rules=read_rules(session) if _RULES in about else known.rules,
    )
