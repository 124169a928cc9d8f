"""The one public decision about trust: whether a signer is believed at a moment, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from trust_store.certificate import Certificate
from trust_store.errors import Misuse
from trust_store.evidence import Evidence
from trust_store.identity import Identity, belongs
from trust_store.policy import Policy
from trust_store.revocation.reasons import REVOKED
from trust_store.tracing import Tracer
from trust_store.verdict import Check, Outcome, Verdict, failed, passed


def judge(
    chain: Sequence[Certificate], evidence: Evidence, policy: Policy, at: datetime, party: Identity | None = None
) -> Verdict:
    """Decide whether the signer is believed at the moment and, if a party is given, whether it is that party.

    `chain` is what came with the signature: the signer's certificate, then helpers in any order, which are hints and
    never trusted. All checks that can be made are recorded, also after one that failed; the first that failed gives the
    verdict its reason. Pure: the same arguments give the same verdict. Takes no step that waits.

    Raises:
        Misuse: `at` has no time zone.
    """
    if at.tzinfo is None:
        raise Misuse("the moment to judge at has no time zone")
    at = at.astimezone(UTC)

    # 1 As many certificates were sent as may be looked at.
    checks = [policy.size(chain)]
    if checks[0].reason is not None:
        return _conclude(checks, at, chain)
    leaf = chain[0]

    # 2 The signer's certificate is valid at the moment.
    checks.append(policy.validity(leaf, at))

    # 3 Its key, and the signature of its issuer, are strong enough.
    checks.append(policy.strength(leaf, at))

    # 4 Its key usage covers documents.
    checks.append(policy.usage(leaf))

    # 5 Its extended key usage, if it has one, does not exclude them.
    checks.append(policy.purpose(leaf))

    # 6 It leads to an anchor that may speak for the party, through authorities that are valid and strong enough at the
    #   moment (RFC 5280, 6).
    kind = party.kind if party is not None else None
    trace = Tracer(evidence=evidence, policy=policy, at=at, kind=kind).trace(leaf, chain[1:])
    checks.append(trace.path.check)

    # 7 Neither it nor an authority on the path is revoked, by the local list or by the authorities as far as what they told
    #   is fresh enough (RFC 5280, 6.3; RFC 6960).
    checks.append(_unrevoked((leaf, *trace.path.authorities), trace.standings, evidence, at))

    # 8 It belongs to the party that it is said to speak for.
    if party is not None:
        checks.append(belongs(leaf, party))

    return _conclude(checks, at, chain, trace.path.authorities, party)


def _unrevoked(
    certificates: tuple[Certificate, ...], standings: tuple[Check, ...], evidence: Evidence, at: datetime
) -> Check:
    checks = (_unlisted(certificates, evidence, at), *standings)
    for each in checks:
        if each.reason is not None:
            return replace(each, name="revocation", checks=checks)
    told = " ".join(each.evidence for each in standings if each.evidence)
    text = f"Certificates not revoked: {len(certificates)}"
    return passed("revocation", text, checks=checks, evidence=told)


def _unlisted(certificates: tuple[Certificate, ...], evidence: Evidence, at: datetime) -> Check:
    for each in certificates:
        revocation = evidence.revocation(each, at)
        if revocation is not None:
            text = f"The certificate of {each.subject} is revoked since {revocation.at:%Y-%m-%d}: {revocation.why}"
            return failed("local-list", REVOKED, text)
    return passed("local-list", f"Certificates not on the local revocation list: {len(certificates)}")


def _conclude(
    checks: Sequence[Check],
    at: datetime,
    chain: Sequence[Certificate],
    authorities: tuple[Certificate, ...] = (),
    party: Identity | None = None,
) -> Verdict:
    certificate = chain[0].fingerprint if chain else ""
    path = tuple(each.subject for each in (*chain[:1], *authorities))
    for each in checks:
        if each.reason is not None:
            return Verdict(
                outcome=each.outcome,
                text=each.text,
                at=at,
                checks=tuple(checks),
                certificate=certificate,
                path=path,
                reason=each.reason,
            )
    return Verdict(
        outcome=Outcome.VALID,
        text="; ".join(each.text for each in checks if each.name in {"path", "holder"}),
        at=at,
        checks=tuple(checks),
        certificate=certificate,
        path=path,
        codes=party.codes if party is not None else frozenset(),
    )
