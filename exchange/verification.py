"""Verify any signed document offline: edXML, receipts, plain enveloped and enveloping signatures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from envelopes import receipt, xml
from envelopes.batch import climb, leaf_of, read_proof
from envelopes.edxml.syntax import NAMESPACE
from envelopes.signature.detached import Detached
from envelopes.signature.lasting import Lasting, assess, judge_claim
from envelopes.signature.reasons import COVERAGE, MISPLACED, REFERENCE, SEVERAL
from envelopes.signature.verify import Place, Signed, place_of, verify
from trust_store.errors import Refused, reason
from trust_store.evidence import Evidence
from trust_store.explain import Record, as_record
from trust_store.identity import may_issue_evidence
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.timestamp import judge_token
from trust_store.token import load_token
from trust_store.verdict import Outcome

NOT_AT_HAND = reason(
    "attachment-not-at-hand",
    "A file that the letter is signed over was not given",
    "Give the files that came with the letter (--attachment FILE)",
)
UNMATCHED = reason(
    "attachment-unmatched",
    "No letter that is believed is signed over this file",
    "Ask the sender for the file as it was signed, or give the letter that it belongs to",
)

_SENDER = "edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId"
_PLACES = frozenset(each.code for each in (COVERAGE, MISPLACED, REFERENCE, SEVERAL))
_SHOWN = 3
"""How many of the absent files are named."""
SENDER = "/".join(f"{{{NAMESPACE}}}{name}" for name in _SENDER.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say what one file turned out to be: `valid`, `invalid` or `unknown`, with a stable reason and a sentence.

    `detached` are the digests (SHA-256, hex) of the files beside it that a believed signature covers. `lasting` says what
    level the signature has reached and what time is proven, where there is one that holds. `checks` is the whole verdict
    about the signer as JSON values, empty where none could be reached.
    """

    verdict: str
    reason: str
    text: str
    detached: frozenset[str] = frozenset()
    lasting: Lasting | None = None
    checks: Record = field(default_factory=dict)


def examine(
    data: bytes,
    evidence: Evidence,
    policy: Policy,
    at: datetime,
    attachments: Collection[str] = (),
    proven: datetime | None = None,
    log_key: str = "",
) -> Finding:
    """Verify one document and judge its signer at a moment; needs no hub and no network.

    Where time-stamps prove an earlier moment, the signer is judged as of that: what ends later takes nothing away. `proven`
    is one that was proven otherwise, as by `examine_stamp`.

    `log_key` is the verifier key of the transparency log that receipts must be in; without it each names its own.
    `attachments` are the digests (SHA-256, hex) of the files at hand that travel beside documents.
    """
    try:
        tree = xml.parse(data)
        signed = verify(tree, place_of(tree.getroot()))
        what = _describe(signed)
        logged = _find_in_log(signed, log_key)
    except Refused as refusal:
        return Finding(verdict=Outcome.INVALID, reason=refusal.reason.code, text=refusal.text)
    lasting = assess(signed, evidence, policy, at)
    verdict = judge(signed.chain, evidence, policy, min(at, lasting.proven or at, proven or at))
    record = as_record(verdict)
    issuer = may_issue_evidence(signed.chain[0]) if receipt.is_receipt(signed.element) else None
    for check in (verdict, issuer):
        if check is not None and check.reason is not None:
            text = f"{check.text}. {check.reason.fix}"
            return Finding(verdict=check.outcome, reason=check.reason.code, text=text, lasting=lasting, checks=record)
    said = f"{what}signed by {signed.chain[0].subject}. {verdict.text}{_tell(lasting)}{_doubt(signed, at)}{logged}"
    return replace(_with_files(signed.detached, attachments, said), lasting=lasting, checks=record)


def examine_stamp(
    data: bytes, sealed: bytes, evidence: Evidence, policy: Policy, at: datetime
) -> tuple[Finding, datetime | None]:
    """Verify the proof (JSON) that a sealed receipt is in a time-stamped batch; the proven moment comes with it."""
    try:
        proof = read_proof(data, sealed)
        root, token = climb(leaf_of(sealed), proof), load_token(proof.token)
    except Refused as refusal:
        return Finding(verdict=Outcome.INVALID, reason=refusal.reason.code, text=refusal.text), None
    verdict = judge_token(token, root, evidence, policy, at)
    if verdict.reason is not None:
        text = f"{verdict.text}. {verdict.reason.fix}"
        return Finding(verdict=verdict.outcome, reason=verdict.reason.code, text=text), None
    text = f"The receipt is one of a batch of {proof.count}. {verdict.text}"
    return Finding(verdict=Outcome.VALID, reason="", text=text), token.time


def _find_in_log(signed: Signed, log_key: str) -> str:
    """Check a receipt's proof of the log, and tell where it is."""
    if not receipt.is_receipt(signed.element):
        return ""
    proof = receipt.check_log(signed.element, log_key)
    if proof is None:
        return ". Not in a transparency log"
    place = f"entry {proof.index + 1:,} of {proof.size:,}, number {proof.links.number:,} in its mailbox"
    return f". In the log {proof.key.partition('+')[0]}: {place}"


def _doubt(signed: Signed, at: datetime) -> str:
    """Tell of a claimed time that lies ahead; it decides nothing."""
    claim = judge_claim(signed.claimed_time, at)
    return f". {claim.text}" if claim.reason is not None else ""


def _tell(lasting: Lasting) -> str:
    """Tell the level, where there is more to tell than that of a plain signature."""
    if lasting.proven is not None:
        return f". {lasting.name}: it was there at {lasting.proven:%Y-%m-%d %H:%M:%S} UTC"
    wrong = next((each for each in lasting.checks if each.reason is not None and each.name != "level-T"), None)
    if wrong is not None:
        return f". {lasting.name}: a time-stamp proves nothing, {wrong.text}"
    return f". {lasting.name}" if lasting.is_baseline else ""


def belongs_to_others(data: bytes, finding: Finding) -> bool:
    """Tell whether a document that the hub's own profile refuses for the places of its signatures is of another kind.

    Letters and receipts are the hub's own kinds, and held to that profile whatever they hold.
    """
    if finding.reason not in _PLACES:
        return False
    root = xml.parse(data).getroot()
    return place_of(root) is not Place.EDXML_HEADER and not receipt.is_receipt(root)


def _with_files(detached: Sequence[Detached], attachments: Collection[str], said: str) -> Finding:
    """Say of a believed document whether the files beside it are at hand, too, as they were signed."""
    digests = frozenset(item.digest for item in detached)
    absent = [item for item in detached if item.digest not in attachments]
    if not absent:
        files = f". Files beside it, as they were signed: {len(detached)}" if detached else ""
        return Finding(verdict=Outcome.VALID, reason="", text=said + files, detached=digests)
    names = ", ".join(f"{item.content_id} (SHA-256 {item.digest})" for item in absent[:_SHOWN])
    text = f"{said}. Of {len(detached)} signed files beside it {len(absent)} not at hand: {names}. {NOT_AT_HAND.fix}"
    return Finding(verdict=Outcome.UNKNOWN, reason=NOT_AT_HAND.code, text=text, detached=digests)


def _describe(signed: Signed) -> str:
    if not receipt.is_receipt(signed.element):
        sender = "".join(element.text or "" for element in signed.element.iterfind(SENDER)).strip()
        return f"The whole document, which says it is from {sender}, is " if sender else "The whole document is "
    stated = receipt.read(signed.element)
    about = f" for {stated.refers_to}" if stated.refers_to else ""
    return f"{stated.event}{about} at {stated.at:%Y-%m-%d %H:%M:%S} UTC about {stated.message_id}, "
