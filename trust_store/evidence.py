"""What the judge may rely on, apart from the message itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from trust_store.certificate import Certificate
from trust_store.identity import PartyKind
from trust_store.paths import Paths
from trust_store.policy import Use
from trust_store.revocation.answers import OcspAnswer
from trust_store.revocation.lists import RevocationList
from trust_store.revocation.memory import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """State that a certificate is not believed from `at` (UTC) on, and why, for a person.

    It is named by the part that its issuer signed: what is around that part can be written in several ways, and none of
    them may bring a revoked certificate back.
    """

    signed_part: str
    at: datetime
    why: str


class Asking(StrEnum):
    """Name when it must be known that a certificate below an anchor is not revoked.

    `REQUIRED`: always. `NAMED`: when the certificate names a place where revocations are told, or a list of its issuer is
    known here; else the local revocation list alone decides. `LOCAL`: the local list decides, whatever the certificate names.
    """

    REQUIRED = "required"
    NAMED = "named"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """State on which terms an anchor is trusted: for which kinds of party and uses (none named: all), and when."""

    kinds: frozenset[PartyKind] = frozenset()
    uses: frozenset[Use] = frozenset()
    asking: Asking = Asking.NAMED
    since: datetime | None = None
    until: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Tell whether the anchor is trusted at the moment; the end is not part of the time."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def speaks_for(self, kind: PartyKind | None, use: Use) -> bool:
        """Tell whether the anchor may vouch for a party of this kind (None: whoever it is), for this use."""
        return (kind is None or not self.kinds or kind in self.kinds) and (not self.uses or use in self.uses)


USUAL: Final = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Hold the trusted authorities, the known ones between them and the signers, and what is known of revocations.

    `terms` has those of anchors by fingerprint, where they are not as usual. `revoked` is the local list; `lists` and
    `answers` come from the authorities, and are believed only as far as their signatures reach. `paths`
    remembers paths, which depend on certificates alone, and can be handed on; `standings` remembers what was found by this
    very evidence, and never passes to another value, not even to a changed copy.
    """

    anchors: tuple[Certificate, ...]
    intermediates: tuple[Certificate, ...] = ()
    terms: Mapping[str, Terms] = field(default_factory=dict)
    revoked: tuple[Revocation, ...] = ()
    lists: tuple[RevocationList, ...] = ()
    answers: tuple[OcspAnswer, ...] = ()
    paths: Paths = field(default_factory=Paths, compare=False, repr=False)
    standings: Standings = field(default_factory=Standings, init=False, compare=False, repr=False)
    _listed: dict[str, list[Revocation]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Sort the local list by certificate: it is looked at for every signature, and can have many thousand entries."""
        for each in self.revoked:
            self._listed.setdefault(each.signed_part, []).append(each)

    def terms_of(self, anchor: Certificate) -> Terms:
        """Return on which terms an anchor is trusted."""
        return self.terms.get(anchor.fingerprint, USUAL)

    def revocation(self, certificate: Certificate, at: datetime) -> Revocation | None:
        """Find the earliest local revocation of the certificate that is in force at the moment."""
        known = (each for each in self._listed.get(certificate.signed_part, ()) if each.at <= at)
        return min(known, key=lambda each: each.at, default=None)
