"""Examine what a hub signs with and whom it trusts: its key, the authorities, the parties' certificates and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from exchange.config import Home
from exchange.core.model import PartyStatus
from exchange.operation.findings import Finding, Rule, Severity, rule
from exchange.storage.schema import PARTIES, PARTY_CERTIFICATES, TOKENS, TRUST_CERTIFICATES
from exchange.storage.schema_access import SYSTEM_SECRETS
from exchange.storage.session import Session, micros
from trust_store.certificate import Certificate, load, load_many
from trust_store.errors import Refused
from trust_store.keys import load_pem

KEY = rule("key-unusable", Severity.ERROR, "Put hub.key.pem and hub.cert.pem back from a backup; they belong together")
HUB_ENDED = rule("hub-certificate-ended", Severity.ERROR, "Put a certificate in force over the hub's key into keys")
HUB_ENDING = rule("hub-certificate-ending", Severity.WARNING, "Have the hub's certificate renewed before it ends")
ANCHOR = rule("anchor-unreadable", Severity.ERROR, "Put trust-anchor.pem back; people verify receipts with it")
NO_ANCHOR = rule("anchor-none", Severity.ERROR, "Trust an authority: congvan authority trust")
UNREADABLE = rule("certificate-unreadable", Severity.ERROR, "Restore the database, or register the certificate again")
AUTHORITY_ENDED = rule(
    "authority-ended", Severity.WARNING, "Trust the authority's new certificate; letters under the old are refused"
)
AUTHORITY_ENDING = rule("authority-ending", Severity.WARNING, "Ask the authority for its next certificate")
PARTY_ENDED = rule(
    "party-certificate-ended", Severity.WARNING, "Have the party renew it: congvan cert add or cert issue"
)
PARTY_ENDING = rule("party-certificate-ending", Severity.NOTE, "Tell the party to renew it")
NO_CERTIFICATE = rule(
    "party-without-certificate", Severity.NOTE, "An agency needs one to send: congvan cert add; it can receive without"
)
NO_TOKEN = rule("party-without-token", Severity.NOTE, "The party can neither send nor receive: congvan party token")
VAULT = rule(
    "systems-key-missing", Severity.ERROR, "Put systems.key back from where the keys are kept, or congvan system rotate"
)
SOON: Final = timedelta(days=30)


def examine_key(home: Home, at: datetime) -> Iterator[Finding]:
    """Try whether the key can be read, fits its certificate, and is in force."""
    try:
        key = load_pem((home.keys / "hub.key.pem").read_bytes(), (home.keys / "hub.cert.pem").read_bytes())
    except OSError as error:
        yield KEY.broken(f"The hub's key cannot be read: {error.strerror}", str(error.filename))
    except Refused as refusal:
        yield KEY.broken(refusal.detail, "keys/hub.key.pem")
    else:
        yield from _examine_dates(key.certificate, at, HUB_ENDED, HUB_ENDING, "keys/hub.cert.pem")
    try:
        for anchor in load_many(home.anchor.read_bytes()):
            yield from _examine_dates(anchor, at, AUTHORITY_ENDED, AUTHORITY_ENDING, home.anchor.name)
    except (OSError, Refused) as error:
        yield ANCHOR.broken(f"It cannot be read: {error}", home.anchor.name)


def examine_trust(session: Session, at: datetime) -> Iterator[Finding]:
    """Look at the authorities that the hub trusts or knows."""
    rows = session.rows(select(TRUST_CERTIFICATES.c.role, TRUST_CERTIFICATES.c.fingerprint, TRUST_CERTIFICATES.c.der))
    if not any(role == "anchor" for role, _, _ in rows):
        yield NO_ANCHOR.broken("No authority is trusted, so no letter is believed")
    for role, fingerprint, der in rows:
        yield from _examine_stored(der, at, AUTHORITY_ENDED, AUTHORITY_ENDING, f"{role} {fingerprint}")


def examine_systems(session: Session, home: Home) -> Iterator[Finding]:
    """Ask for the key that the secrets of connected systems are locked with, where there are any."""
    count = session.rows(select(func.count()).select_from(SYSTEM_SECRETS))[0][0]
    if count and not home.vault.is_file():
        yield VAULT.broken("No connected system can be authenticated", f"keys/{home.vault.name}")


def examine_parties(session: Session, at: datetime) -> Iterator[Finding]:
    """Look at every active party's certificates and tokens."""
    stored = select(PARTY_CERTIFICATES.c.party, PARTY_CERTIFICATES.c.fingerprint, PARTY_CERTIFICATES.c.der)
    certificates: dict[str, list[tuple[str, bytes]]] = {}
    for party, fingerprint, der in session.rows(stored):
        certificates.setdefault(party, []).append((fingerprint, der))
    tokens = select(TOKENS.c.party).where(TOKENS.c.expires_at > micros(at), TOKENS.c.revoked_at.is_(None))
    holders = {row[0] for row in session.rows(tokens)}
    active = select(PARTIES.c.id).where(PARTIES.c.status == PartyStatus.ACTIVE.value).order_by(PARTIES.c.id)
    for (party,) in session.rows(active):
        if party not in certificates:
            yield NO_CERTIFICATE.broken("No certificate is registered for this party", party)
        if party not in holders:
            yield NO_TOKEN.broken("The party has no token in force", party)
        yield from _examine_party(party, certificates.get(party, []), at)


def _examine_party(party: str, stored: list[tuple[str, bytes]], at: datetime) -> Iterator[Finding]:
    """A certificate that ended matters only when none is left in force."""
    found = [list(_examine_stored(der, at, PARTY_ENDED, PARTY_ENDING, f"{party} {name}")) for name, der in stored]
    yield from (item for items in found for item in items if item.rule is UNREADABLE)
    if found and all(found):
        yield from (item for item in found[-1] if item.rule is not UNREADABLE)


def _examine_stored(der: bytes, at: datetime, ended: Rule, ending: Rule, subject: str) -> Iterator[Finding]:
    try:
        certificate = load(der)
    except Refused as refusal:
        yield UNREADABLE.broken(refusal.detail, subject)
    else:
        yield from _examine_dates(certificate, at, ended, ending, subject)


def _examine_dates(
    certificate: Certificate, at: datetime, ended: Rule, ending: Rule, subject: str
) -> Iterator[Finding]:
    until = f"{certificate.not_after:%Y-%m-%d}"
    if certificate.not_after <= at:
        yield ended.broken(f"{certificate.subject} ended on {until}", subject)
    elif certificate.not_before > at:
        yield ended.broken(f"{certificate.subject} is not in force before {certificate.not_before:%Y-%m-%d}", subject)
    elif certificate.not_after - at < SOON:
        yield ending.broken(f"{certificate.subject} ends on {until}", subject)
