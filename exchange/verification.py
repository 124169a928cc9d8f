"""Verify any signed document offline: edXML, receipts, plain enveloped and enveloping signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from envelopes import receipt, xml
from envelopes.edxml.syntax import NAMESPACE
from envelopes.signature.verify import Signed, place_of, verify
from trust_store.errors import Refused
from trust_store.evidence import Evidence
from trust_store.identity import may_issue_evidence
from trust_store.judge import judge
from trust_store.policy import Policy
from trust_store.verdict import Outcome

_SENDER = "edXMLEnvelope/edXMLHeader/MessageHeader/From/OrganId"
SENDER = "/".join(f"{{{NAMESPACE}}}{name}" for name in _SENDER.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say what one file turned out to be: `valid`, `invalid` or `unknown`, with a stable reason and a sentence."""

    verdict: str
    reason: str
    text: str


def examine(data: bytes, evidence: Evidence, policy: Policy, at: datetime) -> Finding:
    """Verify one document and judge its signer at a moment; needs no hub and no network."""
    try:
        tree = xml.parse(data)
        signed = verify(tree, place_of(tree.getroot()))
        what = _describe(signed)
    except Refused as refusal:
        return Finding(verdict=Outcome.INVALID, reason=refusal.reason.code, text=refusal.text)
    verdict = judge(signed.chain, evidence, policy, at)
    issuer = may_issue_evidence(signed.chain[0]) if receipt.is_receipt(signed.element) else None
    for check in (verdict, issuer):
        if check is not None and check.reason is not None:
            text = f"{check.text}. {check.reason.fix}"
            return Finding(verdict=check.outcome, reason=check.reason.code, text=text)
    return Finding(verdict=Outcome.VALID, reason="", text=f"{what}signed by {signed.chain[0].subject}. {verdict.text}")


def _describe(signed: Signed) -> str:
    if not receipt.is_receipt(signed.element):
        sender = "".join(element.text or "" for element in signed.element.iterfind(SENDER)).strip()
        return f"The whole document, which says it is from {sender}, is " if sender else "The whole document is "
    stated = receipt.read(signed.element)
    about = f" for {stated.refers_to}" if stated.refers_to else ""
    return f"{stated.event}{about} at {stated.at:%Y-%m-%d %H:%M:%S} UTC about {stated.message_id}, "
