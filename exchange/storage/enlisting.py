"""Writing parties: what is looked up first comes by key for a few of them, and as whole tables for very many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import bindparam, delete, insert, select

from envelopes.signature.classify import SignatureClass
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import refuse_own_code
from exchange.core.registering import BAD_PARENT, check_parent
from exchange.errors import CODE_TAKEN
from exchange.storage.audit import insert_audits
from exchange.storage.parties import owner_of, read_parties, read_party
from exchange.storage.schema import CODES, GROUPS, PARTIES
from exchange.storage.session import Session, micros
from trust_store.errors import Refused
from trust_store.identity import normalise

MANY = 500
"""From so many parties on, reading everything once is quicker than looking each of them up."""
_P, _C = PARTIES.c, CODES.c
_INSERT_PARTY, _INSERT_CODE = insert(PARTIES), insert(CODES)
_DELETE_PARTY = delete(PARTIES).where(_P.id == bindparam("which"))
_DELETE_CODES = delete(CODES).where(_C.party == bindparam("which"))
_PARENT = select(_P.parent).where(_P.id == bindparam("id"))
_PARENTS = select(_P.id, _P.parent)
_OWNERS = select(_C.code, _C.party)
_GROUPS = select(GROUPS.c.code)
_WRITE = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Say who changes something and what revision of the directory the change makes."""

    by: Author | None
    revision: int


def known_among(session: Session, parties: Sequence[Party]) -> Mapping[PartyId, Party]:
    """Read those of the parties that are registered, as they are."""
    if len(parties) >= MANY:
        return read_parties(session)[0]
    found = (read_party(session, party.id) for party in parties)
    return {party.id: party for party in found if party is not None}


def write_parties(
    session: Session, parties: Sequence[Party], known: Mapping[PartyId, Party], own: str, stamp: Stamp
) -> None:
    """Register or change parties together, except for their certificates.

    `known` are those of them that are registered, `own` is the hub's own code.

    Raises:
        Refused: `code-taken` or `party-parent`.
    """
    written = [_kept(party, known.get(party.id)) for party in parties]
    _audit(session, written, known, stamp.by)
    keys = [{"which": party.id} for party in written if party.id in known]
    session.many(_DELETE_PARTY, keys)
    session.many(_DELETE_CODES, keys)
    session.many(_INSERT_PARTY, (_values(party, stamp) for party in written))
    session.many(_INSERT_CODE, _claims(session, written, own))
    _check_parents(session, written)


def _kept(party: Party, old: Party | None) -> Party:
    """Give a party as it is kept: of several forms of one code one, and its certificates as they are."""
    forms = {normalise(code): code for code in sorted(party.codes)}
    fingerprints = old.fingerprints if old else frozenset()
    if len(forms) == len(party.codes) and fingerprints == party.fingerprints:
        return party
    codes = frozenset(forms.values())
    schemes = frozenset(item for item in party.schemes if item[0] in codes)
    return replace(party, codes=codes, schemes=schemes, fingerprints=fingerprints)


def _audit(session: Session, written: Sequence[Party], known: Mapping[PartyId, Party], by: Author | None) -> None:
    if by is not None:
        entries = (
            AuditEntry(event=event, actor=by.actor, subject=party.id, detail=party.name)
            for party in written
            for event in _events(known.get(party.id), party)
        )
        insert_audits(session, entries, by.at)


def _claims(session: Session, written: Sequence[Party], own: str) -> Iterator[Mapping[str, object]]:
    """Give the rows of all codes, when each of them is free."""
    owners: dict[str, str] = {row[0]: row[1] for row in session.rows(_OWNERS)} if len(written) >= MANY else {}
    groups = {row[0] for row in session.rows(_GROUPS)}
    refuse_own_code((code for party in written for code in (party.id, *party.codes)), own)
    for party in written:
        schemes = dict(party.schemes)
        for code, text in ((normalise(each), each) for each in sorted(party.codes)):
            if code in owners or (len(written) < MANY and owner_of(session, code) is not None):
                raise Refused(CODE_TAKEN, f"{text} belongs to another party")
            if code in groups:
                raise Refused(CODE_TAKEN, f"{text} is the code of a group")
            owners[code] = party.id
            yield {"code": code, "party": party.id, "written": text, "scheme": schemes.get(text, "")}


def _check_parents(session: Session, written: Sequence[Party]) -> None:
    """Refuse a parent that is not registered, and a circle."""
    parents: dict[PartyId, PartyId | None] = {}
    if len(written) >= MANY:
        parents.update((row[0], row[1]) for row in session.rows(_PARENTS))

    def parent_of(party: PartyId) -> PartyId | None:
        if party not in parents:
            parents.update((party, row[0]) for row in session.rows(_PARENT, id=party))
        return parents.get(party)

    for party in written:
        if party.parent is not None:
            check_parent(party.id, party.parent, parent_of)
            if party.parent not in parents:
                raise Refused(BAD_PARENT, f"{party.parent} is not registered", where="parent")


def _values(party: Party, stamp: Stamp) -> dict[str, object]:
    contacts = [
        {"name": each.name, "role": each.role, "email": each.email, "phone": each.phone} for each in party.contacts
    ]
    return {
        "id": party.id,
        "name": party.name,
        "kind": party.kind.value,
        "tax_code": party.tax_code,
        "status": party.status.value,
        "admits": _admits(party.admits),
        "parent": party.parent,
        "contacts": _WRITE(contacts),
        "revision": stamp.revision,
        "changed_at": micros(stamp.by.at) if stamp.by else None,
    }


@lru_cache(64)
def _admits(classes: frozenset[SignatureClass]) -> str:
    return json.dumps(sorted(classes))


def _events(old: Party | None, new: Party) -> Sequence[AuditEvent]:
    """Say what a change of a party is."""
    if old is None:
        return [AuditEvent.PARTY_REGISTERED]
    events = []
    if old.status is not new.status:
        suspends = new.status is PartyStatus.SUSPENDED
        events.append(AuditEvent.PARTY_SUSPENDED if suspends else AuditEvent.PARTY_RESUMED)
    if replace(old, status=new.status) != new:
        events.append(AuditEvent.PARTY_CHANGED)
    return events
