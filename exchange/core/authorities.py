"""Which authorities are trusted and on which terms, and what a change of that would mean before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from exchange.core.model import Party, PartyId
from exchange.errors import NOT_FOUND, REQUEST
from trust_store.certificate import Certificate
from trust_store.errors import Refused
from trust_store.evidence import USUAL, Evidence, Terms
from trust_store.identity import PartyKind
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.tracing import NOT_AUTHORITY
from trust_store.verdict import Verdict

MOST_AT_ONCE: Final = 200


class Role(StrEnum):
    """Name what an authority is here: trusted by itself, or known between anchors and signers."""

    ANCHOR = "anchor"
    INTERMEDIATE = "intermediate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Hold an authority that is known, and on which terms; those of an intermediate mean nothing."""

    certificate: Certificate
    role: Role
    terms: Terms = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Let an authority be known as this from now on; without a role, no longer. Terms say from when it is trusted."""

    certificate: Certificate
    role: Role | None
    terms: Terms = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Name a certificate of a party that would be judged otherwise, and what would then be said of it."""

    party: PartyId
    subject: str
    fingerprint: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Say what a change would mean at the moment when it takes effect: who is believed then, and who no longer.

    `warnings` are about the authorities themselves. `judged` counts the certificates that were asked about.
    """

    at: datetime
    warnings: tuple[str, ...]
    gained: tuple[Affected, ...]
    lost: tuple[Affected, ...]
    judged: int


def check_changes(changes: Sequence[Change], known: Iterable[Authority]) -> None:
    """Check that changes can be made.

    Raises:
        Refused: `request-malformed`: none, too many, or one authority twice; `issuer-not-ca`: a certificate that cannot issue
            any; `not-found`: what is to be forgotten is not known.
    """
    fingerprints = [change.certificate.fingerprint for change in changes]
    if not 1 <= len(changes) <= MOST_AT_ONCE or len(set(fingerprints)) < len(changes):
        raise Refused(REQUEST, f"Between 1 and {MOST_AT_ONCE} authorities are changed at once, each once")
    present = {authority.certificate.fingerprint for authority in known}
    for change in changes:
        subject = change.certificate.subject
        if change.role is not None and not change.certificate.is_authority:
            raise Refused(NOT_AUTHORITY, f"{subject} is no authority and cannot issue certificates")
        if change.role is None and change.certificate.fingerprint not in present:
            raise Refused(NOT_FOUND, f"{subject} is not known here")
        if change.terms.since and change.terms.until and change.terms.since >= change.terms.until:
            raise Refused(REQUEST, f"{subject} would be trusted from a moment that is not before the end")


def amend(evidence: Evidence, changes: Iterable[Change]) -> Evidence:
    """Give the evidence as it would be after changes, with a memory of its own."""
    named = {change.certificate: change for change in changes}
    kept = {role: [each for each in held if each not in named] for role, held in _held(evidence).items()}
    for certificate, change in named.items():
        if change.role is not None:
            kept[change.role].append(certificate)
    terms = {key: value for key, value in evidence.terms.items() if all(key != each.fingerprint for each in named)}
    return Evidence(
        anchors=tuple(kept[Role.ANCHOR]),
        intermediates=tuple(kept[Role.INTERMEDIATE]),
        terms=terms | {each.fingerprint: change.terms for each, change in named.items() if change.role is Role.ANCHOR},
        revoked=evidence.revoked,
        lists=evidence.lists,
        answers=evidence.answers,
    )


def preview(
    evidence: Evidence,
    changes: Sequence[Change],
    registered: Iterable[tuple[Party, Certificate]],
    policy: Policy,
    now: datetime,
) -> Preview:
    """Judge every certificate of every party as now and as after the change, at the moment when the last of it has effect."""
    at = max((now, *(change.terms.since for change in changes if change.terms.since)))
    after = amend(evidence, changes)
    gained: list[Affected] = []
    lost: list[Affected] = []
    judged = 0
    for party, certificate in registered:
        before, then = (judge([certificate], each, policy, at, party.identity) for each in (evidence, after))
        judged += 1
        if (before.reason is None) != (then.reason is None):
            (gained if then.reason is None else lost).append(_affected(party, certificate, then))
    warnings = tuple(text for change in changes for text in _warn(change, policy, at))
    return Preview(at=at, warnings=warnings, gained=tuple(gained), lost=tuple(lost), judged=judged)


def describe_terms(terms: Terms) -> str:
    """Write terms in one line for a person."""
    parts = [f"for {', '.join(sorted((*terms.kinds, *terms.uses)))}"] if terms.kinds or terms.uses else ["for all"]
    parts.append(f"revocation {terms.asking}")
    parts += [f"from {terms.since:%Y-%m-%d %H:%M} UTC"] if terms.since else []
    parts += [f"until {terms.until:%Y-%m-%d %H:%M} UTC"] if terms.until else []
    return ", ".join(parts)


def _held(evidence: Evidence) -> dict[Role, tuple[Certificate, ...]]:
    return {Role.ANCHOR: evidence.anchors, Role.INTERMEDIATE: evidence.intermediates}


def _affected(party: Party, certificate: Certificate, verdict: Verdict) -> Affected:
    return Affected(party=party.id, subject=certificate.subject, fingerprint=certificate.fingerprint, text=verdict.text)


def _warn(change: Change, policy: Policy, at: datetime) -> list[str]:
    """Say what an administrator should see before an authority is trusted."""
    if change.role is None:
        return []
    certificate = change.certificate
    checks = (policy.validity(certificate, at), policy.key(certificate, at))
    texts = [check.text for check in checks if check.reason is not None]
    if change.role is Role.ANCHOR and not certificate.is_self_issued:
        texts.append(
            f"{certificate.subject} is no root: {certificate.issuer} issued it and can do nothing about it here"
        )
    if change.role is Role.ANCHOR and not change.terms.kinds:
        texts.append(f"{certificate.subject} may speak for every kind of party: {', '.join(PartyKind)}")
    return texts
