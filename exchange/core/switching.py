"""Would tomorrow's switch verify? The very judge of letters, asked beforehand, about the new key and about those in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from envelopes.opened import open_signed
from exchange.core.judging import Judging
from exchange.core.model import VALID_ONLY, Party
from exchange.core.ports import Workers
from trust_store.certificate import Certificate
from trust_store.errors import Refused
from trust_store.verdict import Outcome, Verdict, failed, passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Hold what would be said at a moment of the new certificate, and of those that are registered now."""

    certificate: Certificate | None
    verdict: Verdict
    current: tuple[tuple[Certificate, Verdict], ...]


async def rehearse(
    party: Party, new: bytes | Sequence[Certificate], at: datetime, judging: Judging, workers: Workers
) -> Rehearsal:
    """Judge certificates (the new one first), or the bytes of a letter signed with the new key, as if they came in then.

    A letter takes the whole way of one that is sent: its signature, its signer, its sender; nothing is filed.
    """
    known = await judging.store.registry.certificates(party.id)
    current = [(each, await judging.judge((each,), party.identity, at)) for each in known]
    if isinstance(new, bytes):
        chain, verdict = await _judge_letter(party, new, at, judging, workers)
    else:
        chain, verdict = tuple(new), await judging.judge(new, party.identity, at)
    return Rehearsal(certificate=chain[0] if chain else None, verdict=verdict, current=tuple(current))


async def _judge_letter(
    party: Party, data: bytes, at: datetime, judging: Judging, workers: Workers
) -> tuple[tuple[Certificate, ...], Verdict]:
    try:
        opened = await workers.run(len(data), open_signed, data)
        opened.admit(VALID_ONLY)
    except Refused as refusal:
        nothing = Verdict(outcome=Outcome.INVALID, text=refusal.detail, at=at)
        return (), _without(nothing, "signature", refusal)
    judged = await judging.judge(opened.chain, party.identity, at)
    signed = passed("signature", "The signature covers the whole letter and is by the key of the certificate")
    verdict = replace(judged, checks=(signed, *judged.checks))
    if verdict.reason is None:
        try:
            await workers.run(len(data), opened.accept, verdict)
        except Refused as refusal:
            return opened.chain, _without(verdict, "sender", refusal)
        named = passed("sender", "The letter names its signer as its sender")
        verdict = replace(verdict, checks=(*verdict.checks, named))
    return opened.chain, verdict


def _without(verdict: Verdict, check: str, refusal: Refused) -> Verdict:
    """Turn a verdict down for a check beyond the judge's own."""
    checks = (*verdict.checks, failed(check, refusal.reason, refusal.detail))
    return replace(verdict, outcome=Outcome.INVALID, text=refusal.detail, checks=checks, reason=refusal.reason)
