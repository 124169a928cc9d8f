"""Parties in their tables: read one in a unit of work, write some, and read all of them at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import bindparam, delete, insert, select

from envelopes.signature.classify import SignatureClass
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import CodeScheme, Contact, refuse_own_code
from exchange.core.registering import BAD_PARENT, check_parent
from exchange.errors import CODE_TAKEN
from exchange.storage.audit import insert_audit
from exchange.storage.schema import CODES, GROUPS, PARTIES, PARTY_CERTIFICATES
from exchange.storage.session import Row, Session
from trust_store.certificate import Certificate
from trust_store.errors import Refused
from trust_store.identity import PartyKind, normalise

_P, _C = PARTIES.c, CODES.c
_COLUMNS = (_P.id, _P.name, _P.kind, _P.tax_code, _P.status, _P.admits, _P.parent, _P.contacts)
_PARTY = select(*_COLUMNS).where(_P.id == bindparam("id"))
_ALL = select(*_COLUMNS).order_by(_P.id)
_INSERT_PARTY = insert(PARTIES)
_DELETE_PARTY = delete(PARTIES).where(_P.id == bindparam("which"))
_PARENT = select(_P.parent).where(_P.id == bindparam("id"))
_CODES_OF = select(_C.written, _C.scheme).where(_C.party == bindparam("party"))
_ALL_CODES = select(_C.code, _C.party, _C.written, _C.scheme)
_OWNER = select(_C.party).where(_C.code == bindparam("code"))
_GROUP = select(GROUPS.c.code).where(GROUPS.c.code == bindparam("code"))
_INSERT_CODE = insert(CODES)
_DELETE_CODES = delete(CODES).where(_C.party == bindparam("which"))
_FINGERPRINTS = select(PARTY_CERTIFICATES.c.fingerprint).where(PARTY_CERTIFICATES.c.party == bindparam("party"))
_ALL_FINGERPRINTS = select(PARTY_CERTIFICATES.c.party, PARTY_CERTIFICATES.c.fingerprint)
_KINDS = {kind.value: kind for kind in PartyKind}
_STATUSES = {status.value: status for status in PartyStatus}
_SCHEMES = {scheme.value: scheme for scheme in CodeScheme}
_NOTHING = frozenset({"", "{}", "[]"})


def read_party(session: Session, party: str) -> Party | None:
    """Read a party in a unit of work."""
    rows = session.rows(_PARTY, id=party)
    if not rows:
        return None
    fingerprints = frozenset(row[0] for row in session.rows(_FINGERPRINTS, party=party))
    return _read(rows[0], session.rows(_CODES_OF, party=party), fingerprints, {})


def read_parties(session: Session) -> tuple[dict[PartyId, Party], dict[str, PartyId], dict[str, frozenset[PartyId]]]:
    """Read all parties by id, who has which code in its one form, and for whom each certificate is registered."""
    codes: dict[str, list[Row]] = defaultdict(list)
    owners: dict[str, PartyId] = {}
    for code, party, written, scheme in session.rows(_ALL_CODES):
        codes[party].append((written, scheme))
        owners[code] = party
    prints: dict[str, frozenset[str]] = defaultdict(frozenset)
    holders: dict[str, frozenset[PartyId]] = defaultdict(frozenset)
    for party, fingerprint in session.rows(_ALL_FINGERPRINTS):
        prints[party] |= {fingerprint}
        holders[fingerprint] |= {party}
    known: dict[str, frozenset[SignatureClass]] = {}
    found = (_read(row, codes[row[0]], prints[row[0]], known) for row in session.rows(_ALL))
    parties = {party.id: party for party in found}
    return parties, owners, dict(holders)


def write_parties(session: Session, parties: Sequence[Party], own: str, by: Author | None) -> None:
    """Register or change parties together, except for their certificates.

    `own` is the hub's own code.

    Raises:
        Refused: `code-taken` or `party-parent`.
    """
    written = [_change(session, party, by) for party in parties]
    for party in written:
        refuse_own_code((party.id, *party.codes), own)
        _claim(session, party)
    for party in written:
        if party.parent is not None and not is_registered(session, party.parent):
            raise Refused(BAD_PARENT, f"{party.parent} is not registered", where="parent")
        check_parent(party.id, party.parent, lambda each: _parent(session, each))


def is_registered(session: Session, party: str) -> bool:
    """Tell whether there is such a party."""
    return bool(session.rows(_PARENT, id=party))


def owner_of(session: Session, code: str) -> str | None:
    """Tell which party has a code, given in its one form."""
    rows = session.rows(_OWNER, code=code)
    return rows[0][0] if rows else None


def fingerprints_of(session: Session, party: str) -> frozenset[str]:
    """List the certificates that are registered for a party, by their SHA-256."""
    return frozenset(row[0] for row in session.rows(_FINGERPRINTS, party=party))


def note(session: Session, event: AuditEvent, subject: str, detail: str, by: Author | None) -> None:
    """Audit a change in its own transaction, if it has an author."""
    if by is not None:
        insert_audit(session, AuditEntry(event=event, actor=by.actor, subject=subject, detail=detail), by.at)


def named(certificate: Certificate) -> str:
    """Name a certificate in the audit trail."""
    return f"{certificate.fingerprint} {certificate.subject}"


def _change(session: Session, party: Party, by: Author | None) -> Party:
    """Write the row of a party, and free its codes; of several forms of one code it keeps one."""
    old = read_party(session, party.id)
    codes = frozenset({normalise(code): code for code in sorted(party.codes)}.values())
    schemes = frozenset(item for item in party.schemes if item[0] in codes)
    new = replace(party, codes=codes, schemes=schemes, fingerprints=old.fingerprints if old else frozenset())
    for event in _events(old, new):
        note(session, event, party.id, party.name, by)
    session.rows(_DELETE_PARTY, which=party.id)
    session.rows(_DELETE_CODES, which=party.id)
    session.rows(_INSERT_PARTY, **_values(new))
    return new


def _claim(session: Session, party: Party) -> None:
    schemes = dict(party.schemes)
    for code, written in ((normalise(code), code) for code in sorted(party.codes)):
        if owner_of(session, code) is not None:
            raise Refused(CODE_TAKEN, f"{written} belongs to another party")
        if session.rows(_GROUP, code=code):
            raise Refused(CODE_TAKEN, f"{written} is the code of a group")
        session.rows(_INSERT_CODE, code=code, party=party.id, written=written, scheme=schemes.get(written, ""))


def _parent(session: Session, party: PartyId) -> PartyId | None:
    rows = session.rows(_PARENT, id=party)
    return rows[0][0] if rows else None


def _read(
    row: Row, codes: Sequence[Row], fingerprints: frozenset[str], known: dict[str, frozenset[SignatureClass]]
) -> Party:
    """Read a row; `known` keeps the few sets of signatures that may be sent, so that they are read once."""
    key, name, kind, tax_code, status, admits, parent, contacts = row
    if admits not in known:
        known[admits] = frozenset(SignatureClass(item) for item in json.loads(admits))
    return Party(
        id=key,
        name=name,
        kind=_KINDS[kind],
        codes=frozenset(code for code, _ in codes),
        tax_code=tax_code,
        fingerprints=fingerprints,
        status=_STATUSES[status],
        admits=known[admits],
        schemes=frozenset((code, _SCHEMES[scheme]) for code, scheme in codes if scheme),
        parent=parent,
        contacts=() if contacts in _NOTHING else tuple(Contact(**item) for item in json.loads(contacts)),
    )


def _values(party: Party) -> dict[str, object]:
    contacts = [asdict(contact) for contact in party.contacts]
    return {
        "id": party.id,
        "name": party.name,
        "kind": party.kind.value,
        "tax_code": party.tax_code,
        "status": party.status.value,
        "admits": json.dumps(sorted(party.admits)),
        "parent": party.parent,
        "contacts": json.dumps(contacts, ensure_ascii=False),
    }


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
