"""Certificates of parties in a unit of work: register one, end one, and know which keys were ever certified."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from exchange.core.applications import LAST_CERTIFICATE
from exchange.core.audit import AuditEvent, Author
from exchange.core.forecast import term_of
from exchange.core.model import PartyId
from exchange.errors import NOT_FOUND
from exchange.storage.parties import fingerprints_of, named, note
from exchange.storage.revisions import advance
from exchange.storage.schema import PARTY_CERTIFICATES, REVOCATIONS
from exchange.storage.schema_enrolment import CERTIFIED_KEYS
from exchange.storage.session import Session, micros
from exchange.storage.terms import enter_term, leave_term
from trust_store.certificate import Certificate, load
from trust_store.enrol_request import key_print
from trust_store.errors import Refused

_C, _K, _R = PARTY_CERTIFICATES.c, CERTIFIED_KEYS.c, REVOCATIONS.c
_INSERT, _INSERT_KEY, _INSERT_REVOCATION = insert(PARTY_CERTIFICATES), insert(CERTIFIED_KEYS), insert(REVOCATIONS)
_DELETE = delete(PARTY_CERTIFICATES).where(_C.party == bindparam("whose"), _C.fingerprint == bindparam("which"))
_OF_PARTY = select(_C.der).where(_C.party == bindparam("party"))
_KEY = select(_K.party).where(_K.key_print == bindparam("key"))
_REVOKED = select(_R.at).where(_R.signed_part == bindparam("part"))
_LET_GO = "let go by its holder"


def holders_of(session: Session, key: str) -> frozenset[str]:
    """Tell for which parties a key (SHA-256 of its SubjectPublicKeyInfo) was ever certified."""
    return frozenset(row[0] for row in session.rows(_KEY, key=key))


def write_certificate(
    session: Session, party: PartyId, certificate: Certificate, now: datetime, by: Author | None
) -> None:
    """Register a certificate for a party, and remember its key; the same again changes nothing."""
    if certificate.fingerprint in fingerprints_of(session, party):
        return
    values = {"fingerprint": certificate.fingerprint, "der": certificate.der, "added_at": micros(now)}
    session.rows(_INSERT, party=party, **values)
    _remember(session, party, certificate)
    enter_term(session, term_of(certificate, party))
    note(session, AuditEvent.CERTIFICATE_REGISTERED, party, named(certificate), by)


def erase_certificate(session: Session, party: PartyId, fingerprint: str) -> None:
    """Let a certificate no longer speak for a party."""
    session.rows(_DELETE, whose=party, which=fingerprint)
    leave_term(session, party, fingerprint)


def end_certificate(session: Session, party: PartyId, fingerprint: str, by: Author) -> Certificate:
    """End a certificate from now on, unless no other one of the party would be in force.

    Raises:
        Refused: `not-found`, or `certificate-last`.
    """
    registered = {each.fingerprint: each for each in _certificates(session, party)}
    certificate = registered.pop(fingerprint, None)
    if certificate is None:
        raise Refused(NOT_FOUND, "There is no such certificate of this party")
    if not any(_in_force(session, each, by.at) for each in registered.values()):
        raise Refused(LAST_CERTIFICATE)
    erase_certificate(session, party, fingerprint)
    if not session.rows(_REVOKED, part=certificate.signed_part):
        session.rows(_INSERT_REVOCATION, signed_part=certificate.signed_part, at=micros(by.at), why=_LET_GO)
    note(session, AuditEvent.CERTIFICATE_ENDED, party, named(certificate), by)
    advance(session, "trust")
    advance(session, "directory", [party])
    return certificate


def _certificates(session: Session, party: PartyId) -> list[Certificate]:
    return [load(row[0]) for row in session.rows(_OF_PARTY, party=party)]


def _in_force(session: Session, certificate: Certificate, at: datetime) -> bool:
    revoked = any(row[0] <= micros(at) for row in session.rows(_REVOKED, part=certificate.signed_part))
    return certificate.not_before <= at <= certificate.not_after and not revoked


def _remember(session: Session, party: PartyId, certificate: Certificate) -> None:
    key = key_print(certificate.public_key)
    if key:
        session.rows(_DELETE_KEY, key=key, whose=party, which=certificate.fingerprint)
        session.rows(_INSERT_KEY, key_print=key, party=party, fingerprint=certificate.fingerprint)


_DELETE_KEY = delete(CERTIFIED_KEYS).where(
    _K.key_print == bindparam("key"), _K.party == bindparam("whose"), _K.fingerprint == bindparam("which")
)
