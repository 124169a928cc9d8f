"""What the exchange needs from outside. Each docstring is the contract that `tests/contract` holds every backend to."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.core.ports.access import AuditTrail, Tokens
from exchange.core.ports.authorities import Authorities
from exchange.core.ports.machine import Bell, Blobs, Clock, Entropy, Listener, P, Progress, Rehearsal, T, Workers
from exchange.core.ports.records import Effects, EvidenceShelf, Mailboxes, Messages
from exchange.core.ports.registry import Directory, Registry, TrustMaterial, TrustRegistry
from exchange.core.ports.revocation import Asker, RevocationData, Sources
from exchange.core.ports.systems import Systems, Vault

__all__ = [
    "Asker",
    "AuditTrail",
    "Authorities",
    "Bell",
    "Blobs",
    "Clock",
    "Directory",
    "Effects",
    "Entropy",
    "EvidenceShelf",
    "Listener",
    "Mailboxes",
    "Messages",
    "P",
    "Progress",
    "Registry",
    "Rehearsal",
    "RevocationData",
    "Sources",
    "Store",
    "Systems",
    "T",
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
    effects: Effects
    directory: Directory
    registry: Registry
    trust: TrustMaterial
    revocation: RevocationData
    sources: Sources
    authorities: Authorities
    tokens: Tokens
    systems: Systems
    audit: AuditTrail
