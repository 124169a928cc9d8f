"""When certificates end, what follows them, and what is to be done about it: from certificates and a moment, nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from trust_store.certificate import Certificate

DAY: Final = timedelta(days=1)


class Role(StrEnum):
    """Say what a certificate is for: a party's documents, an authority, or the hub itself."""

    PARTY = "party"
    ANCHOR = "anchor"
    INTERMEDIATE = "intermediate"
    HUB = "hub"
    HUB_AUTHORITY = "hub-authority"
    CLIENT_AUTHORITY = "client-authority"
    TLS = "tls"


class Standing(StrEnum):
    """Say how a certificate stands: in force, covered by a successor that is in force already, or ended."""

    IN_FORCE = "in-force"
    COVERED = "covered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Hold of a certificate what a forecast needs: whose it is, what for, and from when until when (UTC).

    `owner` is the party's id, or the hub's code for all that is the hub's to renew. `fingerprint` and `signed_part` are as in
    `trust_store.certificate`.
    """

    owner: str
    role: Role
    fingerprint: str
    signed_part: str
    subject: str
    not_before: datetime
    not_after: datetime

    @property
    def line(self) -> tuple[str, Role, str]:
        """Name what a successor has in common: owner and role, and for an authority its name."""
        named = self.role in {Role.ANCHOR, Role.INTERMEDIATE, Role.CLIENT_AUTHORITY}
        return self.owner, self.role, self.subject if named else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Tell of one certificate when it ends and what to do.

    `days` are whole ones, rounded down, so that less than a day is 0 and what ended is negative. `successor` is the
    fingerprint of one that is in force already and ends later, empty when there is none.
    """

    term: Term
    days: int
    standing: Standing
    successor: str
    advice: str


def term_of(certificate: Certificate, owner: str, role: Role = Role.PARTY) -> Term:
    """Take from a certificate what a forecast needs."""
    return Term(
        owner=owner,
        role=role,
        fingerprint=certificate.fingerprint,
        signed_part=certificate.signed_part,
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


def foresee(terms: Iterable[Term], now: datetime, within: timedelta) -> list[Outlook]:
    """Tell of every certificate that ends within a time from now, or has ended, the earliest first.

    `terms` also hold those that end later: they are the successors. Leave out what is revoked: it succeeds nothing.
    """
    lines: Mapping[tuple[str, Role, str], list[Term]] = defaultdict(list)
    for term in terms:
        lines[term.line].append(term)
    found = [
        _look(term, _successor(term, line, now), now)
        for line in lines.values()
        for term in line
        if term.not_after <= now + within
    ]
    return sorted(found, key=lambda each: (each.term.not_after, each.term.owner, each.term.fingerprint))


def _successor(term: Term, line: Sequence[Term], now: datetime) -> Term | None:
    """Find the one that lasts longest among those that are in force now and end later."""
    fit = (each for each in line if each.not_before <= now < each.not_after and each.not_after > term.not_after)
    return max(fit, key=lambda each: (each.not_after, each.fingerprint), default=None)


def _look(term: Term, successor: Term | None, now: datetime) -> Outlook:
    ended = term.not_after <= now
    if successor is not None:
        standing, advice = Standing.COVERED, f"Nothing: its successor is in force until {successor.not_after:%Y-%m-%d}"
    else:
        standing = Standing.ENDED if ended else Standing.IN_FORCE
        advice = _ADVICE[term.role]
    return Outlook(
        term=term,
        days=(term.not_after - now) // DAY,
        standing=standing,
        successor=successor.fingerprint if successor else "",
        advice=advice,
    )


_ADVICE: Final = {
    Role.PARTY: "Have a new certificate issued or registered before this one ends, and sign with it from then on",
    Role.ANCHOR: "Ask the authority for its next certificate and trust it: congvan cert trust",
    Role.INTERMEDIATE: "Ask the authority for its next certificate: congvan cert trust --intermediate",
    Role.HUB: "Put a new certificate over the hub's key into keys/hub.cert.pem, and start the hub again",
    Role.HUB_AUTHORITY: "Make a new authority of the hub and publish its certificate before this one ends",
    Role.CLIENT_AUTHORITY: "Put the next certificate of the authority into the file of the setting client_ca",
    Role.TLS: "Put a new certificate into the file of the setting tls_cert, and start the hub again",
}
