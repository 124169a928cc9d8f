"""What the judge may rely on, apart from the message itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from trust_store.certificate import Certificate
from trust_store.paths import Paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """State that a certificate is not believed from `at` (UTC) on, and why, for a person.

    It is named by the part that its issuer signed: what is around that part can be written in several ways, and none of
    them may bring a revoked certificate back.
    """

    signed_part: str
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
        known = (each for each in self.revoked if each.signed_part == certificate.signed_part and each.at <= at)
        return min(known, key=lambda each: each.at, default=None)
