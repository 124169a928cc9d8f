"""The one public decision about trust: whether a signer is believed at a moment, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from trust_store.certificate import Certificate
from trust_store.errors import Misuse, reason
from trust_store.evidence import Evidence
from trust_store.identity import Identity, belongs
from trust_store.paths import Path
from trust_store.policy import Policy
from trust_store.verdict import Check, Outcome, Verdict, failed, passed

NO_ANCHOR = reason(
    "anchor-missing",
    "No trusted authority is known here",
    "Give the certificates of the trusted authorities (--anchor), or have the administrator of the hub install them",
)
NOT_AUTHORITY = reason(
    "issuer-not-ca",
    "A certificate was issued by one that is no authority",
    "Sign with a certificate that a listed authority issued itself",
)
REVOKED = reason(
    "certificate-revoked",
    "The certificate was revoked",
    "Sign with a certificate that is in force; ask the administrator of the hub if the revocation is an error",
)


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

    # 6 It leads to an anchor, through authorities that are valid and strong enough at the moment (RFC 5280, 6).
    path = _trace(leaf, chain[1:], evidence, policy, at)
    checks.append(path.check)

    # 7 Neither it nor an authority on the path is revoked by the local list.
    checks.append(_unrevoked((leaf, *path.authorities), evidence, at))

    # 8 It belongs to the party that it is said to speak for.
    if party is not None:
        checks.append(belongs(leaf, party))

    return _conclude(checks, at, chain, party)


def _trace(leaf: Certificate, helpers: Sequence[Certificate], evidence: Evidence, policy: Policy, at: datetime) -> Path:
    """Search with the fit authorities only; when that finds nothing, say which unfit one stood in the way."""
    if not evidence.anchors:
        text = f"The certificate of {leaf.subject} cannot be judged: no trusted authority is known here"
        return Path(check=Check(name="path", outcome=Outcome.UNKNOWN, text=text, reason=NO_ANCHOR))
    anchors = _distinct(evidence.anchors)
    known = {leaf, *anchors}
    issuers = tuple(each for each in _distinct((*evidence.intermediates, *helpers)) if each not in known)
    unfit = {each: check for each in (*anchors, *issuers) if (check := _fitness(each, anchors, policy, at)).reason}
    path = evidence.paths.find(
        leaf,
        tuple(each for each in issuers if each not in unfit),
        tuple(each for each in anchors if each not in unfit),
    )
    if path.check.reason is not None:
        for each in _lineage(leaf, (*anchors, *issuers)):
            if each in unfit:
                return Path(check=replace(unfit[each], name="path"))
    return path


def _distinct(certificates: Iterable[Certificate]) -> tuple[Certificate, ...]:
    return tuple(dict.fromkeys(certificates))


def _fitness(certificate: Certificate, anchors: tuple[Certificate, ...], policy: Policy, at: datetime) -> Check:
    """Ask what every authority on a path must meet; a root's signature on itself proves nothing and is left out."""
    if not certificate.is_authority:
        return failed("path", NOT_AUTHORITY, f"{certificate.subject} is no authority and cannot issue certificates")
    validity = policy.validity(certificate, at)
    root = certificate.is_self_issued and certificate in anchors
    strength = policy.key(certificate, at) if root else policy.strength(certificate, at)
    return next((each for each in (validity, strength) if each.reason is not None), passed("path", "fit"))


def _lineage(leaf: Certificate, authorities: tuple[Certificate, ...]) -> list[Certificate]:
    """Follow the names from the leaf upward, for an explanation only: names prove nothing."""
    line = [leaf]
    for lower in line:
        line.extend(each for each in authorities if each.subject == lower.issuer and each not in line)
    return line[1:]


def _unrevoked(certificates: tuple[Certificate, ...], evidence: Evidence, at: datetime) -> Check:
    for each in certificates:
        revocation = evidence.revocation(each, at)
        if revocation is not None:
            text = f"The certificate of {each.subject} is revoked since {revocation.at:%Y-%m-%d}: {revocation.why}"
            return failed("revocation", REVOKED, text)
    return passed("revocation", f"Certificates not on the local revocation list: {len(certificates)}")


def _conclude(
    checks: Sequence[Check], at: datetime, chain: Sequence[Certificate], party: Identity | None = None
) -> Verdict:
    certificate = chain[0].fingerprint if chain else ""
    for each in checks:
        if each.reason is not None:
            return Verdict(
                outcome=each.outcome,
                text=each.text,
                at=at,
                checks=tuple(checks),
                certificate=certificate,
                reason=each.reason,
            )
    text = "; ".join(each.text for each in checks if each.name in {"path", "holder"})
    codes = party.codes if party is not None else frozenset()
    return Verdict(outcome=Outcome.VALID, text=text, at=at, checks=tuple(checks), certificate=certificate, codes=codes)
