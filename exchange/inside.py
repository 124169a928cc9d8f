"""Judge the signatures inside a file: what was told of them without trust, against the trust of this hub or this person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import NameOID

from envelopes.inside.facts import Change, Cover, Facts, Fault, FileKind, Mark, MarkKind, Stamp, fault_of, tidy
from envelopes.inside.reasons import (
    COSTLY,
    DAMAGED,
    ENCRYPTED,
    IRREGULAR,
    KIND,
    NOT_LOOKED_INTO,
    OVER_SIZE,
    PARTLY,
    STAMP,
    UNSIGNED,
)
from trust_store.certificate import Certificate, load
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.judge import judge
from trust_store.policy import Policy, Use
from trust_store.revocation.reasons import REVOKED
from trust_store.timestamp import purpose
from trust_store.verdict import Outcome, Verdict

TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
_OPEN: Final = frozenset(
    each.code for each in (IRREGULAR, KIND, NOT_LOOKED_INTO, OVER_SIZE, COSTLY, DAMAGED, ENCRYPTED)
)
"""What leaves the question open: it could not be looked at, so it is neither good nor bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Hold a moment (UTC) before which something existed, and, if an authority vouches for it, that one's name."""

    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Say of one signature inside a file whether it is believed and why, who made it, and what it covers.

    `claimed_at` is what the signer says, `stamped_at` what a believed time-stamping authority says, `judged_at` the moment
    that the signer was judged at: the stamped one, or else the one when the file was received; `judgement` has the tree of
    checks. `later` tells that the certificate was revoked afterwards. Times are in UTC.
    """

    mark: Mark
    verdict: Outcome
    reason: str
    text: str
    judged_at: datetime
    signer: str = ""
    organisation: str = ""
    unit: str = ""
    certificate: str = ""
    stamped_at: datetime | None = None
    stamped_by: str = ""
    later: str = ""
    judgement: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Say of a file what its signatures come to: the first that is not good decides. `bare` is what of it nobody signed."""

    kind: FileKind
    verdict: Outcome
    reason: str
    text: str
    bare: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()


def judge_inside(facts: Facts, evidence: Evidence, policy: Policy, received: datetime, now: datetime) -> Inside:
    """Judge the signatures of a file that was received at a moment; `now` is asked for later revocations only.

    From the newest to the oldest, as EN 319 102-1 (5.6) has it: a believed document time-stamp proves that all before it
    existed then, so older signatures are judged as of its time, and each by its own time-stamp if that is believed.
    """
    proof, found = Proof(at=received), list[Signature]()
    for mark in reversed(facts.marks):
        judged, own = _judge(mark, evidence, policy, proof, now)
        found.append(judged)
        if mark.kind is MarkKind.TIME_STAMP and judged.verdict is Outcome.VALID:
            proof = own
    return _conclude(facts, tuple(reversed(found)))


def unread(kind: FileKind, refusal: Refused) -> Inside:
    """Say why nothing is known of the signatures of a file."""
    return _conclude(Facts(kind=kind, fault=fault_of(refusal)), ())


def _judge(mark: Mark, evidence: Evidence, policy: Policy, before: Proof, now: datetime) -> tuple[Signature, Proof]:
    proof, doubt = _prove(mark.stamps, evidence, policy, before)
    stamping = mark.kind is MarkKind.TIME_STAMP
    signer = _holder(mark.chain)
    try:
        chain = tuple(load(each) for each in mark.chain)
        verdict = doubt if stamping else judge(chain, evidence, policy, proof.at) if chain else None
        fault = mark.fault
    except Refused as refusal:
        verdict, fault = None, mark.fault or fault_of(refusal)
    outcome, code, text = _say(mark, fault, verdict)
    found = Signature(
        mark=mark,
        verdict=outcome,
        reason=code,
        text=text if stamping or doubt is None or doubt.reason is None else f"{text}. {doubt.text}",
        judged_at=before.at if stamping else proof.at,
        signer=signer.subject if signer else "",
        organisation=_part(signer, NameOID.ORGANIZATION_NAME),
        unit=_part(signer, NameOID.ORGANIZATIONAL_UNIT_NAME),
        certificate=signer.fingerprint if signer else "",
        stamped_at=proof.at if proof.by else None,
        stamped_by=proof.by,
        later=_later(mark, outcome, evidence, policy, now),
        judgement=verdict,
    )
    return found, proof


def _prove(stamps: Sequence[Stamp], evidence: Evidence, policy: Policy, before: Proof) -> tuple[Proof, Verdict | None]:
    """Find the first believed time-stamp, and else say of the last one why it is not."""
    verdict: Verdict | None = None
    for stamp in stamps:
        verdict = _judge_stamp(stamp, evidence, policy, before)
        if verdict.reason is None:
            return Proof(at=stamp.at, by=load(stamp.chain[0]).subject), verdict
    return replace(before, by=""), verdict


def _judge_stamp(stamp: Stamp, evidence: Evidence, policy: Policy, before: Proof) -> Verdict:
    """Judge the signer of a time-stamp (RFC 3161, 2.3): an authority for that alone, believed at its time and ever since."""
    own, fault = replace(policy, purposes=frozenset({TIME_STAMPING}), use=Use.TIMESTAMPS), stamp.fault
    try:
        chain = tuple(load(each) for each in stamp.chain)
    except Refused as refusal:
        fault, chain = fault or fault_of(refusal), ()
    if fault is None and stamp.at > before.at:
        fault = Fault(
            code=STAMP.code, detail=f"The time-stamp says {stamp.at:%Y-%m-%d %H:%M:%S} UTC, which was to come"
        )
    if fault is not None:
        return Verdict(outcome=Outcome.INVALID, text=fault.detail, at=before.at, reason=fault.reason)
    fit = purpose(chain[0])
    if fit.reason is not None:
        return Verdict(outcome=fit.outcome, text=fit.text, at=before.at, checks=(fit,), reason=fit.reason)
    then = judge(chain, evidence, own, stamp.at)
    return then if then.reason is not None else judge(chain, evidence, own, before.at)


def _say(mark: Mark, fault: Fault | None, verdict: Verdict | None) -> tuple[Outcome, str, str]:
    """Give outcome, reason and sentence: what is wrong with the signature comes before what is wrong with its signer."""
    if fault is not None:
        outcome = Outcome.UNKNOWN if fault.code in _OPEN else Outcome.INVALID
        return outcome, fault.code, f"{fault.detail}. {fault.reason.fix}"
    if verdict is None:
        return Outcome.INVALID, STAMP.code, f"{STAMP.title}. {STAMP.fix}"
    if verdict.reason is not None:
        return verdict.outcome, verdict.reason.code, f"{verdict.text}. {verdict.reason.fix}"
    return Outcome.VALID, "", f"{verdict.text}. {_extent(mark)}"


def _extent(mark: Mark) -> str:
    if mark.parts:
        what = f"Covers {'the whole document' if mark.cover is Cover.WHOLE else ', '.join(mark.parts)}"
    else:
        what = "Covers the whole file" if mark.cover is Cover.WHOLE else f"Covers revision {mark.revision} of the file"
    changes = {
        Change.NONE: "nothing was changed after it",
        Change.ARCHIVAL: "after it came only what keeps signatures provable",
        Change.FORM: "after it came further signatures or form entries",
        Change.NOTES: "after it came annotations",
    }
    return f"{what}; {changes.get(mark.change, 'what came after it is not known')}"


def _later(mark: Mark, outcome: Outcome, evidence: Evidence, policy: Policy, now: datetime) -> str:
    """Tell that the certificate of a good signature was revoked since: it stays good, and whoever reads it should know."""
    if outcome is not Outcome.VALID:
        return ""
    verdict = judge(tuple(load(each) for each in mark.chain), evidence, policy, now)
    revoked = next((check for check in verdict.checks if check.reason is REVOKED), None)
    return f"Revoked later: {revoked.text}" if revoked else ""


def _conclude(facts: Facts, signatures: tuple[Signature, ...]) -> Inside:
    outcome, code, text = _sum(facts, signatures)
    return Inside(kind=facts.kind, verdict=outcome, reason=code, text=text, bare=facts.bare, signatures=signatures)


def _sum(facts: Facts, signatures: tuple[Signature, ...]) -> tuple[Outcome, str, str]:
    bad = next((each for each in signatures if each.verdict is not Outcome.VALID), None)
    names = ", ".join(dict.fromkeys(each.signer for each in signatures if each.mark.kind is not MarkKind.TIME_STAMP))
    if bad is not None:
        who = f"{bad.mark.name or 'signature'} by {bad.signer}" if bad.signer else bad.mark.name or "signature"
        return bad.verdict, bad.reason, f"Signatures: {len(signatures)}. {who}: {bad.text}"
    if facts.fault is not None:
        outcome = Outcome.UNSIGNED if facts.fault.code == UNSIGNED.code else Outcome.UNKNOWN
        return outcome, facts.fault.code, f"{facts.fault.detail}. {facts.fault.reason.fix}"
    if facts.bare:
        text = f"Signed by {names}, but for {', '.join(facts.bare)}. {PARTLY.fix}"
        return Outcome.UNKNOWN, PARTLY.code, text
    return (
        Outcome.VALID,
        "",
        f"Signatures: {len(signatures)}, all valid. Signed by {names or 'nobody; only time-stamped'}",
    )


def _holder(chain: Sequence[bytes]) -> Certificate | None:
    try:
        return load(chain[0]) if chain else None
    except Refused:
        return None


def _part(certificate: Certificate | None, name: ObjectIdentifier) -> str:
    """Read one kind of entry of the subject, as its authority wrote it."""
    entries = certificate.x509.subject.get_attributes_for_oid(name) if certificate else ()
    return tidy(", ".join(str(entry.value) for entry in entries))
