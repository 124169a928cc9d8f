"""The only answer that the other rooms get about trust: a verdict with every check that led to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trust_store.errors import Reason, Refused

__all__ = ["Check", "NotBelieved", "Outcome", "Reason", "Verdict", "failed", "passed", "unknown", "vouched"]


class Outcome(StrEnum):
    """Name the result of a check or a verdict (EN 319 102-1, 5.1.3: passed, failed, indeterminate)."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    UNSIGNED = "unsigned"
    """No signature was judged: the party's policy lets authenticated messages in without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Record one check: its stable name, how it ended, why if it did not pass, and a sentence for a person.

    `checks` are those that it consists of, `evidence` names what it stands on (`sha256:` and the digest of a revocation list
    or an OCSP answer).
    """

    name: str
    outcome: Outcome
    text: str
    reason: Reason | None = None
    checks: tuple[Check, ...] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Say whether a signer is believed at a moment, for whom the signature speaks, and by which checks.

    `codes` are the identification codes of the party that the certificate belongs to, as registered; empty when no
    party was asked for. `certificate` is the fingerprint of the one judged, `path` has the names of it and of the authorities
    above it, as far as a path was found. `at` is the moment judged, in UTC. `reason` is that of the first check that did not
    pass.
    """

    outcome: Outcome
    text: str
    at: datetime
    checks: tuple[Check, ...] = ()
    codes: frozenset[str] = frozenset()
    certificate: str = ""
    path: tuple[str, ...] = ()
    reason: Reason | None = None

    def require(self) -> None:
        """Go on only when the signer is believed or vouched for.

        Raises:
            NotBelieved: with the reason of the first check that did not pass.
        """
        if self.reason is not None:
            raise NotBelieved(self, self.reason)


class NotBelieved(Refused):
    """A signer is not believed; `verdict` has every check."""

    def __init__(self, verdict: Verdict, why: Reason) -> None:
        super().__init__(why, verdict.text)
        self.verdict = verdict


def passed(name: str, text: str, *, checks: tuple[Check, ...] = (), evidence: str = "") -> Check:
    """Record a check that passed."""
    return Check(name=name, outcome=Outcome.VALID, text=text, checks=checks, evidence=evidence)


def failed(name: str, reason: Reason, text: str, *, checks: tuple[Check, ...] = (), evidence: str = "") -> Check:
    """Record a check that failed, with the rule that it failed."""
    return Check(name=name, outcome=Outcome.INVALID, text=text, reason=reason, checks=checks, evidence=evidence)


def unknown(name: str, reason: Reason, text: str, *, checks: tuple[Check, ...] = ()) -> Check:
    """Record a check that could not be decided, and why; whoever relies on it is refused all the same."""
    return Check(name=name, outcome=Outcome.UNKNOWN, text=text, reason=reason, checks=checks)


def vouched(codes: frozenset[str], how: str, at: datetime) -> Verdict:
    """Let an unsigned message stand on the authentication of the party that handed it in; `how` names that."""
    check = passed("authenticated", how)
    text = f"Unsigned, authenticated by {how}"
    return Verdict(outcome=Outcome.UNSIGNED, text=text, at=at, checks=(check,), codes=codes)
