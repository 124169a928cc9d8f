"""Judge what keeps a signature provable: the level that its unsigned properties reach, and why not more (EN 319 132-1, 6).

They neither break nor raise the verdict on the signer; they prove a time, before which the signature was there, and carry
what shows that its certificate was good then. Three times are kept apart: the claimed, the proven, and that of receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from cryptography.hazmat.primitives import hashes

from envelopes.signature.unsigned import Stamp, StampKind, ValueKind
from envelopes.signature.verify import Signed
from trust_store.certificate import Certificate, load
from trust_store.errors import Refused, reason
from trust_store.evidence import Asking, Evidence, Terms
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.revocation.answers import load_answer
from trust_store.revocation.lists import load_list
from trust_store.timestamp import judge_token
from trust_store.token import HASHES, Token, load_token
from trust_store.verdict import Check, Outcome, failed, passed, unknown

FUTURE = reason(
    "claimed-time-future",
    "The signature claims to be from the future",
    "Set the clock of the computer that signs by NTP, and sign again",
)
NOT_STAMPED = reason(
    "level-not-stamped",
    "No time-stamp that holds proves when the signature was there",
    "Raise the document to level T (congvan raise), or keep it with its receipts",
)
NOT_COMPLETE = reason(
    "level-not-complete",
    "What proves the certificates later is not all in the document",
    "Raise the document to level LT while the authorities still answer (congvan raise --level LT)",
)
NOT_ARCHIVED = reason(
    "level-not-archived",
    "No archive time-stamp that holds protects what is in the document",
    "Raise the document to level LTA (congvan raise --level LTA)",
)
_T = TypeVar("_T")
SKEW: Final = timedelta(minutes=5)
"""By how much clocks may differ before a claimed time counts as in the future."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRule:
    """State by how much a claimed time may be ahead of the clock of receipt, and whether more than that is refused."""

    skew: timedelta = SKEW
    is_strict: bool = False

    def check(self, claimed: datetime | None, at: datetime) -> Check:
        """Judge a claimed time; one that is only to be told has the outcome of a check that could not be decided.

        Raises:
            Refused: `claimed-time-future`, where the rule is strict.
        """
        check = judge_claim(claimed, at, self.skew)
        if check.reason is None or not self.is_strict:
            return check if check.reason is None else replace(check, outcome=Outcome.UNKNOWN)
        raise Refused(FUTURE, check.text)


class Level(StrEnum):
    """Name what a signature has reached, each with all that comes before it; B alone proves no time."""

    B = "B"
    T = "T"
    LT = "LT"
    LTA = "LTA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Hold the level, the earliest moment (UTC) by which the signature is proven to have been there, and every check.

    `renew_by` is when the certificate of the outermost time-stamp ends: a further one is due before. Without `is_baseline`
    nothing is claimed and signed besides the content, so the level is none of XAdES.
    """

    level: Level
    is_baseline: bool
    proven: datetime | None = None
    renew_by: datetime | None = None
    checks: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        """Name the level honestly: as XAdES does only where it is XAdES."""
        if self.is_baseline:
            return f"XAdES B-{self.level}"
        return "XML signature" if self.level is Level.B else f"XML signature with the time-stamps of level {self.level}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """Hold a time-stamp that holds, where it stands, and what the check of it says."""

    token: Token
    stamp: Stamp


def judge_claim(claimed: datetime | None, at: datetime, skew: timedelta = SKEW) -> Check:
    """Compare the claimed time with the clock of whoever received it; only one beyond `at` and the skew is wrong."""
    if claimed is None:
        return passed("claimed-time", "No signing time is claimed")
    said = f"The signer claims to have signed at {claimed:%Y-%m-%d %H:%M:%S} UTC"
    if claimed > at + skew:
        text = f"{said}, {claimed - at} after {at:%Y-%m-%d %H:%M:%S} UTC; {skew} are tolerated"
        return failed("claimed-time", FUTURE, text)
    return passed("claimed-time", f"{said}; nobody vouches for that")


def assess(signed: Signed, evidence: Evidence, policy: Policy, now: datetime) -> Lasting:
    """Judge the unsigned properties of a verified signature, from the outermost time-stamp inwards (EN 319 102-1, 5.6.3).

    Each archive time-stamp protects what stands before it from its own time on; the innermost proves the signature. What
    fails is told and counts for nothing. Pure; takes no step that waits.
    """
    is_baseline = signed.claimed is not None and signed.claimed.is_baseline
    remarks = tuple(Check(name="remark", outcome=Outcome.UNKNOWN, text=each) for each in signed.unsigned.remarks)
    archives, stamps, checks = _hold(signed, evidence, policy, now)
    held = (*archives, *stamps)
    if not held:
        return Lasting(
            level=Level.B,
            is_baseline=is_baseline,
            checks=(*checks, *remarks, unknown("level-T", NOT_STAMPED, NOT_STAMPED.title)),
        )
    proven = min(each.token.time for each in held)
    outermost = max(held, key=lambda each: (each.stamp.kind is StampKind.ARCHIVE, each.stamp.place))
    level, reached = _climb(signed, archives, stamps, evidence, policy, proven)
    return Lasting(
        level=level,
        is_baseline=is_baseline,
        proven=proven,
        renew_by=outermost.token.authority.not_after,
        checks=(*checks, *remarks, *reached),
    )


def _hold(
    signed: Signed, evidence: Evidence, policy: Policy, now: datetime
) -> tuple[list[_Held], list[_Held], tuple[Check, ...]]:
    """Judge every time-stamp, the last archive one first; what it protects is judged as of its time."""
    embedded = replace(evidence, intermediates=(*evidence.intermediates, *_certificates(signed)))
    archives: list[_Held] = []
    stamps: list[_Held] = []
    checks: list[Check] = []
    order = sorted(signed.unsigned.stamps, key=lambda each: (each.kind is StampKind.ARCHIVE, each.place), reverse=True)
    for stamp in order:
        protected = min((each.token.time for each in archives), default=now)
        token, check = _judge_stamp(stamp, embedded, policy, protected)
        checks.append(check)
        if token is not None:
            (archives if stamp.kind is StampKind.ARCHIVE else stamps).append(_Held(token=token, stamp=stamp))
    return archives, stamps, tuple(reversed(checks))


def _judge_stamp(stamp: Stamp, evidence: Evidence, policy: Policy, protected: datetime) -> tuple[Token | None, Check]:
    try:
        token = load_token(stamp.der)
    except Refused as refusal:
        return None, failed(stamp.kind, refusal.reason, refusal.detail)
    verdict = judge_token(token, _imprint(token, stamp.octets), evidence, policy, protected)
    if verdict.reason is not None:
        check = Check(
            name=stamp.kind, outcome=verdict.outcome, text=verdict.text, reason=verdict.reason, checks=verdict.checks
        )
        return None, check
    return token, passed(stamp.kind, verdict.text, checks=verdict.checks, evidence=f"sha256:{token.digest}")


def _imprint(token: Token, octets: Iterable[bytes]) -> bytes:
    state = hashes.Hash(HASHES[token.algorithm]())
    for piece in octets:
        state.update(piece)
    return state.finalize()


def _climb(
    signed: Signed, archives: list[_Held], stamps: list[_Held], evidence: Evidence, policy: Policy, proven: datetime
) -> tuple[Level, tuple[Check, ...]]:
    """Climb from T as far as it goes; the last check says why no further."""
    reached = (passed("level-T", f"The signature was there at {proven:%Y-%m-%d %H:%M:%S} UTC"),)
    if not stamps:
        return Level.B, (
            *reached,
            unknown("level-T", NOT_STAMPED, "Only archive time-stamps hold, none of the signature"),
        )
    last = max((each.stamp.place for each in archives), default=None)
    whole = _complete(signed, stamps[0].token, evidence, policy, proven, before=None)
    if whole.reason is not None:
        return Level.T, (*reached, whole)
    if last is None:
        return Level.LT, (*reached, whole, unknown("level-LTA", NOT_ARCHIVED, NOT_ARCHIVED.title))
    inner = _complete(signed, stamps[0].token, evidence, policy, proven, before=last)
    if inner.reason is not None:
        text = f"The archive time-stamp does not protect all of it: {inner.text}"
        return Level.LT, (*reached, whole, unknown("level-LTA", NOT_ARCHIVED, text))
    return Level.LTA, (*reached, whole, passed("level-LTA", "An archive time-stamp protects all of it"))


def _complete(
    signed: Signed, token: Token, evidence: Evidence, policy: Policy, proven: datetime, *, before: int | None
) -> Check:
    """Judge signer and time-stamp by what the document itself carries, up to a place, and by the anchors alone."""
    own = _own_evidence(signed, evidence, before)
    verdicts = (
        judge(signed.chain, own, policy, proven),
        judge_token(token, token.imprint, own, policy),
    )
    for each in verdicts:
        if each.reason is not None:
            return unknown("level-LT", NOT_COMPLETE, f"{NOT_COMPLETE.title}: {each.text}", checks=each.checks)
    told = " ".join(check.evidence for each in verdicts for check in each.checks if check.evidence)
    return Check(name="level-LT", outcome=Outcome.VALID, text="What proves the certificates is there", evidence=told)


def asking_everywhere(evidence: Evidence) -> dict[str, Terms]:
    """Give the terms of the anchors, but that revocation must be known below each of them."""
    return {each.fingerprint: replace(evidence.terms_of(each), asking=Asking.REQUIRED) for each in evidence.anchors}


def _own_evidence(signed: Signed, evidence: Evidence, before: int | None) -> Evidence:
    """Keep the anchors with their terms, but ask for revocation values everywhere, and know only what is in the document."""
    values = [each for each in signed.unsigned.values if before is None or each.place < before]
    return Evidence(
        anchors=evidence.anchors,
        intermediates=_certificates(signed, before),
        terms=asking_everywhere(evidence),
        lists=_loaded(load_list, (each.der for each in values if each.kind is ValueKind.LIST)),
        answers=_loaded(load_answer, (each.der for each in values if each.kind is ValueKind.ANSWER)),
    )


def _certificates(signed: Signed, before: int | None = None) -> tuple[Certificate, ...]:
    found = (each for each in signed.unsigned.values if before is None or each.place < before)
    return _loaded(load, (each.der for each in found if each.kind is ValueKind.CERTIFICATE))


def _loaded(load_one: Callable[[bytes], _T], ders: Iterable[bytes]) -> tuple[_T, ...]:
    """Read what can be read; what cannot proves nothing, and its lack will be told."""
    found = []
    for der in ders:
        try:
            found.append(load_one(der))
        except Refused:
            continue
    return tuple(found)
