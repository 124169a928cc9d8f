"""Parties in their tables: read one in a unit of work, or all of them at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import bindparam, select

from envelopes.signature.classify import SignatureClass
from exchange.core.audit import AuditEntry, AuditEvent, Author
from exchange.core.model import Party, PartyId, PartyStatus
from exchange.core.particulars import CodeScheme, Contact
from exchange.storage.audit import insert_audit
from exchange.storage.schema import CODES, PARTIES, PARTY_CERTIFICATES
from exchange.storage.session import Row, Session, moment
from trust_store.certificate import Certificate
from trust_store.identity import PartyKind

_P, _C = PARTIES.c, CODES.c
_COLUMNS = (_P.id, _P.name, _P.kind, _P.tax_code, _P.status, _P.admits, _P.parent, _P.contacts)
_STAMPS = (_P.revision, _P.changed_at)
_PARTY = select(*_COLUMNS, *_STAMPS).where(_P.id == bindparam("id"))
_ALL = select(*_COLUMNS, *_STAMPS).order_by(_P.id)
_PARENT = select(_P.parent).where(_P.id == bindparam("id"))
_CODES_OF = select(_C.written, _C.scheme).where(_C.party == bindparam("party"))
_ALL_CODES = select(_C.code, _C.party, _C.written, _C.scheme)
_OWNER = select(_C.party).where(_C.code == bindparam("code"))
_FINGERPRINTS = select(PARTY_CERTIFICATES.c.fingerprint).where(PARTY_CERTIFICATES.c.party == bindparam("party"))
_ALL_FINGERPRINTS = select(PARTY_CERTIFICATES.c.party, PARTY_CERTIFICATES.c.fingerprint)
_KINDS = {kind.value: kind for kind in PartyKind}
_STATUSES = {status.value: status for status in PartyStatus}
_SCHEMES = {scheme.value: scheme for scheme in CodeScheme}
_DECODE = json.JSONDecoder().decode
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


def _read(
    row: Row, codes: Sequence[Row], fingerprints: frozenset[str], known: dict[str, frozenset[SignatureClass]]
) -> Party:
    """Read a row; `known` keeps the few sets of signatures that may be sent, so that they are read once."""
    key, name, kind, tax_code, status, admits, parent, contacts, revision, changed_at = row
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
        contacts=() if contacts in _NOTHING else tuple(Contact(**item) for item in _DECODE(contacts)),
        revision=revision,
        changed_at=None if changed_at is None else moment(changed_at),
    )
