"""What the judge may rely on, apart from the message itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from trust_store.certificate import Certificate
from trust_store.paths import Paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """State that the certificate of this fingerprint is not believed from `at` (UTC) on, and why, for a person."""

    fingerprint: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Hold the trusted authorities, the known ones between them and the signers, and the local revocation list.

    `paths` remembers what was found for these certificates; keep the value to keep the memory.
    """

    anchors: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...] = ()
    revoked: tuple[Revocation, ...] = ()
    paths: Paths = field(default_factory=Paths, compare=False, repr=False)

    def revocation(self, certificate: Certificate, at: datetime) -> Revocation | None:
        """Find the earliest local revocation of the certificate that is in force at the moment."""
        known = (each for each in self.revoked if each.fingerprint == certificate.fingerprint and each.at <= at)
        return min(known, key=lambda each: each.at, default=None)
