"""What the exchange needs from outside. Each docstring is the contract that `tests/contract` holds every backend to."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.core.ports.access import AuditTrail, Tokens
from exchange.core.ports.authorities import Authorities
from exchange.core.ports.enrolment import Authority, Enrolments
from exchange.core.ports.keys import HubKeys, Signers
from exchange.core.ports.log import Log, LogShelf
from exchange.core.ports.machine import (
    Bell,
    Blobs,
    Clock,
    Entropy,
    Inspector,
    Listener,
    P,
    Progress,
    Rehearsal,
    T,
    Workers,
)
from exchange.core.ports.notices import Notices, Quarantine, Terms
from exchange.core.ports.records import Effects, EvidenceShelf, Mailboxes, Messages
from exchange.core.ports.registry import Directory, Registry, TrustMaterial, TrustRegistry
from exchange.core.ports.revocation import Asker, RevocationData, Sources
from exchange.core.ports.systems import Systems, Vault

__all__ = [
    "Asker",
    "AuditTrail",
    "Authorities",
    "Authority",
    "Bell",
    "Blobs",
    "Clock",
    "Directory",
    "Effects",
    "Enrolments",
    "Entropy",
    "EvidenceShelf",
    "HubKeys",
    "Inspector",
    "Listener",
    "Log",
    "LogShelf",
    "Mailboxes",
    "Messages",
    "Notices",
    "P",
    "Progress",
    "Quarantine",
    "Registry",
    "Rehearsal",
    "RevocationData",
    "Signers",
    "Sources",
    "Store",
    "Systems",
    "T",
    "Terms",
    "Tokens",
    "TrustMaterial",
    "TrustRegistry",
    "Vault",
    "Workers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Group the ports that one database implements."""

    messages: Messages
    mailboxes: Mailboxes
    evidence: EvidenceShelf
    log: LogShelf
    effects: Effects
    directory: Directory
    registry: Registry
    trust: TrustMaterial
    authorities: Authorities
    revocation: RevocationData
    sources: Sources
    tokens: Tokens
    systems: Systems
    enrolments: Enrolments
    audit: AuditTrail
    terms: Terms
    notices: Notices
    quarantine: Quarantine
